// The authorization server, whose users are the application's, and the guard.
import { createResourceServer } from 'tollgate'
import { createAuthorizationServer, ownLogin } from 'tollgate/authorization-server'
import { memoryStore } from 'tollgate/store/memory'
import { identify } from './auth.ts'
import { scopes } from './notes.ts'
import { PUBLIC_URL, secret, shared } from './shared.ts'

export const tollgate = shared('tollgate', () => {
  const resource = `${PUBLIC_URL}/mcp`
  const as = createAuthorizationServer({
    // Below a path, so that one catch-all route has all endpoints.
    issuer: `${PUBLIC_URL}/oauth`,
    secret: secret('TOLLGATE_SECRET'),
    // Grants end with the process. An application has a store here that all instances share.
    store: memoryStore(),
    resources: { [resource]: { name: 'Notes', scopes } },
    signIn: ownLogin({ identify, loginUrl: '/sign-in' }),
    // Next serves plain http: a proxy in front of it ends TLS and says who the client is.
    behindProxy: true,
  })
  const rs = createResourceServer({
    resource,
    authorizationServers: [as],
    requiredScopes: ['notes:read'],
  })
  return { endpoints: [as, rs], rs }
})
