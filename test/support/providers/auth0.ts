// Auth0: https://auth0.com/docs/api/authentication, https://auth0.com/docs/secure/tokens/access-tokens,
// https://auth0.com/docs/secure/tokens/refresh-tokens/revoke-refresh-tokens
import { auth0 } from '../../../src/provider/auth0.ts'
import { imitate, signed, type ProviderImitation } from './imitation.ts'

export function auth0Imitation({ callback, api }: { callback: string; api: string }): ProviderImitation {
  const client = {
    id: 'A0clientA0clientA0clientA0client',
    secret: 'auth0-secret',
    redirectUris: [`${callback}/auth0`],
  }
  const issuer = 'https://tenant.eu.auth0.com/'
  return imitate({
    preset: auth0({
      domain: 'tenant.eu.auth0.com',
      audience: api,
      clientId: client.id,
      clientSecret: client.secret,
    }),
    client,
    urls: {
      authorize: `${issuer}authorize`,
      token: `${issuer}oauth/token`,
      userinfo: `${issuer}userinfo`,
      revocation: `${issuer}oauth/revoke`,
      jwks: `${issuer}.well-known/jwks.json`,
    },
    documents: {
      [`${issuer}.well-known/openid-configuration`]: {
        issuer,
        authorization_endpoint: `${issuer}authorize`,
        token_endpoint: `${issuer}oauth/token`,
        userinfo_endpoint: `${issuer}userinfo`,
        revocation_endpoint: `${issuer}oauth/revoke`,
        jwks_uri: `${issuer}.well-known/jwks.json`,
        registration_endpoint: `${issuer}oidc/register`,
        response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token'],
        code_challenge_methods_supported: ['S256', 'plain'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['HS256', 'RS256', 'PS256'],
        token_endpoint_auth_methods_supported: [
          'client_secret_basic',
          'client_secret_post',
          'private_key_jwt',
        ],
        scopes_supported: ['openid', 'profile', 'offline_access', 'email'],
      },
    },
    // As the application is set up.
    clientAuth: ['post'],
    checkAuthorization(parameters) {
      const audience = parameters.get('audience')
      if (audience !== null && audience !== api)
        return { error: 'access_denied', description: `Service not found: ${audience}` }
      return undefined
    },
    // A JWT for the API that was asked for as `audience`, which `resource` does not do; else encrypted.
    accessToken: ({ user, scopes, parameters }, id) =>
      parameters.get('audience') === api
        ? signed(
            {
              iss: issuer,
              sub: `auth0|${user.id}`,
              aud: [api, `${issuer}userinfo`],
              azp: client.id,
              scope: scopes.join(' '),
            },
            { typ: 'JWT' },
          )
        : `eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..${id}.cGFydA.cGFydA`,
    refreshes: ({ scopes }) => scopes.includes('offline_access'),
    rotates: true,
    idToken: ({ user }) => ({
      iss: issuer,
      sub: `auth0|${user.id}`,
      aud: client.id,
      nickname: user.login,
      name: user.name,
      email: user.email,
      email_verified: user.emailVerified,
      sid: 'session',
    }),
    answer: ({ accessToken, refreshToken, idToken }, { scopes }) => ({
      access_token: accessToken,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      id_token: idToken,
      scope: scopes.join(' '),
      expires_in: 86_400,
      token_type: 'Bearer',
    }),
    refusal: ({ error, description }) =>
      Response.json(
        { error: error === 'invalid_client' ? 'access_denied' : error, error_description: description },
        { status: error === 'invalid_client' ? 401 : 403 },
      ),
    userinfo: ({ user }) => ({ sub: `auth0|${user.id}`, name: user.name, email: user.email }),
    limited: () =>
      Response.json(
        { error: 'too_many_requests', error_description: 'Global limit has been reached' },
        { status: 429, headers: { 'x-ratelimit-remaining': '0' } },
      ),
  })
}
