// The packed package, projects that its `create` makes, and their commands.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { signalTree, treeOptions } from '../../scripts/process-tree.ts'
import { startLockRegistry } from './lock-registry.ts'
import { packedPackage } from './npm.ts'

export const root = join(import.meta.dirname, '../..')

/** Packs what the test command has built, and unpacks it where a project inside the repository finds it. */
export function pack(name: string): { folder: string } {
  const folder = join(root, '.tollgate', name)
  rmSync(folder, { recursive: true, force: true })
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  renameSync(packedPackage(folder), join(modules, 'tollgate'))
  return { folder }
}

export interface Outside {
  /** Outside the repository, so that no project finds a package which it does not declare. */
  readonly folder: string
  /** For every command: the registry, and the runtimes that the repository brings, but none of its programs. */
  readonly variables: Readonly<Record<string, string>>
  /** Runs `npx tollgate` of the packed package, installed with its own dependencies. Returns what it prints. */
  tollgate(command: string): Promise<string>
  close(): Promise<void>
}

export async function startOutside(): Promise<Outside> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-create-'))
  const [command, runtimes] = [join(folder, 'command'), join(folder, 'runtimes')]
  for (const path of [command, runtimes]) mkdirSync(path)
  for (const name of ['node', 'deno', 'bun'])
    symlinkSync(join(root, 'node_modules/.bin', name), join(runtimes, name))
  const registry = await startLockRegistry(join(folder, 'packed'))
  const variables = {
    PATH: `${runtimes}${delimiter}${systemPath}`,
    npm_config_registry: registry.url,
    NPM_CONFIG_REGISTRY: registry.url,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    DENO_DIR: join(folder, 'deno'),
    BUN_INSTALL_CACHE_DIR: join(folder, 'bun'),
  }
  writeFileSync(join(command, 'package.json'), '{}')
  await runCommand('npm install tollgate', command, variables)
  return {
    folder,
    variables,
    tollgate: async (args) => (await runCommand(`npx tollgate ${args}`, command, variables)).output(),
    async close() {
      await registry.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What README tells its reader to type. */
export function commandsIn(project: string): string[] {
  const text = readFileSync(join(project, 'README.md'), 'utf8')
  return /^```sh\n([\s\S]*?)^```$/m.exec(text)![1]!.trim().split('\n')
}

/** The runtimes of this machine, without the ones that the repository brings: on CI's smallest machine, Node 20. */
export const systemPath: string = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

export interface Running {
  /** The end of what it has printed. */
  output(): string
  close(): Promise<void>
}

/** Runs a command as a process group, until it prints `ready`; `undefined`: until it ends well. */
export async function runCommand(
  command: string,
  cwd: string,
  variables: Readonly<Record<string, string>>,
  ready?: RegExp,
): Promise<Running> {
  const [program = '', ...args] = command.split(' ')
  const quiet = {
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    NEXT_TELEMETRY_DISABLED: '1',
  }
  const { TOLLGATE_SECRET: _, NODE_ENV: __, ...environment } = process.env
  const child = spawn(program, args, {
    cwd,
    ...treeOptions(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment,
      ...quiet,
      NO_COLOR: '1',
      DENO_NO_UPDATE_CHECK: '1',
      ...variables,
    } as NodeJS.ProcessEnv,
  })
  let output = ''
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-8000)
        if (ready?.test(output)) resolve()
      })
    child.once('error', reject)
    void ended.then((code) =>
      ready === undefined && code === 0
        ? resolve()
        : reject(new Error(`"${command}" ended with ${code}:\n${output}`)),
    )
  })
  return {
    output: () => output,
    async close() {
      signalTree(child.pid, 'SIGTERM')
      const late = setTimeout(() => signalTree(child.pid, 'SIGKILL'), 5000)
      await ended
      clearTimeout(late)
      // workerd may outlive its parent.
      signalTree(child.pid, 'SIGKILL')
    },
  }
}
