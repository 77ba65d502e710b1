// The packed package, and projects that its `create` makes, inside the repository: npm packages are found there.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { signalTree, treeOptions } from '../../scripts/process-tree.ts'
import { packedPackage } from './npm.ts'

export const root = join(import.meta.dirname, '../..')

export interface Packed {
  /** Where projects are made. */
  readonly folder: string
  /** Runs `tollgate` of the tarball there. */
  tollgate(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>
  /** Gives a project the packages that an installation would bring, from those of this folder. */
  link(project: string, from: string): void
}

/** What the scripts of a project call. */
const programs = ['tsc', 'wrangler', 'next']
/** A project brings no runtime. */
const notBrought = ['.bin', 'tollgate', 'node', 'deno', 'bun']

/** Packs what the test command has built. */
export function pack(name: string): Packed {
  const folder = join(root, '.tollgate', name)
  rmSync(folder, { recursive: true, force: true })
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  renameSync(packedPackage(folder), join(modules, 'tollgate'))
  return {
    folder,
    async tollgate(...args) {
      const command = [join(modules, 'tollgate/dist/cli/tollgate.js'), ...args]
      const child = spawn(process.execPath, command, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
      const output = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const)
        child[name].on('data', (chunk: Buffer) => (output[name] += chunk.toString()))
      const code = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)))
      return { code, ...output }
    },
    link(project, from) {
      const [source, goal] = [join(from, 'node_modules'), join(project, 'node_modules')]
      const linkTo = (name: string, path: string): void =>
        symlinkSync(relative(dirname(join(goal, name)), path), join(goal, name))
      mkdirSync(join(goal, '.bin'), { recursive: true })
      for (const name of programs)
        if (existsSync(join(source, '.bin', name))) linkTo(join('.bin', name), join(source, '.bin', name))
      for (const name of readdirSync(source)) if (!notBrought.includes(name)) linkTo(name, join(source, name))
      linkTo('tollgate', join(modules, 'tollgate'))
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
