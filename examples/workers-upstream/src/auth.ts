// Who may call the MCP server. This program issues the tokens itself, to users who sign in by src/sign-in.ts.
import { createResourceServer, type Endpoints, type ResourceServer } from 'tollgate'
import { createAuthorizationServer } from 'tollgate/authorization-server'
import { behindProxy, issuer, runtime } from './host.ts'
import { scopes } from './scopes.ts'
import { resource, setting } from './settings.ts'
import { createSignIn } from './sign-in.ts'
import { createStore } from './store.ts'

/** What your code, the store or another server threw. It may quote secrets: keep it where your errors go. */
const onError = (error: unknown, { where }: { where: string }): void => console.error(where, error)

/** The guard `rs`; `handle` answers the OAuth endpoints and the metadata. */
export function createAuth(): Endpoints & { rs: ResourceServer } {
  const as = createAuthorizationServer({
    issuer,
    secret: setting('TOLLGATE_SECRET'),
    store: createStore(),
    resources: { [resource]: { name: 'Notes', scopes } },
    signIn: createSignIn(),
    behindProxy,
    onError,
    ...runtime,
  })
  const rs = createResourceServer({
    resource,
    resourceName: 'Notes',
    authorizationServers: [as],
    onError,
    ...runtime,
  })
  return { rs, handle: async (request) => (await as.handle(request)) ?? rs.handle(request) }
}
