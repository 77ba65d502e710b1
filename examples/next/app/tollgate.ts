// AUTH_SERVER_URL names an authorization server; without it there is one of our own below /oauth, with a sign-in for development.
import { createResourceServer } from 'tollgate'
import { createAuthorizationServer, dangerouslyDevSignIn } from 'tollgate/authorization-server'
import { memoryStore } from 'tollgate/store/memory'
import { scopes } from '../../common/notes.ts'

function build() {
  const { PUBLIC_URL = 'http://localhost:3000', AUTH_SERVER_URL } = process.env
  const resource = `${PUBLIC_URL}/mcp`
  const own =
    AUTH_SERVER_URL === undefined
      ? createAuthorizationServer({
          // Below a path, so that one catch-all route has all endpoints.
          issuer: `${PUBLIC_URL}/oauth`,
          secret: process.env['TOLLGATE_SECRET'],
          store: memoryStore(),
          signIn: dangerouslyDevSignIn(),
          resources: { [resource]: { name: 'Notes', scopes } },
        })
      : undefined
  const rs = createResourceServer({
    resource,
    authorizationServers: [own ?? AUTH_SERVER_URL!],
    requiredScopes: ['notes:read'],
    scopesSupported: Object.keys(scopes),
  })
  return { endpoints: own ? [own, rs] : [rs], rs }
}

// Next may load this module once per route; the parts must be the same ones everywhere.
const shared = globalThis as { tollgate?: ReturnType<typeof build> }
export const { endpoints, rs } = (shared.tollgate ??= build())
