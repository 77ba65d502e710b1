import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { commonOptions, host, oneOrMore, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link okta}. */
export interface OktaOptions extends CommonOptions {
  /** The organisation's or the custom domain, for example `example.okta.com`. */
  domain: string
  /**
   * The custom authorization server. Default: `default`. The organisation's own server makes tokens only
   * for Okta.
   */
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
  const { domain, authorizationServerId, audience, scopeClaims, ...common } = readOptions('okta', options, {
    domain: host().required,
    authorizationServerId: segment().default('default'),
    audience: oneOrMore().default('api://default'),
    ...commonOptions(),
  })
  const issuer = `https://${domain}/oauth2/${authorizationServerId}`
  const rule = { aud: audience }
  const scopes = scopeClaims ?? []
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
      signIn: {
        name: 'Okta',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        idTokenAlgorithms: ['RS256'],
        nameClaims: ['preferred_username', 'name'],
        // It refuses `select_account`.
        prompts: ['login', 'none'],
        assertionAudience: 'token_endpoint',
      },
    },
    common,
  )
}
