import { basename, relative, resolve } from 'node:path'
import process from 'node:process'

import { Command, Option } from 'commander'

import {
  ageProblem,
  auths,
  hosts,
  problemOf,
  stores,
  tollgateProblem,
  type Choices,
} from './create/choices.ts'
import { environmentFile, makeSecrets, openSettings, settingsOf, type Secrets } from './create/environment.ts'
import { install } from './create/install.ts'
import { projectFiles } from './create/project.ts'
import { askChoices, defaultChoices, defaultFolder, type Given } from './create/questions.ts'
import { commandsOf } from './create/readme.ts'
import { checkTarget, writeProject } from './create/write.ts'
import { CommandError, exitCodes, type Io } from './io.ts'
import { ownVersion } from './version.ts'

interface CreateFlags extends Omit<Given, 'folder'> {
  readonly yes?: boolean
  readonly install: boolean
  readonly tollgate?: string
}

/** `tollgate create`: a protected MCP server in a folder of its own. `nodeVersion`: what it will run on. */
export const createCommand = (io: Io, nodeVersion: string = process.versions.node): Command =>
  new Command('create')
    .description('Make a new MCP server that is protected. Asks for what the flags do not say.')
    .argument('[dir]', `the folder, which must not exist or be empty (default: ${defaultFolder})`)
    .addOption(new Option('--host <host>', 'what it runs on').choices(hosts))
    .addOption(new Option('--auth <auth>', 'who signs users in').choices(auths))
    .option(
      '--provider <preset>',
      'the identity provider of --auth upstream and external, for example github',
    )
    .addOption(new Option('--store <store>', 'where grants lie').choices(stores))
    .option('--yes', 'ask nothing: defaults for what the flags do not say')
    .option('--no-install', 'do not install the dependencies')
    .option(
      '--tollgate <version>',
      'what package.json names as tollgate; a version, or (not on Deno) file:<tarball>',
    )
    .addHelpText('after', help)
    .action(async (folder: string | undefined, flags: CreateFlags) => {
      await create(io, { ...flags, folder }, flags, nodeVersion)
    })

const help = `
--auth is one of
  password    this server issues the tokens; one owner signs in with a password that is made now
  upstream    this server issues the tokens; users sign in at the identity provider
  own-login   this server issues the tokens; your application's own login says who the user is
  external    the provider issues the tokens, and this server verifies them

Examples:
  npx tollgate create my-server
  npx tollgate create my-server --host workers --auth password --yes
  npx tollgate create my-server --host hono --auth upstream --provider github --store sqlite --yes`

async function create(io: Io, given: Given, flags: CreateFlags, nodeVersion: string): Promise<void> {
  if (given.folder?.trim() === '')
    throw new CommandError('The folder has no name; "." is this one.', exitCodes.usage)
  if (given.folder !== undefined) checkTarget(given.folder)
  const { folder, choices } = await readChoices(io, given, flags.yes === true, nodeVersion)
  const tollgate = flags.tollgate ?? `^${ownVersion()}`
  const problem = problemOf(choices, nodeVersion) ?? tollgateProblem(choices.host, tollgate)
  if (problem !== undefined) throw new CommandError(problem, exitCodes.usage)
  const path = resolve(folder)
  checkTarget(folder)

  const secrets = await makeSecrets(choices)
  writeProject(path, projectFiles({ name: packageName(path), choices, tollgate, secrets }))
  io.stderr.write(`Made ${folder}.\n`)

  const commands = commandsOf(choices.host)
  let failure: CommandError | undefined
  if (flags.install) {
    io.stderr.write(`Installing (${commands.install})…\n`)
    failure = await install(commands.install, path).then(
      () => undefined,
      (error: CommandError) => error,
    )
  }
  const first = flags.install && failure === undefined ? [] : [commands.install]
  const move = relative(process.cwd(), path)
  const steps = [...(move === '' ? [] : [`cd ${quoted(move)}`]), ...first, ...commands.start]
  const old = ageProblem(choices.host, nodeVersion)
  io.stdout.write(nextSteps(steps, choices, secrets) + (old === undefined ? '' : `\n${old}\n`))
  // The project is whole; only its dependencies are missing.
  if (failure !== undefined)
    throw new CommandError(
      `${failure.message}\nThe project is complete: install it yourself.`,
      failure.exitCode,
    )
}

async function readChoices(
  io: Io,
  given: Given,
  yes: boolean,
  nodeVersion: string,
): Promise<{ folder: string; choices: Choices }> {
  if (yes) return { folder: given.folder ?? defaultFolder, choices: defaultChoices(given, nodeVersion) }
  if (io.stdin.isTTY === true) return askChoices(io, given, nodeVersion)
  throw new CommandError(
    'The standard input is not a terminal, so nothing can be asked: add --yes, which takes defaults for what ' +
      'the flags do not say.',
    exitCodes.usage,
  )
}

function nextSteps(steps: readonly string[], choices: Choices, secrets: Secrets): string {
  const file = environmentFile(choices.host)
  const open = openSettings(settingsOf(choices, secrets))
  const fill = open.length === 0 ? '' : `\nFirst fill in ${file}: ${open.join(', ')}. README.md says how.\n`
  const password =
    secrets.password === ''
      ? ''
      : `\nSign in as "owner" with the password ${secrets.password}\n` +
        `It is shown only now: ${file} has its hash, and "npx tollgate password" makes another.\n`
  return `\nNext:\n${steps.map((step) => `  ${step}\n`).join('')}${fill}${password}`
}

/** As a shell takes it. Those of Windows know double quotes only. */
function quoted(path: string): string {
  if (process.platform === 'win32') return /^[\w.\\:-]+$/.test(path) ? path : `"${path}"`
  if (/^[\w./][\w./@+-]*$/.test(path)) return path
  return `'${(path.startsWith('-') ? `./${path}` : path).replaceAll("'", "'\\''")}'`
}

/** As npm and Cloudflare take it. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '')
  return name || defaultFolder
}
