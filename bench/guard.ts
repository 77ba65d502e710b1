// The guard in process: Request + guard + a handler that does nothing.
import { createLocalJWKSet, jwtVerify } from 'jose'
import { Hono } from 'hono'
import { jwk } from 'hono/jwk'
import { withMcpAuth } from 'mcp-handler'
import { OAuthError, OAuthErrorCode, requireBearerAuth } from '@modelcontextprotocol/server'
import { createResourceServer, jwtVerifier } from '../dist/index.js'
import { measure, table, bar, type Case, type Figure } from './harness.ts'
import { issuer, resource, tokens, type Tokens } from './tokens.ts'
import { workersProvider } from './workers-oauth-provider.ts'

type Handler = (request: Request) => Response | Promise<Response>

const ok = new Headers({ 'content-type': 'text/plain' })
const answer = (): Response => new Response(null, { status: 200, headers: ok })

export function request(token?: string): Request {
  return new Request(resource, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
}

/** The claims that every verifier checks. */
const claims = (alg: string) => ({
  issuer,
  audience: resource,
  algorithms: [alg],
  typ: 'at+jwt',
  requiredClaims: ['exp'],
})

function verifyWithJose({ alg, jwks }: Tokens) {
  const keys = createLocalJWKSet(jwks)
  return async (token: string) => {
    const { payload } = await jwtVerify(token, keys, claims(alg))
    return {
      token,
      clientId: String(payload['client_id']),
      scopes: String(payload['scope']).split(' '),
      expiresAt: payload.exp!,
    }
  }
}

export function peers(made: Tokens): Record<string, Handler> {
  const verify = verifyWithJose(made)
  const gate = requireBearerAuth({
    verifier: {
      verifyAccessToken: (token) =>
        verify(token).catch(() => {
          throw new OAuthError(OAuthErrorCode.InvalidToken, 'invalid token')
        }),
    },
    resourceMetadataUrl: 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
  })
  const hono = new Hono()
  hono.use(
    '*',
    jwk({
      keys: made.jwks.keys as never,
      alg: [made.alg as 'RS256'],
      verification: { iss: issuer, aud: resource },
    }),
  )
  hono.all('*', answer)
  return {
    'mcp-handler + jose': withMcpAuth(
      answer,
      (_request, token) => (token ? verify(token).catch(() => undefined) : undefined),
      { required: true },
    ),
    'MCP SDK v2 + jose': async (incoming) => {
      const auth = await gate(incoming)
      return auth instanceof Response ? auth : answer()
    },
    'hono/jwk, keys given': (incoming) => hono.fetch(incoming),
    'a Map in front of jose': mapInFront(verify),
  }
}

/** What one writes by hand: a map from the token to its result. */
function mapInFront(verify: (token: string) => Promise<{ expiresAt: number }>): Handler {
  const cache = new Map<string, { expiresAt: number }>()
  return async (incoming) => {
    const header = incoming.headers.get('authorization')
    const match = header?.match(/^Bearer (.+)$/i)
    if (!match) return new Response(null, { status: 401 })
    let found = cache.get(match[1]!)
    if (found === undefined) {
      try {
        found = await verify(match[1]!)
      } catch {
        return new Response(null, { status: 401 })
      }
      cache.set(match[1]!, found)
    }
    return found.expiresAt > Date.now() / 1000 ? answer() : new Response(null, { status: 401 })
  }
}

export function tollgate({ alg, jwks }: Tokens, tokenCache?: false): Handler {
  const rs = createResourceServer({
    resource,
    authorizationServers: [jwtVerifier({ issuer, keys: jwks, algorithms: [alg] })],
    ...(tokenCache === false ? { tokenCache } : {}),
  })
  return rs.protect(answer)
}

async function proves(name: string, handler: Handler, made: Tokens): Promise<void> {
  const good = await handler(request(made.fresh(0)))
  const bad = await handler(request(made.bad))
  if (good.status !== 200) throw new Error(`${name} refuses a good token: ${good.status}`)
  if (bad.status !== 401) throw new Error(`${name} does not refuse a bad token: ${bad.status}`)
}

const loop = (name: string, handler: Handler, token: (i: number) => string | undefined): Case => {
  let i = 0
  return {
    name,
    async run(n) {
      for (let k = 0; k < n; k++) await handler(request(token(i++)))
    },
  }
}

export async function guardBenchmark(): Promise<void> {
  for (const alg of ['RS256', 'ES256'] as const) {
    const made = await tokens(alg)
    const cases: Record<string, Handler> = { tollgate: tollgate(made), ...peers(made) }
    const wop = await workersProvider()
    for (const [name, handler] of Object.entries(cases)) await proves(name, handler, made)
    const bare: Case = loop('Request + no-op', answer, made.fresh)
    const figures = await measure([
      bare,
      ...Object.entries(cases).map(([name, handler]) => loop(name, handler, made.fresh)),
      loop('workers-oauth-provider', wop.handler, wop.fresh),
    ])
    print(`Guard, cached token, ${alg} (µs CPU for a whole request)`, figures)
    const floor = figures.get('Request + no-op')!.cpu
    const net = (name: string): number => Math.max(0.01, figures.get(name)!.cpu - floor)
    bar(
      `net of the request, mcp-handler : tollgate`,
      net('mcp-handler + jose') / net('tollgate'),
      alg === 'RS256' ? 150 : 300,
      'at least',
    )
    bar(`net, a hand-made Map : tollgate`, net('a Map in front of jose') / net('tollgate'), 4, 'at least')
    bar(`net, tollgate (µs)`, net('tollgate'), 0.5, 'at most')
    bar(
      `whole request, mcp-handler : tollgate`,
      figures.get('mcp-handler + jose')!.cpu / figures.get('tollgate')!.cpu,
      5,
      'at least',
    )
    bar(`whole request, tollgate : no-op`, figures.get('tollgate')!.cpu / floor, 1.2, 'at most')

    const uncached = await measure([
      loop('tollgate, no token cache', tollgate(made, false), made.fresh),
      { name: "jose's jwtVerify", run: joseAlone(made) },
      bare,
    ])
    print(`Guard, uncached, ${alg}`, uncached)
    const ours = uncached.get('tollgate, no token cache')!.cpu - uncached.get('Request + no-op')!.cpu
    bar(`net, tollgate : jwtVerify`, ours / uncached.get("jose's jwtVerify")!.cpu, 1.05, 'at most')
  }

  const made = await tokens('ES256', 1)
  const body = JSON.stringify({ error: 'invalid_token', error_description: 'no token' })
  const none = await measure([
    loop(
      'new Response, JSON body',
      () => new Response(body, { status: 401, headers: ok }),
      () => undefined,
    ),
    loop(
      'new Response, null body',
      () => new Response(null, { status: 401, headers: ok }),
      () => undefined,
    ),
    loop('tollgate', tollgate(made), () => undefined),
    ...Object.entries(peers(made)).map(([name, handler]) => loop(name, handler, () => undefined)),
  ])
  print('401 without a token', none)
  bar(
    'mcp-handler : tollgate',
    none.get('mcp-handler + jose')!.cpu / none.get('tollgate')!.cpu,
    2,
    'at least',
  )
  bar(
    'tollgate : new Response with a JSON body',
    none.get('tollgate')!.cpu / none.get('new Response, JSON body')!.cpu,
    1.3,
    'at most',
  )
}

function joseAlone({ alg, jwks, fresh }: Tokens): (n: number) => Promise<void> {
  const keys = createLocalJWKSet(jwks)
  let i = 0
  return async (n) => {
    for (let k = 0; k < n; k++) await jwtVerify(fresh(i++), keys, claims(alg))
  }
}

export function print(title: string, figures: ReadonlyMap<string, Figure>): void {
  const ours = [...figures].find(([name]) => name.startsWith('tollgate'))?.[1].cpu ?? 1
  table(title, [
    ['', 'µs CPU', 'µs wall', 'x tollgate'],
    ...[...figures].map(([name, { cpu, wall }]) => [
      name,
      cpu.toFixed(2),
      wall.toFixed(2),
      (cpu / ours).toFixed(2),
    ]),
  ])
}
