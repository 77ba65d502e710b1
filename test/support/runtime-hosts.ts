// The notes server on each host, as its users start it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { buildNext, install, startNext } from './runtime-next.ts'
import { freePort } from './runtime-port.ts'
import { bundle, compatibility, startWorkerd } from './runtime-workerd.ts'

const root = join(import.meta.dirname, '../..')
export const bin = (name: string): string => join(root, 'node_modules/.bin', name)

export type HostName = 'workerd' | 'node' | 'express' | 'hono' | 'next' | 'deno' | 'bun'
/** Who issues the tokens: the host itself, or an independent authorization server beside it, of either kind. */
export type Issuer = 'internal' | 'jwt' | 'opaque'

export interface Host {
  /** The MCP server. */
  url: URL
  close(): Promise<void>
}

interface Start {
  port: number
  variables: Record<string, string>
  persistTo?: string | undefined
  /** Where the program runs. Default: the repository. */
  cwd?: string
}

/** Starts the program of `examples/`; all that differs between issuers is its environment. */
export async function startHost(
  name: HostName,
  issuer: Issuer,
  options: { port?: number; persistTo?: string } = {},
): Promise<Host> {
  const port = options.port ?? (await freePort())
  const origin = `http://127.0.0.1:${port}`
  const { variables, close } = await startIssuer(issuer, `${origin}/mcp`)
  const stop = await starts[name]({
    port,
    variables: { PUBLIC_URL: origin, ...variables },
    persistTo: options.persistTo,
  })
  return {
    url: new URL(`${origin}/mcp`),
    async close() {
      await stop()
      await close()
    },
  }
}

async function startIssuer(
  issuer: Issuer,
  resource: string,
): Promise<{ variables: Record<string, string>; close(): Promise<void> }> {
  const secret = 'a secret for tests, long enough to be one'
  if (issuer === 'internal')
    return { variables: { AUTH_MODE: 'internal', TOLLGATE_SECRET: secret }, close: async () => undefined }
  const introspector = { clientId: 'notes-server', clientSecret: secret }
  const { issuer: url, close } = await startOidcProvider({
    scopes: ['notes:read', 'notes:write'],
    resources: { [resource]: issuer },
    introspector,
  })
  const opaque = {
    INTROSPECTION_URL: `${url}/token/introspection`,
    INTROSPECTION_CLIENT_ID: introspector.clientId,
    INTROSPECTION_CLIENT_SECRET: introspector.clientSecret,
  }
  return {
    variables: { AUTH_MODE: 'external', AUTH_SERVER_URL: url, ...(issuer === 'opaque' ? opaque : {}) },
    close,
  }
}

let builtNext: Promise<void> | undefined

const starts: Record<HostName, (start: Start) => Promise<() => Promise<void>>> = {
  workerd: startWorker,
  node: program([process.execPath, 'examples/node/server.ts']),
  async express(start) {
    await install('examples/express')
    return program([process.execPath, 'test/support/notes-express.ts'])(start)
  },
  hono: program([process.execPath, 'examples/hono/server.ts']),
  async next({ port, variables }) {
    await (builtNext ??= buildNext('test/support/notes-next'))
    return (await startNext('test/support/notes-next', port, variables)).close
  },
  deno: program([bin('deno'), 'run', '-A', '--unstable-kv', 'examples/deno/server.ts']),
  bun: program([bin('bun'), 'examples/bun/server.ts']),
}

/** The bindings of the repository's wrangler.toml. */
export const bindings = {
  kvNamespaces: { CACHE: 'cache', NOTES: 'notes' },
  durableObjects: { TOLLGATE: { className: 'TollgateStore', useSQLite: true } },
}

async function startWorker({ port, variables, persistTo }: Start): Promise<() => Promise<void>> {
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

/** A program that says `Notes at …` as soon as it listens. */
export function program(command: string[]): (start: Start) => Promise<() => Promise<void>> {
  return (start) => startProgram(command, start)
}

async function startProgram(
  [command, ...parameters]: string[],
  { port, variables, cwd = root }: Start,
): Promise<() => Promise<void>> {
  const child = spawn(command!, parameters, {
    cwd,
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
    child.once('close', () => reject(new Error(`${parameters.at(-1)} ended before it was ready:\n${output}`)))
  })
  return () => {
    child.kill('SIGTERM')
    return exited
  }
}
