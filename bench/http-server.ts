// One server of the loopback benchmark. Prints its URL.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { issuer, resource } from './tokens.ts'

const kind = process.argv[2]
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
const answerText = (): Response => new Response('ok', { headers: { 'content-type': 'text/plain' } })
const answerJson = async (request: Request): Promise<Response> => {
  const { id } = (await request.json()) as { id: number }
  const headers = { 'content-type': 'application/json' }
  return new Response(JSON.stringify({ jsonrpc: '2.0', id, result: {} }), { headers })
}
const answerOnExpress = (_request: any, response: any): void => response.type('text/plain').send('ok')
const answer = kind?.endsWith('JSON body') ? answerJson : answerText

async function listener(): Promise<(request: any, response: any) => unknown> {
  if (kind === 'SDK v1 on express') {
    const { default: express } = await import('express')
    const { requireBearerAuth } =
      await import('@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js')
    const { InvalidTokenError } = await import('@modelcontextprotocol/sdk/server/auth/errors.js')
    const app = express()
    const verifier = {
      verifyAccessToken: (token: string) =>
        verify(token).catch(() => {
          throw new InvalidTokenError('invalid token')
        }),
    }
    app.post('/mcp', requireBearerAuth({ verifier, requiredScopes: [] }), answerOnExpress)
    return app
  }
  if (kind?.startsWith('bare handler')) {
    const { toNodeHandler } = await import('srvx/node')
    return toNodeHandler(answer) as never
  }
  if (kind === 'mcp-handler') {
    const { withMcpAuth } = await import('mcp-handler')
    const handler = withMcpAuth(
      answer,
      (_request, token) => (token ? verify(token).catch(() => undefined) : undefined),
      { required: true },
    )
    const { getRequestListener } = await import('@hono/node-server')
    return getRequestListener(handler)
  }
  if (kind === 'bare express') {
    const { default: express } = await import('express')
    return express().post('/mcp', answerOnExpress)
  }
  const { createResourceServer, jwtVerifier } = await import('../src/index.ts')
  const rs = createResourceServer({
    resource,
    authorizationServers: [jwtVerifier({ issuer, keys: jwks, algorithms: ['RS256'] })],
  })
  if (kind === 'tollgate on express') {
    const { default: express } = await import('express')
    const { guard } = await import('../src/adapter/express.ts')
    return express().post('/mcp', guard(rs), answerOnExpress)
  }
  const { toNodeHandler } = await import('../src/adapter/node.ts')
  return toNodeHandler(rs.protect(answer)) as never
}

const server = createServer(await listener())
server.listen(0, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
)
