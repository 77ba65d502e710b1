// Google: https://developers.google.com/identity/openid-connect/reference,
// https://developers.google.com/identity/protocols/oauth2/web-server, https://oauth2.googleapis.com/tokeninfo
import { google } from '../../../src/provider/google.ts'
import { bearerOf, imitate, now, type ProviderImitation } from './imitation.ts'

const scopeUris: Record<string, string> = {
  email: 'https://www.googleapis.com/auth/userinfo.email',
  profile: 'https://www.googleapis.com/auth/userinfo.profile',
}
const granted = (scopes: readonly string[]): string => scopes.map((each) => scopeUris[each] ?? each).join(' ')

/** `legacyIssuer`: the issuer without its scheme, in the ID token. */
export function googleImitation(options: { callback: string; legacyIssuer?: boolean }): ProviderImitation {
  const client = {
    id: '407408718192.apps.googleusercontent.com',
    secret: 'GOCSPX-secret',
    redirectUris: [`${options.callback}/google`],
  }
  const issuer = 'https://accounts.google.com'
  return imitate({
    preset: google({ clientId: client.id, clientSecret: client.secret }),
    client,
    urls: {
      authorize: `${issuer}/o/oauth2/v2/auth`,
      token: 'https://oauth2.googleapis.com/token',
      userinfo: 'https://openidconnect.googleapis.com/v1/userinfo',
      revocation: 'https://oauth2.googleapis.com/revoke',
      jwks: 'https://www.googleapis.com/oauth2/v3/certs',
    },
    documents: {
      [`${issuer}/.well-known/openid-configuration`]: {
        issuer,
        authorization_endpoint: `${issuer}/o/oauth2/v2/auth`,
        device_authorization_endpoint: 'https://oauth2.googleapis.com/device/code',
        token_endpoint: 'https://oauth2.googleapis.com/token',
        userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
        revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
        jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
        response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token'],
        response_modes_supported: ['query', 'fragment', 'form_post'],
        authorization_response_iss_parameter_supported: true,
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid', 'email', 'profile'],
        token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
        code_challenge_methods_supported: ['plain', 'S256'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
      },
    },
    clientAuth: ['basic', 'post'],
    checkAuthorization(parameters) {
      const known = ['none', 'consent', 'select_account']
      const wrong = (parameters.get('prompt') ?? '').split(' ').find((each) => each && !known.includes(each))
      if (wrong !== undefined)
        return {
          error: 'invalid_request',
          description: `Invalid parameter value for prompt: Invalid prompt: ${wrong}`,
          page: true,
        }
      if (parameters.get('scope')?.includes('offline_access'))
        return { error: 'invalid_scope', description: '{invalid=[offline_access]}', page: true }
      return undefined
    },
    responseParameters: { iss: issuer },
    accessToken: (_grant, id) => `ya29.a0${id}`,
    // Only of a user who was asked, and only once.
    refreshes: ({ parameters }, first) =>
      first &&
      parameters.get('access_type') === 'offline' &&
      (parameters.get('prompt') ?? '').split(' ').includes('consent'),
    idToken: ({ user }) => ({
      iss: options.legacyIssuer ? 'accounts.google.com' : issuer,
      azp: client.id,
      aud: client.id,
      sub: user.id,
      email: user.email,
      email_verified: user.emailVerified,
      name: user.name,
      picture: 'https://lh3.googleusercontent.com/a/x',
    }),
    answer: ({ accessToken, refreshToken, idToken }, { scopes }) => ({
      access_token: accessToken,
      expires_in: 3599,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      scope: granted(scopes),
      token_type: 'Bearer',
      id_token: idToken,
    }),
    userinfo: ({ user }) => ({
      sub: user.id,
      name: user.name,
      email: user.email,
      email_verified: user.emailVerified,
    }),
    revocationEndsAll: true,
    limited: () =>
      Response.json(
        { error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } },
        { status: 429 },
      ),
    routes: ({ grantOf }) => ({
      'POST https://oauth2.googleapis.com/tokeninfo': async (request) => {
        const grant = grantOf(bearerOf(request))
        if (grant === undefined)
          return Response.json(
            { error: 'invalid_token', error_description: 'Invalid Value' },
            { status: 400 },
          )
        return Response.json({
          azp: client.id,
          aud: client.id,
          sub: grant.user.id,
          scope: granted(grant.scopes),
          exp: String(now + 3599),
          expires_in: '3599',
          email: grant.user.email,
          email_verified: String(grant.user.emailVerified),
          access_type: 'offline',
        })
      },
    }),
  })
}
