// The authorization server on Durable Objects, with the client that the official suite is told about.
import { env, waitUntil } from 'cloudflare:workers'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { durableObject, type DurableObjectNamespaceLike } from '../../src/store/durable-object.ts'
export { TollgateStore } from '../../src/store/durable-object.ts'

const { ISSUER, TOLLGATE_SECRET, TOLLGATE } = env as unknown as {
  ISSUER: string
  TOLLGATE_SECRET: string
  TOLLGATE: DurableObjectNamespaceLike
}

const as = createAuthorizationServer({
  issuer: ISSUER,
  secret: TOLLGATE_SECRET,
  store: durableObject(TOLLGATE),
  signIn: dangerouslyDevSignIn(),
  resources: { [`${ISSUER}/mcp`]: { scopes: { 'notes:read': 'Read your notes' } } },
  clients: [
    {
      client_id: 'conformance-public',
      redirect_uris: ['http://127.0.0.1:4100/callback'],
      token_endpoint_auth_method: 'none',
    },
  ],
  waitUntil,
})

export default {
  fetch: async (request: Request): Promise<Response> =>
    (await as.handle(request)) ?? new Response('Not found', { status: 404 }),
}
