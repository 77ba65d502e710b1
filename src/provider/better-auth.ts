import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, base, commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link betterAuth}. */
export interface BetterAuthOptions extends CommonOptions {
  /** The base URL with the base path, for example `https://example.com/api/auth`. It is the issuer. */
  url: string
  /** Default: the resource itself, which must be one of the plugin's resources (RFC 8707). */
  audience?: string | readonly string[]
}

/**
 * Better Auth with its plugin `@better-auth/oauth-provider`. A client that asks for a resource gets a JWT
 * (RFC 9068), others an opaque token, for `introspectionVerifier(betterAuth({ … }))`. The plugin signs with
 * the JWT plugin's key pair, EdDSA by default; without that plugin ID tokens are HS256, and nothing here
 * accepts them.
 *
 * @see [OAuth provider](https://www.better-auth.com/docs/plugins/oauth-provider)
 */
export function betterAuth(options: BetterAuthOptions): Provider {
  const { url, audience, scopeClaims, ...common } = readOptions('betterAuth', options, {
    url: base().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const shared = {
    issuer: url,
    audience: audienceRule(audience),
    scopeClaims: ['scope', ...(scopeClaims ?? [])],
    clientIdClaims: ['client_id'],
  }
  return preset(
    {
      provider: 'better-auth',
      issuer: url,
      jwt: { ...shared, jwksUri: `${url}/jwks`, typ: 'at+jwt' },
      opaque: { ...shared, endpoint: `${url}/oauth2/introspect` },
      signIn: { name: 'Better Auth', protocol: 'oidc', offlineScope: 'offline_access' },
    },
    common,
  )
}
