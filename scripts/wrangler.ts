// Runs `wrangler dev` so that nothing of it is left behind.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signalTree, treeOptions } from './process-tree.ts'
import { root } from './start-state.ts'

export interface WranglerOptions {
  port: number
  /** Go over the file's own, and through a file: a command line can be read by everybody. */
  variables: Readonly<Record<string, string>>
  /** Answers with 200 as soon as the Worker runs. */
  ready: string
  /** Where bindings keep their data. Default: `.wrangler/state`. */
  persistTo?: string
  /** Default: the repository's `wrangler.toml`. */
  config?: string
}

export interface Wrangler {
  /** Rejects where the Worker cannot start. */
  ready: Promise<void>
  /** Resolves with its last output when it has ended. */
  exited: Promise<string>
  /** Ends it, also before it is ready. */
  close(): Promise<void>
}

export function startWrangler(options: WranglerOptions): Wrangler {
  const temporary = mkdtempSync(join(tmpdir(), 'tollgate-'))
  const variables = join(temporary, 'env')
  // Wrangler expands `$name`, and a password hash has such parts.
  const lines = Object.entries(options.variables).map(
    ([name, value]) => `${name}="${value.replaceAll('$', '\\$')}"`,
  )
  writeFileSync(variables, lines.join('\n'), { mode: 0o600 })

  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/wrangler/bin/wrangler.js'),
      'dev',
      `--config=${options.config ?? join(root, 'wrangler.toml')}`,
      '--ip=127.0.0.1',
      `--port=${options.port}`,
      '--inspector-port=0',
      `--env-file=${variables}`,
      '--show-interactive-dev-session=false',
      ...(options.persistTo ? [`--persist-to=${options.persistTo}`] : []),
    ],
    { cwd: root, ...treeOptions(), stdio: ['ignore', 'pipe', 'pipe'], env: environment() },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)))
  const exited = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', () => {
      rmSync(temporary, { recursive: true, force: true })
      resolve(output)
    })
  })
  const close = async (): Promise<void> => {
    signalTree(child.pid, 'SIGTERM')
    const late = setTimeout(() => signalTree(child.pid, 'SIGKILL'), 5000)
    await exited
    clearTimeout(late)
    // workerd may outlive its parent.
    signalTree(child.pid, 'SIGKILL')
  }
  return { ready: answers(options.ready, exited), exited, close }
}

/** Sends neither metrics nor a lookup of the location. */
const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
})

async function answers(url: string, exited: Promise<string>): Promise<void> {
  let failure: string | undefined
  exited.then((output) => (failure = output))
  let last = 'no server listens'
  for (let tries = 0; tries < 300; tries++) {
    if (failure !== undefined) throw new Error(`wrangler could not start:\n${failure}`)
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) })
      if (response.ok) return
      last = `${response.status} ${(await response.text()).slice(0, 2000)}`
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`the Worker does not answer at ${url}: ${last}`)
}
