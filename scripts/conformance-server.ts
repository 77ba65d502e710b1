// `npm run conformance-server`: both roles on loopback HTTP, for black-box tests. See docs/reference/conformance-server.md.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { memory, needs, notes } from '../examples/common/notes.ts'
import { clientAddress, toNodeHandler } from '../src/adapter/node.ts'
import { memoryCache } from '../src/cache/memory.ts'
import {
  ConfigurationError,
  createResourceServer,
  type AuthorizationServer,
  type Fetch,
  type Runtime,
} from '../src/index.ts'
import { introspectionVerifier } from '../src/resource-server/verify/introspection/introspection.ts'
import { operationScopes } from '../src/resource-server/operations/operations.ts'
import { embeddedServer } from './conformance-authorization-server.ts'
import { readFlags, refuse, type Flags } from './conformance-flags.ts'
import { openStore } from './conformance-store.ts'

const flags = readFlags(process.argv.slice(2))
const server = createServer()
await new Promise<void>((resolve, reject) => {
  server.once('error', reject)
  server.listen(flags.port, '127.0.0.1', resolve)
})
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const { store, close } = await openStore(flags)

let ahead = 0
const runtime: Runtime = {
  clock: () => Date.now() / 1000 + ahead,
  clientAddress,
  ...(flags.outbound === undefined ? {} : { fetch: redirected(flags.outbound) }),
}
const handler = composed(flags)
server.on('request', toNodeHandler(handler))
console.log(base)

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    server.close(() => void close().finally(() => process.exit(0)))
    server.closeAllConnections()
  })

/** What only the servers can judge, such as an issuer, is a wrong flag as well. */
function composed(flags: Flags): ReturnType<typeof compose> {
  try {
    return compose(flags)
  } catch (error) {
    if (error instanceof ConfigurationError) return refuse(error)
    throw error
  }
}

/** Health and test controls, the authorization server, the two resources. */
function compose({ external, requiredScopes, testControls }: Flags): (request: Request) => Promise<Response> {
  const issuer = flags.issuer ?? base
  const { origin } = new URL(issuer)
  const resources = [`${origin}/mcp`, `${origin}/b/mcp`]
  const as = external === undefined ? embeddedServer({ issuer, resources, store, runtime, flags }) : undefined
  const rs = createResourceServer({
    resource: resources.map((resource) => ({
      resource,
      authorizationServers: [as ?? trusted(external!, resource, flags)],
    })),
    authorizationServers: [as ?? external!],
    requiredScopes,
    // The suite judges step-up.
    firstChallengeScopes: 'required',
    scopesSupported: ['notes:read', 'notes:write'],
    cache: memoryCache({ clock: runtime.clock! }),
    ...runtime,
  })
  const guarded = rs.protect(notes(memory()), { operations: operationScopes(needs, { default: 'deny' }) })
  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/healthz') return new Response('ok')
    if (testControls && pathname === '/__test/clock' && request.method === 'POST') return advance(request)
    return (await as?.handle(request)) ?? guarded(request)
  }
}

async function advance(request: Request): Promise<Response> {
  const body = (await request.json().catch(() => null)) as { advance?: unknown } | null
  const seconds = body?.advance
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return new Response(null, { status: 400 })
  ahead += seconds
  return Response.json({ now: runtime.clock!() })
}

/** Who issues the tokens of this resource, where it is not the embedded server. */
function trusted(
  issuer: string,
  resource: string,
  { introspection, introspectionClient, secret }: Flags,
): string | AuthorizationServer {
  if (introspection === undefined) return issuer
  const authentication = {
    method: 'client_secret_basic',
    clientId: introspectionClient ?? resource,
    clientSecret: secret,
  } as const
  return introspectionVerifier({ issuer, endpoint: introspection }, { authentication })
}

/** Whatever goes out arrives at one place, which sees where it was meant for. */
function redirected(outbound: string): Fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const { pathname, search } = new URL(request.url)
    const headers = new Headers(request.headers)
    headers.set('x-original-url', request.url)
    const body = request.body === null ? {} : { body: await request.arrayBuffer() }
    return fetch(new URL(pathname + search, outbound), {
      method: request.method,
      headers,
      redirect: 'manual',
      signal: request.signal,
      ...body,
    })
  }
}
