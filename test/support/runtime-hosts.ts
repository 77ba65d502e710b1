// The notes server on each host, as its users start it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { freePort } from './runtime-port.ts'
import { bundle, compatibility, startWorkerd } from './runtime-workerd.ts'

const root = join(import.meta.dirname, '../..')
const bin = (name: string): string => join(root, 'node_modules/.bin', name)

export type Mode = 'internal' | 'external'
export type HostName = 'workerd' | 'node' | 'hono' | 'deno' | 'bun'

export interface Host {
  /** The MCP server. */
  url: URL
  close(): Promise<void>
}

/** Starts the host in one of the two modes; in the external one, with an independent authorization server beside it. */
export async function startHost(
  name: HostName,
  mode: Mode,
  options: { port?: number; persistTo?: string } = {},
): Promise<Host> {
  const port = options.port ?? (await freePort())
  const origin = `http://127.0.0.1:${port}`
  const as =
    mode === 'external'
      ? await startOidcProvider({
          scopes: ['notes:read', 'notes:write'],
          resources: { [`${origin}/mcp`]: 'jwt' },
        })
      : undefined
  const variables: Record<string, string> = {
    PUBLIC_URL: origin,
    AUTH_MODE: mode,
    AUTH_SERVER_URL: as?.issuer ?? '',
    TOLLGATE_SECRET: 'a secret for tests, long enough to be one',
  }
  const stop =
    name === 'workerd'
      ? await startWorker(port, variables, options.persistTo)
      : await startProgram(name, port, variables)
  return {
    url: new URL(`${origin}/mcp`),
    async close() {
      await stop()
      await as?.close()
    },
  }
}

/** The bindings of the repository's wrangler.toml. */
export const bindings = {
  kvNamespaces: { CACHE: 'cache', NOTES: 'notes' },
  durableObjects: { TOLLGATE: { className: 'TollgateStore', useSQLite: true } },
}

async function startWorker(
  port: number,
  variables: Record<string, string>,
  persistTo: string | undefined,
): Promise<() => Promise<void>> {
  const miniflare = await startWorkerd({
    ...compatibility,
    ...bindings,
    script: await bundle(join(root, 'examples/workers/worker.ts')),
    bindings: variables,
    port,
    ...(persistTo === undefined ? {} : { resourcePersistencePath: persistTo }),
  })
  return () => miniflare.dispose()
}

const commands: Record<Exclude<HostName, 'workerd'>, string[]> = {
  node: [process.execPath, 'examples/node/server.ts'],
  hono: [process.execPath, 'examples/hono/server.ts'],
  deno: [bin('deno'), 'run', '-A', '--unstable-kv', 'examples/deno/server.ts'],
  bun: [bin('bun'), 'examples/bun/server.ts'],
}

async function startProgram(
  name: Exclude<HostName, 'workerd'>,
  port: number,
  variables: Record<string, string>,
): Promise<() => Promise<void>> {
  const [command, ...parameters] = commands[name]
  const child = spawn(command!, parameters, {
    cwd: root,
    env: { ...process.env, ...variables, PORT: String(port), DENO_NO_UPDATE_CHECK: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let output = ''
    const heard = (chunk: Buffer): void => {
      output += chunk.toString()
      if (output.includes('Notes at ')) resolve()
    }
    child.stdout.on('data', heard)
    child.stderr.on('data', heard)
    child.once('close', () => reject(new Error(`${name} ended before it was ready:\n${output}`)))
  })
  return () => {
    child.kill('SIGTERM')
    return exited
  }
}
