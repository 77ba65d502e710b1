import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { base, opaqueOptions, preset, segment, type OpaqueOptions } from './preset.ts'

/** Options of {@link authentik}. */
export interface AuthentikOptions extends OpaqueOptions {
  /** Where authentik is, for example `https://id.example.com`. */
  url: string
  /** The application's slug. */
  slug: string
  /** The client id of the application's provider. */
  clientId: string
}

/**
 * authentik, with the issuer mode "each provider has a different issuer", its default. Access tokens are JWTs
 * with the claims of an ID token, so what tells them apart is introspection: `introspectionVerifier(
 * authentik({ … }))`. `resource` is not known; a token is for its own client.
 *
 * @see [OAuth2/OpenID provider](https://docs.goauthentik.io/add-secure-apps/providers/oauth2/)
 */
export function authentik(options: AuthentikOptions): Provider {
  const { url, slug, scopeClaims, ...credentials } = readOptions('authentik', options, {
    ...opaqueOptions(),
    url: base().required,
    slug: segment().required,
    clientId: segment().required,
  })
  // The trailing slash belongs to the issuer.
  const issuer = `${url}/application/o/${slug}/`
  return preset(
    {
      provider: 'authentik',
      issuer,
      opaque: {
        issuer,
        endpoint: `${url}/application/o/introspect/`,
        audience: { aud: [credentials.clientId] },
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'omit' },
      signIn: {
        name: 'authentik',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        nameClaims: ['preferred_username', 'name'],
        // Before 2025.10 it said so of every address, and now a mapping does.
        emailVerified: 'never',
      },
    },
    credentials,
  )
}
