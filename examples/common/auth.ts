// Who issues the tokens is configuration: `AUTH_MODE=internal` runs the authorization server in this very program, `external` trusts `AUTH_SERVER_URL`.
import { createResourceServer, type Cache, type ResourceServer, type Runtime, type Store } from 'tollgate'
import { createAuthorizationServer, type EmbeddedAuthorizationServer } from 'tollgate/authorization-server'
import { introspectionVerifier } from 'tollgate/introspection'
import { oidc } from 'tollgate/provider/oidc'
import { readPublicUrl } from '../create/common/src/public-url.ts'
import { documents } from './documents.ts'
import { scopes } from './scopes.ts'
import { signIn, type SignInSettings } from './sign-in.ts'

/** The environment variables of every host. */
export interface Settings extends SignInSettings {
  /** Where the world reaches this server. */
  PUBLIC_URL: string
  AUTH_MODE?: string | undefined
  AUTH_SERVER_URL?: string | undefined
  /** Where the tokens of `AUTH_SERVER_URL` are opaque: who judges them, and as whom this server asks. */
  INTROSPECTION_URL?: string | undefined
  INTROSPECTION_CLIENT_ID?: string | undefined
  INTROSPECTION_CLIENT_SECRET?: string | undefined
  /** At least 32 random bytes. A server on this machine makes its own, and forgets it when it ends. */
  TOLLGATE_SECRET?: string | undefined
  /** For demos on this machine: where the document of https://demo-client.example is. */
  TOLLGATE_CLIENT_DOCUMENTS?: string | undefined
}

/** What the host brings. */
export type Platform = Runtime & {
  store: Store
  cache?: Cache
  /** Of the authorization server. Default: `PUBLIC_URL`. */
  issuer?: string
  /** Somebody in front of this server ends TLS. */
  behindProxy?: boolean
}

/** The guard of `/mcp`, and the authorization server where it is embedded. */
export function auth(
  settings: Settings,
  platform: Platform,
): { as: EmbeddedAuthorizationServer | undefined; rs: ResourceServer } {
  const { AUTH_MODE = 'internal', TOLLGATE_SECRET } = settings
  const publicUrl = readPublicUrl(settings.PUBLIC_URL)
  const { store, issuer = publicUrl, behindProxy = false, ...runtime } = platform
  const resource = `${publicUrl}/mcp`
  const as =
    AUTH_MODE === 'external'
      ? undefined
      : createAuthorizationServer({
          issuer,
          ...(TOLLGATE_SECRET ? { secret: TOLLGATE_SECRET } : {}),
          store,
          resources: { [resource]: { name: 'Notes', scopes } },
          // Where the application has users of its own, `ownLogin({ … })` stands here.
          signIn: signIn(settings),
          behindProxy,
          ...documents(settings),
          ...runtime,
        })
  const rs = createResourceServer({
    resource,
    resourceName: 'Notes',
    authorizationServers: [as ?? external(settings)],
    requiredScopes: ['notes:read'],
    scopesSupported: Object.keys(scopes),
    ...runtime,
  })
  return { as, rs }
}

/** JWTs need no more than the issuer's URL; opaque tokens are judged where they come from. */
function external({ AUTH_SERVER_URL: issuer = '', INTROSPECTION_URL, ...settings }: Settings) {
  if (!INTROSPECTION_URL) return issuer
  const { INTROSPECTION_CLIENT_ID: clientId = '', INTROSPECTION_CLIENT_SECRET: clientSecret = '' } = settings
  return introspectionVerifier(
    oidc({ issuer, introspectionEndpoint: INTROSPECTION_URL, clientId, clientSecret }),
  )
}
