// One server of the loopback benchmark. Prints its URL. What a peer has of its own is as its documentation shows it.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { issuer, resource } from './tokens.ts'

type Handler = (request: Request) => Response | Promise<Response>

const jwks = JSON.parse(process.env['JWKS']!)
const keys = createLocalJWKSet(jwks)
const verify = async (token: string) => {
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    audience: resource,
    algorithms: ['RS256'],
    typ: 'at+jwt',
  })
  return {
    token,
    clientId: String(payload['client_id']),
    scopes: String(payload['scope']).split(' '),
    expiresAt: payload.exp!,
  }
}

/** Reads a JSON body, if there is one. */
const answer = async (request: Request): Promise<Response> => {
  if (request.headers.get('content-type') === 'application/json') await request.json()
  return new Response('ok', { headers: { 'content-type': 'text/plain' } })
}

async function rs() {
  const { createResourceServer, jwtVerifier } = await import('../src/index.ts')
  return createResourceServer({
    resource,
    authorizationServers: [jwtVerifier({ issuer, keys: jwks, algorithms: ['RS256'] })],
  })
}

async function onExpress(...middleware: unknown[]): Promise<RequestListener> {
  const { default: express } = await import('express')
  const app = express()
  const end = (_request: unknown, response: { type(name: string): { send(text: string): void } }) =>
    void response.type('text/plain').send('ok')
  app.post('/mcp', ...(middleware as []), end as never)
  return app as never
}

async function onHono(handler: Handler): Promise<RequestListener> {
  const { getRequestListener } = await import('@hono/node-server')
  return getRequestListener(handler) as never
}

const kinds: Record<string, () => Promise<RequestListener>> = {
  srvx: async () => (await import('srvx/node')).toNodeHandler(answer) as RequestListener,
  '@hono/node-server': () => onHono(answer),
  tollgate: async () => (await import('../src/adapter/node.ts')).toNodeHandler((await rs()).protect(answer)),
  'mcp-handler': async () => {
    const { withMcpAuth } = await import('mcp-handler')
    return onHono(
      withMcpAuth(answer, (_request, token) => (token ? verify(token).catch(() => undefined) : undefined), {
        required: true,
      }),
    )
  },
  express: () => onExpress(),
  'tollgate on express': async () =>
    onExpress((await import('../src/adapter/express.ts')).guard((await rs()) as never)),
  'SDK v1 on express': async () => {
    const { requireBearerAuth } =
      await import('@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js')
    const { InvalidTokenError } = await import('@modelcontextprotocol/sdk/server/auth/errors.js')
    const verifier = {
      verifyAccessToken: (token: string) =>
        verify(token).catch(() => {
          throw new InvalidTokenError('invalid token')
        }),
    }
    return onExpress(requireBearerAuth({ verifier, requiredScopes: [] }))
  },
}

const server = createServer(await kinds[process.argv[2]!]!())
server.listen(0, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
)
