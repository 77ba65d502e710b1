import type { Provider } from '../types.ts'
import { checkOpaquePreset, list, preset, type OpaqueOptions } from './preset.ts'

/** Options of {@link google}. */
export interface GoogleOptions extends Omit<OpaqueOptions, 'clientId'> {
  /** The OAuth client ids whose tokens are accepted; any other application's token would pass otherwise. With a `clientSecret`: the one it belongs to. */
  clientId: string | readonly string[]
}

/**
 * Google. Its access tokens are opaque and name only the client that asked for them: `introspectionVerifier(google({ clientId }))`.
 * MCP clients cannot register there, so it usually stands behind our own authorization server: `signIn: upstream(google({ … }))`.
 *
 * @see [OAuth 2.0](https://developers.google.com/identity/protocols/oauth2)
 */
export function google(options: GoogleOptions): Provider {
  checkOpaquePreset('google', options, [])
  const clientIds = list('clientId', options.clientId)
  const { clientSecret, scopeClaims = [] } = options
  const issuer = 'https://accounts.google.com'
  return preset(
    {
      provider: 'google',
      issuer,
      opaque: {
        issuer,
        endpoint: 'https://oauth2.googleapis.com/tokeninfo',
        style: 'google-tokeninfo',
        audience: { aud: clientIds },
        scopeClaims: ['scope', ...scopeClaims],
        clientIdClaims: ['azp', 'aud'],
      },
      client: {
        resource: 'omit',
        endpointOrigins: ['https://oauth2.googleapis.com'],
        // Else no refresh token comes.
        authorizationParameters: { access_type: 'offline', prompt: 'consent' },
      },
    },
    clientSecret === undefined ? {} : { clientId: clientIds[0]!, clientSecret },
  )
}
