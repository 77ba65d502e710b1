import type { Provider } from '../types.ts'
import { checkPreset, host, list, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link okta}. */
export interface OktaOptions extends CommonOptions {
  /** The organisation's or the custom domain, for example `example.okta.com`. */
  domain: string
  /** The custom authorization server. Default: `default`. The organisation's own server makes tokens for Okta alone. */
  authorizationServerId?: string
  /** The one audience of that server. Default: `api://default`. */
  audience?: string | readonly string[]
}

/**
 * Okta, custom authorization servers. They know no `resource`: one server has one audience.
 *
 * @see [OpenID Connect & OAuth 2.0](https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/)
 */
export function okta(options: OktaOptions): Provider {
  checkPreset('okta', options, ['domain', 'authorizationServerId', 'audience'])
  const id = segment('authorizationServerId', options.authorizationServerId ?? 'default')
  const issuer = `https://${host('domain', options.domain)}/oauth2/${id}`
  const rule = { aud: list('audience', options.audience ?? 'api://default') }
  const scopes = options.scopeClaims ?? []
  return preset(
    {
      provider: 'okta',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}/v1/keys`,
        algorithms: ['RS256'],
        audience: rule,
        typ: 'jwt',
        alsoTypes: ['application/okta-internal-at+jwt'],
        scopeClaims: ['scp', ...scopes],
        clientIdClaims: ['cid'],
      },
      opaque: {
        issuer,
        endpoint: `${issuer}/v1/introspect`,
        audience: rule,
        scopeClaims: ['scope', ...scopes],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'omit' },
    },
    options,
  )
}
