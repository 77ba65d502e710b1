// Keycloak: https://www.keycloak.org/securing-apps/oidc-layers,
// https://www.keycloak.org/securing-apps/token-exchange
import { keycloak } from '../../../src/provider/keycloak.ts'
import { imitate, now, signed, type ProviderImitation } from './imitation.ts'

/** `audience`: what the audience mapper puts in, beside `account`. `url`: to be served on loopback. */
export function keycloakImitation(options: {
  callback: string
  audience?: string
  url?: string
}): ProviderImitation {
  const { callback, audience, url = 'https://id.example.com' } = options
  const client = { id: 'notes', secret: 'keycloak-secret', redirectUris: [`${callback}/keycloak`] }
  const issuer = `${url}/realms/notes`
  const protocol = `${issuer}/protocol/openid-connect`
  const claims = (user: { id: string; login: string; name: string }): Record<string, unknown> => ({
    iss: issuer,
    sub: `f3c2b1a0-0000-4000-8000-${user.id.padStart(12, '0')}`,
    azp: client.id,
    sid: 's1',
    preferred_username: user.login,
    name: user.name,
  })
  return imitate({
    preset: keycloak({ url, realm: 'notes', clientId: client.id, clientSecret: client.secret }),
    client,
    urls: {
      authorize: `${protocol}/auth`,
      token: `${protocol}/token`,
      userinfo: `${protocol}/userinfo`,
      revocation: `${protocol}/revoke`,
      jwks: `${protocol}/certs`,
    },
    documents: {
      [`${issuer}/.well-known/openid-configuration`]: {
        issuer,
        authorization_endpoint: `${protocol}/auth`,
        token_endpoint: `${protocol}/token`,
        introspection_endpoint: `${protocol}/token/introspect`,
        userinfo_endpoint: `${protocol}/userinfo`,
        end_session_endpoint: `${protocol}/logout`,
        jwks_uri: `${protocol}/certs`,
        grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
        response_types_supported: ['code', 'none', 'id_token', 'token', 'code id_token'],
        subject_types_supported: ['public', 'pairwise'],
        id_token_signing_alg_values_supported: [
          'PS384',
          'RS384',
          'EdDSA',
          'ES384',
          'HS256',
          'ES256',
          'RS256',
        ],
        token_endpoint_auth_methods_supported: [
          'private_key_jwt',
          'client_secret_basic',
          'client_secret_post',
          'tls_client_auth',
          'client_secret_jwt',
        ],
        registration_endpoint: `${issuer}/clients-registrations/openid-connect`,
        scopes_supported: ['openid', 'profile', 'email', 'offline_access', 'notes:read'],
        code_challenge_methods_supported: ['plain', 'S256'],
        revocation_endpoint: `${protocol}/revoke`,
        authorization_response_iss_parameter_supported: true,
      },
    },
    clientAuth: ['basic', 'post'],
    checkAuthorization(parameters) {
      const known = ['openid', 'profile', 'email', 'offline_access', 'notes:read']
      const wrong = (parameters.get('scope') ?? '').split(' ').find((each) => !known.includes(each))
      return wrong === undefined
        ? undefined
        : { error: 'invalid_scope', description: `Invalid scopes: ${parameters.get('scope')}` }
    },
    // RFC 9207; and the state of the browser's session.
    responseParameters: { iss: issuer, session_state: 's1' },
    // `resource` changes nothing: the audience is the mapper's.
    accessToken: ({ user, scopes }, id) =>
      signed(
        {
          ...claims(user),
          jti: `onrtac:${id}`,
          aud: audience === undefined ? 'account' : [audience, 'account'],
          typ: 'Bearer',
          realm_access: { roles: ['offline_access', 'uma_authorization'] },
          scope: scopes.join(' '),
        },
        { typ: 'JWT' },
      ),
    refreshes: () => true,
    // Unless it is an offline token, it ends with the session, which idles for 30 minutes by default.
    refreshLifetime: ({ scopes }) => (scopes.includes('offline_access') ? undefined : 1800),
    idToken: ({ user }) => ({
      ...claims(user),
      aud: client.id,
      typ: 'ID',
      email: user.email,
      email_verified: user.emailVerified,
    }),
    answer: ({ accessToken, refreshToken, idToken }, { scopes }) => ({
      access_token: accessToken,
      expires_in: 300,
      // 0: an offline token, which outlives the session.
      refresh_expires_in: scopes.includes('offline_access') ? 0 : 1800,
      refresh_token: refreshToken,
      token_type: 'Bearer',
      id_token: idToken,
      'not-before-policy': 0,
      session_state: 's1',
      scope: scopes.join(' '),
    }),
    userinfo: ({ user }) => ({ ...claims(user), email: user.email, email_verified: user.emailVerified }),
    limited: () => new Response('Too Many Requests', { status: 429 }),
    routes: ({ grantOf, clientOf }) => ({
      [`POST ${protocol}/token/introspect`]: async (request) => {
        const form = new URLSearchParams(await request.text())
        if (!clientOf(request, form))
          return Response.json(
            { error: 'invalid_request', error_description: 'Authentication failed.' },
            { status: 401 },
          )
        const grant = grantOf(form.get('token') ?? '')
        if (grant === undefined) return Response.json({ active: false })
        return Response.json({
          ...claims(grant.user),
          aud: audience === undefined ? 'account' : [audience, 'account'],
          typ: 'Bearer',
          scope: grant.scopes.join(' '),
          exp: now + 300,
          iat: now,
          client_id: client.id,
          username: grant.user.login,
          token_type: 'Bearer',
          active: true,
        })
      },
    }),
  })
}
