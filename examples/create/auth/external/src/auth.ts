// Who may call the MCP server. The authorization server in src/provider.ts issues the tokens.
import { createResourceServer, type Endpoints, type ResourceServer } from 'tollgate'
import { runtime } from './host.ts'
import { scopes } from './scopes.ts'
import { createProvider } from './provider.ts'
import { resource } from './settings.ts'

/** What your code, the store or another server threw. It may quote secrets: keep it where your errors go. */
const onError = (error: unknown, { where }: { where: string }): void => console.error(where, error)

/** The guard `rs`; `handle` answers the metadata. */
export function createAuth(): Endpoints & { rs: ResourceServer } {
  const rs = createResourceServer({
    resource,
    resourceName: 'Notes',
    authorizationServers: [createProvider()],
    scopesSupported: Object.keys(scopes),
    onError,
    ...runtime,
  })
  return { rs, handle: (request) => rs.handle(request) }
}
