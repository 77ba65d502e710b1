// Builds and starts a Next application, with the Next that the example is locked to.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { npmProgram } from '../../scripts/program.ts'

const root = join(import.meta.dirname, '../..')
const example = join(root, 'examples/next')
const next = join(example, 'node_modules/next/dist/bin/next')

const environment = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' as const }

/** `folder`: of the application, below the repository. Its `node_modules` are the example's. */
export async function buildNext(folder: string): Promise<void> {
  await install('examples/next')
  const cwd = join(root, folder)
  const modules = join(cwd, 'node_modules')
  if (cwd !== example && !existsSync(modules)) {
    rmSync(modules, { force: true })
    symlinkSync(relative(cwd, join(example, 'node_modules')), modules)
  }
  // U4: an address of production, and no secret.
  const { TOLLGATE_SECRET: _, ...env } = environment as NodeJS.ProcessEnv
  await run(process.execPath, [next, 'build'], cwd, { ...env, PUBLIC_URL: 'https://notes.example.com' })
}

/** Starts what was built; resolves when it listens. */
export async function startNext(
  folder: string,
  port: number,
  env: Record<string, string> = {},
): Promise<{ close(): Promise<void> }> {
  const child = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', String(port)], {
    cwd: join(root, folder),
    env: { ...environment, ...env },
    stdio: 'pipe',
  })
  const output = collect(child)
  for (let i = 0; i < 300; i++) {
    if (child.exitCode !== null) throw new Error(`next start ended: ${output()}`)
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    async close() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** What an example brings of its own, from its lock file. `dev`: also what the repository brings anyway. */
export async function install(folder: string, { dev = true } = {}): Promise<void> {
  const cwd = join(root, folder)
  const [npm, ...before] = npmProgram()
  if (!existsSync(join(cwd, 'node_modules')))
    await run(npm, [...before, 'ci', dev ? '--include=dev' : '--omit=dev', '--no-audit', '--no-fund'], cwd)
}

async function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = environment,
): Promise<void> {
  const child = spawn(command, args, { cwd, env, stdio: 'pipe' })
  const output = collect(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output()}`)
}

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => (text = (text + chunk).slice(-8000)))
  return () => text
}
