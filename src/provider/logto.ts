import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, base, commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link logto}. */
export interface LogtoOptions extends CommonOptions {
  /** The tenant's endpoint, for example `https://example.logto.app`. */
  url: string
  /** The API resource's indicator. Default: the resource itself, which is what it should be (RFC 8707). */
  audience?: string | readonly string[]
}

/**
 * Logto. A client that asks for a `resource` gets a JWT for it; without one the token is opaque and only for
 * Logto. A refresh token needs `offline_access` with `prompt=consent`.
 *
 * @see [Validate access tokens](https://docs.logto.io/authorization/validate-access-tokens)
 */
export function logto(options: LogtoOptions): Provider {
  const { url, audience, scopeClaims, ...common } = readOptions('logto', options, {
    url: base().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const issuer = `${url}/oidc`
  return preset(
    {
      provider: 'logto',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}/jwks`,
        algorithms: ['ES384', 'RS256'],
        audience: audienceRule(audience),
        typ: 'at+jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { authorizationParameters: { prompt: 'consent' } },
      signIn: {
        name: 'Logto',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        nameClaims: ['username', 'name', 'email'],
        idTokenAlgorithms: ['ES384', 'RS256'],
      },
    },
    common,
  )
}
