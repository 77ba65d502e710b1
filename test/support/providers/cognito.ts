// Amazon Cognito: https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html,
// …/token-endpoint.html, …/userinfo-endpoint.html, …/revocation-endpoint.html,
// …/amazon-cognito-user-pools-using-the-access-token.html
import { cognito } from '../../../src/provider/cognito.ts'
import { imitate, now, signed, type ProviderImitation } from './imitation.ts'

export function cognitoImitation({ callback }: { callback: string }): ProviderImitation {
  const client = { id: '1example23456789', secret: 'cognito-secret', redirectUris: [`${callback}/cognito`] }
  const issuer = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI'
  // The managed login has a domain of its own.
  const domain = 'https://notes.auth.eu-central-1.amazoncognito.com'
  return imitate({
    preset: cognito({
      region: 'eu-central-1',
      userPoolId: 'eu-central-1_AbCdEfGhI',
      clientId: client.id,
      clientSecret: client.secret,
    }),
    client,
    urls: {
      authorize: `${domain}/oauth2/authorize`,
      token: `${domain}/oauth2/token`,
      userinfo: `${domain}/oauth2/userInfo`,
      revocation: `${domain}/oauth2/revoke`,
      jwks: `${issuer}/.well-known/jwks.json`,
    },
    documents: {
      [`${issuer}/.well-known/openid-configuration`]: {
        authorization_endpoint: `${domain}/oauth2/authorize`,
        end_session_endpoint: `${domain}/logout`,
        id_token_signing_alg_values_supported: ['RS256'],
        issuer,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        response_types_supported: ['code', 'token'],
        revocation_endpoint: `${domain}/oauth2/revoke`,
        scopes_supported: ['openid', 'email', 'phone', 'profile'],
        subject_types_supported: ['public'],
        token_endpoint: `${domain}/oauth2/token`,
        token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
        userinfo_endpoint: `${domain}/oauth2/userInfo`,
        // No code_challenge_methods_supported, although S256 works.
      },
    },
    clientAuth: ['basic', 'post'],
    checkAuthorization(parameters) {
      const known = ['openid', 'email', 'phone', 'profile', 'aws.cognito.signin.user.admin', 'notes/read']
      const scopes = (parameters.get('scope') ?? '').split(' ').filter(Boolean)
      if (scopes.some((each) => !known.includes(each)))
        return { error: 'invalid_scope', description: 'the app client may not have this scope' }
      return undefined
    },
    // `resource` is bound only to resource servers of the pool.
    checkToken: (_form, { parameters }) =>
      parameters.has('resource')
        ? { error: 'invalid_grant', description: 'the resource is not a resource server' }
        : undefined,
    accessToken: ({ user, scopes }, id) =>
      signed({
        sub: `aaaaaaaa-bbbb-cccc-dddd-${user.id.padStart(12, '0')}`,
        iss: issuer,
        version: 2,
        client_id: client.id,
        event_id: id,
        token_use: 'access',
        scope: scopes.join(' '),
        auth_time: now,
        jti: id,
        username: user.login,
      }),
    // Without a scope of their own, and only at the code exchange.
    refreshes: (_grant, first) => first,
    idToken: ({ user }) => ({
      sub: `aaaaaaaa-bbbb-cccc-dddd-${user.id.padStart(12, '0')}`,
      iss: issuer,
      aud: client.id,
      token_use: 'id',
      auth_time: now,
      'cognito:username': user.login,
      email: user.email,
      email_verified: user.emailVerified,
    }),
    answer: ({ accessToken, refreshToken, idToken }) => ({
      access_token: accessToken,
      id_token: idToken,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      token_type: 'Bearer',
      expires_in: 3600,
    }),
    // Without a description.
    refusal: ({ error }) => Response.json({ error }, { status: 400 }),
    userinfo: ({ user }) => ({
      sub: `aaaaaaaa-bbbb-cccc-dddd-${user.id.padStart(12, '0')}`,
      // A string here, a boolean in the ID token.
      email_verified: String(user.emailVerified),
      email: user.email,
      username: user.login,
    }),
    limited: () =>
      Response.json(
        { __type: 'TooManyRequestsException', message: 'Rate exceeded' },
        { status: 429, headers: { 'x-amzn-errortype': 'TooManyRequestsException:' } },
      ),
  })
}
