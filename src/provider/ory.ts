import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, base, oneOrMore, opaqueOptions, preset, type OpaqueOptions } from './preset.ts'

/** Options of {@link ory}. */
export interface OryOptions extends OpaqueOptions {
  /** The project's URL or custom domain, for example `https://example.projects.oryapis.com`. */
  url: string
  /** Where the administration API is, for a Hydra of your own. Default: the project's URL. */
  adminUrl?: string
  /** Default: the resource itself. */
  audience?: string | readonly string[]
}

/**
 * Ory Network and Ory Hydra. What a token is for follows from the parameter `audience`; `resource` is not
 * known. Tokens are judged by introspection, with an API key:
 * `introspectionVerifier(ory({ … }), { authentication: { method: 'bearer', token } })`.
 *
 * @see [OAuth2 audience](https://www.ory.com/docs/hydra/guides/audiences), [Introspect OAuth2
 * tokens](https://www.ory.com/docs/oauth2-oidc/token-introspection)
 */
export function ory(options: OryOptions): Provider {
  const given = readOptions('ory', options, {
    url: base().required,
    adminUrl: base(),
    audience: oneOrMore(),
    ...opaqueOptions(),
  })
  const { url, adminUrl = url, audience, scopeClaims, ...credentials } = given
  return preset(
    {
      provider: 'ory',
      issuer: url,
      opaque: {
        issuer: url,
        endpoint: `${adminUrl}/admin/oauth2/introspect`,
        audience: audienceRule(audience),
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['client_id'],
      },
      client: { resource: 'audience' },
      signIn: { name: 'Ory', protocol: 'oidc', offlineScope: 'offline_access' },
    },
    credentials,
  )
}
