import { randomBytes } from 'node:crypto'

import { hashPassword } from '../../authorization-server/sign-in/password.ts'
import type { Choices, HostName } from './choices.ts'
import { neededOptions, settingName } from './provider-file.ts'
import { providers } from './providers.ts'

/** An environment variable of the project. */
export interface Setting {
  readonly name: string
  /** What it is, for both files and README. */
  readonly about: string
  /** Shows the form. If it is also `local`, the example file has it as a value. */
  readonly example: string
  /** For this machine. Empty: the user fills it in. Absent: it is left out, and its default holds. */
  readonly local?: string
}

/** What is made once and lies only in the file that git ignores. */
export interface Secrets {
  readonly secret: string
  readonly password: string
  readonly passwordHash: string
}

/** Workers refuse more. */
const workersIterations = 100_000

export async function makeSecrets({ host, auth }: Choices): Promise<Secrets> {
  const password = randomBytes(18).toString('base64url')
  const needed = auth === 'password'
  const options = host === 'workers' ? { iterations: workersIterations } : {}
  return {
    secret: randomBytes(32).toString('base64url'),
    password: needed ? password : '',
    passwordHash: needed ? await hashPassword(password, options) : '',
  }
}

/** Next and Bun expand `$name` in such a file, also in single quotes, and a password hash has such parts. */
const expands: readonly HostName[] = ['next', 'bun']

/** The name of the file that is read on this machine. */
export const environmentFile = (host: HostName): string => (host === 'workers' ? '.dev.vars' : '.env')

export const port = (host: HostName): number => (host === 'next' ? 3000 : 8787)

const publicUrl = 'Where the world reaches this server, without /mcp.'

/** The variables, in their order. */
export function settingsOf(choices: Choices, secrets: Secrets): readonly Setting[] {
  const { host, auth, provider, store } = choices
  const here = `http://127.0.0.1:${port(host)}`
  const forWorkers = host === 'workers' ? ` --iterations ${workersIterations}` : ''
  const escaping = expands.includes(host) ? ' (in this file, write \\$ for each $)' : ''
  const all: Setting[] = [
    host === 'workers'
      ? // It goes before the one in wrangler.toml. Wrangler does not say which port it took.
        { name: 'PUBLIC_URL', about: `${publicUrl} On this machine: ${here}.`, example: here, local: here }
      : { name: 'PUBLIC_URL', about: `${publicUrl} Default: ${here}.`, example: 'https://notes.example.com' },
  ]
  if (host !== 'workers')
    all.push({
      name: 'PORT',
      about: `Where this server listens. Default: ${port(host)}.`,
      example: String(port(host)),
    })
  if (auth !== 'external')
    all.push({
      name: 'TOLLGATE_SECRET',
      about: 'At least 32 random bytes: openssl rand -base64 32',
      example: '',
      local: secrets.secret,
    })
  if (auth === 'password')
    all.push({
      name: 'OWNER_PASSWORD_HASH',
      about: `The password of the user "owner", hashed: npx tollgate password${forWorkers}${escaping}`,
      example: '',
      local: secrets.passwordHash,
    })
  if (auth === 'own-login')
    all.push({
      name: 'DEV_USER',
      about: 'Only on this machine: the user who is signed in until src/sign-in.ts reads your session.',
      example: '',
      local: 'demo',
    })
  if (provider !== undefined) {
    const { title } = providers[provider]!
    for (const [option, example] of Object.entries(neededOptions(provider, auth)))
      all.push({
        name: settingName(provider, option),
        about: `${title}: \`${option}\` of the preset.`,
        example,
        local: '',
      })
  }
  const names = provider === 'github' ? 'logins' : 'verified email addresses'
  const accounts = `${names} as the provider writes them, or id: and the user's id there`
  if (auth === 'upstream')
    all.push({
      name: 'ALLOWED_USERS',
      about: `Who may enter, with commas between: ${accounts}.`,
      example: provider === 'github' ? 'octocat,id:583231' : 'ada@example.com,id:583231',
      local: '',
    })
  if (store === 'sqlite')
    all.push({
      name: 'DATABASE',
      about: 'The file of the grants. Default: tollgate.db.',
      example: 'tollgate.db',
    })
  if (store === 'deno-kv')
    all.push({
      name: 'DATABASE',
      about: 'The file of Deno KV. On Deno Deploy it must be empty: the database there has no file.',
      example: './tollgate.db',
      local: './tollgate.db',
    })
  if (store === 'redis')
    all.push({
      name: 'REDIS_URL',
      about: 'The Redis server.',
      example: 'redis://localhost:6379',
      local: 'redis://localhost:6379',
    })
  if (store === 'postgres')
    all.push({
      name: 'DATABASE_URL',
      about: 'The PostgreSQL database.',
      example: 'postgres://user:password@localhost/notes',
      local: '',
    })
  return all
}

/** What the user must fill in before the first start. */
export const openSettings = (settings: readonly Setting[]): readonly string[] =>
  settings.filter(({ local }) => local === '').map(({ name }) => name)

/** A file that documents the variables, and holds no secret. A copy of it, filled in, is for this machine. */
export const exampleFile = (settings: readonly Setting[], host: HostName): string =>
  settings
    .map((setting) => {
      const { name, about, example, local } = setting
      const line = `${name}=${quote(example, host)}`
      if (local === undefined) return `# ${about}\n# ${line}\n`
      return local === example ? `# ${about}\n${line}\n` : `${comment(setting)}${name}=\n`
    })
    .join('\n')

/** The file for this machine. */
export const localFile = (settings: readonly Setting[], host: HostName): string =>
  settings
    .filter(({ local }) => local !== undefined)
    .map((setting) => {
      const { name, about, local = '' } = setting
      return `${local === '' ? comment(setting) : `# ${about}\n`}${name}=${quote(local, host)}\n`
    })
    .join('\n')

const comment = ({ about, example }: Setting): string =>
  `# ${about}\n${example === '' ? '' : `# For example: ${example}\n`}`

function quote(value: string, host: HostName): string {
  if (/^[\w.:/@,-]*$/.test(value)) return value
  return expands.includes(host) ? `"${value.replaceAll('$', '\\$')}"` : `'${value}'`
}
