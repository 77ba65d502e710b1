import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { oneOrMore, opaqueOptions, preset, type OpaqueOptions } from './preset.ts'

/** Options of {@link google}. */
export interface GoogleOptions extends Omit<OpaqueOptions, 'clientId'> {
  /**
   * The OAuth client ids whose tokens are accepted; any other application's token would pass otherwise.
   * With a `clientSecret`: the one it belongs to.
   */
  clientId: string | readonly string[]
}

/**
 * Google. Its access tokens are opaque and name only the client that asked for them:
 * `introspectionVerifier(google({ clientId }))`. MCP clients cannot register there, so it usually stands
 * behind our own authorization server: `signIn: upstream(google({ … }), { admit })`.
 *
 * A refresh token comes only with `access_type=offline` and `prompt=consent`. Revoking one token ends all
 * that the application has for this user.
 *
 * @see [OpenID Connect](https://developers.google.com/identity/openid-connect/reference), [OAuth
 * 2.0](https://developers.google.com/identity/protocols/oauth2/web-server)
 */
export function google(options: GoogleOptions): Provider {
  const { clientId, clientSecret, scopeClaims } = readOptions('google', options, {
    ...opaqueOptions(),
    clientId: oneOrMore().required,
  })
  const issuer = 'https://accounts.google.com'
  return preset(
    {
      provider: 'google',
      issuer,
      opaque: {
        issuer,
        endpoint: 'https://oauth2.googleapis.com/tokeninfo',
        style: 'google-tokeninfo',
        audience: { aud: clientId },
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
        clientIdClaims: ['azp', 'aud'],
      },
      client: {
        resource: 'omit',
        endpointOrigins: [
          'https://oauth2.googleapis.com',
          'https://openidconnect.googleapis.com',
          'https://www.googleapis.com',
        ],
        // Else no refresh token comes.
        authorizationParameters: { access_type: 'offline', prompt: 'consent' },
      },
      signIn: {
        name: 'Google',
        protocol: 'oidc',
        // Both forms are documented.
        idTokenIssuers: [issuer, 'accounts.google.com'],
        scopeAliases: {
          email: 'https://www.googleapis.com/auth/userinfo.email',
          profile: 'https://www.googleapis.com/auth/userinfo.profile',
        },
        idTokenAlgorithms: ['RS256'],
        nameClaims: ['email', 'name'],
        // It refuses `login`.
        prompts: ['select_account', 'none'],
        offlineParameters: ['access_type', 'prompt'],
        needsSecret: true,
        revocationEndsAll: true,
      },
    },
    { clientId: clientId[0], clientSecret },
  )
}
