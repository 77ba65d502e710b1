// Who issues the tokens is configuration: `AUTH_MODE=internal` runs the authorization server in this very program, `external` trusts `AUTH_SERVER_URL`.
import { createResourceServer, type Cache, type ResourceServer, type Runtime, type Store } from 'tollgate'
import {
  createAuthorizationServer,
  dangerouslyDevSignIn,
  type EmbeddedAuthorizationServer,
} from 'tollgate/authorization-server'
import { documents } from './documents.ts'
import { scopes } from './notes.ts'

/** The environment variables of every host. */
export interface Settings {
  /** Where the world reaches this server. */
  PUBLIC_URL: string
  AUTH_MODE?: string | undefined
  AUTH_SERVER_URL?: string | undefined
  /** At least 32 random bytes. A server on this machine makes its own, and forgets it when it ends. */
  TOLLGATE_SECRET?: string | undefined
  /** For demos on this machine: where the document of https://demo-client.example is. */
  TOLLGATE_CLIENT_DOCUMENTS?: string | undefined
}

/** The guard of `/mcp`, and the authorization server where it is embedded. */
export function auth(
  settings: Settings,
  platform: Runtime & { store: Store; cache?: Cache },
): { as: EmbeddedAuthorizationServer | undefined; rs: ResourceServer } {
  const { PUBLIC_URL, AUTH_MODE = 'internal', AUTH_SERVER_URL = '', TOLLGATE_SECRET } = settings
  const { store, ...runtime } = platform
  const resource = `${PUBLIC_URL}/mcp`
  const as =
    AUTH_MODE === 'external'
      ? undefined
      : createAuthorizationServer({
          issuer: PUBLIC_URL,
          ...(TOLLGATE_SECRET ? { secret: TOLLGATE_SECRET } : {}),
          store,
          resources: { [resource]: { name: 'Notes', scopes } },
          // Anybody signs in under any name. It works on this machine alone: yours is `ownLogin` or `upstream`.
          signIn: dangerouslyDevSignIn(),
          ...documents(settings),
          ...runtime,
        })
  const rs = createResourceServer({
    resource,
    resourceName: 'Notes',
    authorizationServers: [as ?? AUTH_SERVER_URL],
    requiredScopes: ['notes:read'],
    scopesSupported: Object.keys(scopes),
    ...runtime,
  })
  return { as, rs }
}
