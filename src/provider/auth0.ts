import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, commonOptions, host, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link auth0}. */
export interface Auth0Options extends CommonOptions {
  /** The tenant's or the custom domain, for example `example.eu.auth0.com`. */
  domain: string
  /**
   * The identifier of the API in Auth0. Default: the resource itself, which is how the API should be named.
   */
  audience?: string | readonly string[]
}

/**
 * Auth0. Its access tokens are JWTs only if an API (`audience`) is requested; without one they are opaque
 * and cannot be verified.
 *
 * @see [Access tokens](https://auth0.com/docs/secure/tokens/access-tokens)
 */
export function auth0(options: Auth0Options): Provider {
  const { domain, audience, scopeClaims, ...common } = readOptions('auth0', options, {
    domain: host().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  // The trailing slash belongs to the issuer.
  const issuer = `https://${domain}/`
  return preset(
    {
      provider: 'auth0',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}.well-known/jwks.json`,
        // What an API's signing algorithm can be set to, without HS256.
        algorithms: ['RS256', 'RS512', 'PS256'],
        audience: audienceRule(audience),
        typ: 'jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id', 'azp'],
      },
      client: { resource: 'audience' },
      signIn: {
        name: 'Auth0',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        idTokenAlgorithms: ['RS256', 'RS512', 'PS256'],
        // How its applications are set up by default.
        clientAuth: 'client_secret_post',
      },
    },
    common,
  )
}
