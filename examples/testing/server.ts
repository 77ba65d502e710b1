// The server under test, twice: with another issuer's tokens, and with its own authorization server.
import { createResourceServer, type AuthorizationServer, type Runtime } from 'tollgate'
import { createAuthorizationServer, ownLogin } from 'tollgate/authorization-server'
import { memoryStore } from 'tollgate/store/memory'

export const resource = 'https://notes.example.com/mcp'
export const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' }

/** Production passes nothing; a test passes its issuer and its clock. */
export function createServer(
  issuer: string | AuthorizationServer = 'https://login.example.com',
  runtime: Runtime = {},
): (request: Request) => Promise<Response> {
  const rs = createResourceServer({
    resource,
    authorizationServers: [issuer],
    requiredScopes: ['notes:read'],
    ...runtime,
  })
  const read = rs.protect((_request, auth) => Response.json({ notesOf: auth.subject }))
  const write = rs.protect(() => new Response('written'), { scopes: ['notes:write'] })
  return (request) => (request.method === 'PUT' ? write(request) : read(request))
}

/** The same server, which issues the tokens itself. A session cookie says who is signed in. */
export function createOwnServer(runtime: Runtime = {}): (request: Request) => Promise<Response> {
  const as = createAuthorizationServer({
    issuer: 'https://notes.example.com',
    secret: process.env['TOLLGATE_SECRET'] ?? 'a secret for tests, of more than 32 bytes',
    store: memoryStore(),
    resources: { [resource]: { scopes } },
    signIn: ownLogin({ identify: userOf, loginUrl: '/login' }),
    ...runtime,
  })
  const server = createServer(as, runtime)
  return async (request) => (await as.handle(request)) ?? server(request)
}

/** Yours looks the session up. */
function userOf(request: Request): { subject: string } | undefined {
  const [, subject] = /\bsession=(\w+)/.exec(request.headers.get('cookie') ?? '') ?? []
  return subject === undefined ? undefined : { subject }
}
