// Okta: https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/,
// https://developer.okta.com/docs/guides/refresh-tokens/main/
import { okta } from '../../../src/provider/okta.ts'
import { imitate, now, signed, type ProviderImitation } from './imitation.ts'

export function oktaImitation({ callback }: { callback: string }): ProviderImitation {
  const client = { id: '0oab8eb55Kb9jdMIr5d6', secret: 'okta-secret', redirectUris: [`${callback}/okta`] }
  const issuer = 'https://dev-123.okta.com/oauth2/default'
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/v1/authorize`,
    token_endpoint: `${issuer}/v1/token`,
    userinfo_endpoint: `${issuer}/v1/userinfo`,
    registration_endpoint: 'https://dev-123.okta.com/oauth2/v1/clients',
    jwks_uri: `${issuer}/v1/keys`,
    response_types_supported: ['code', 'id_token', 'code id_token'],
    response_modes_supported: ['query', 'fragment', 'form_post', 'okta_post_message'],
    grant_types_supported: ['authorization_code', 'implicit', 'refresh_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: [
      ...['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
      ...['notes:read', 'notes:write'],
    ],
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ],
    code_challenge_methods_supported: ['S256'],
    introspection_endpoint: `${issuer}/v1/introspect`,
    revocation_endpoint: `${issuer}/v1/revoke`,
  }
  return imitate({
    preset: okta({ domain: 'dev-123.okta.com', clientId: client.id, clientSecret: client.secret }),
    client,
    urls: {
      authorize: `${issuer}/v1/authorize`,
      token: `${issuer}/v1/token`,
      userinfo: `${issuer}/v1/userinfo`,
      revocation: `${issuer}/v1/revoke`,
      jwks: `${issuer}/v1/keys`,
    },
    documents: {
      [`${issuer}/.well-known/openid-configuration`]: metadata,
      [`${issuer}/.well-known/oauth-authorization-server`]: metadata,
    },
    clientAuth: ['basic', 'post'],
    checkAuthorization(parameters) {
      const scopes = (parameters.get('scope') ?? '').split(' ')
      const unknown = scopes.find((each) => !metadata.scopes_supported.includes(each))
      if (unknown !== undefined)
        return { error: 'invalid_scope', description: 'One or more scopes are not configured' }
      if (
        !/^(?:login|consent|none|login consent|enroll_authenticator|)$/.test(parameters.get('prompt') ?? '')
      )
        return { error: 'invalid_request', description: "The 'prompt' parameter is invalid." }
      if (!parameters.get('state'))
        return { error: 'invalid_request', description: 'The authentication request has an invalid state.' }
      return undefined
    },
    // One audience, whatever `resource` or `audience` says.
    accessToken: ({ user, scopes }, id) =>
      signed(
        {
          ver: 1,
          jti: `AT.${id}`,
          iss: issuer,
          aud: 'api://default',
          sub: user.email,
          cid: client.id,
          uid: `00u${user.id}`,
          scp: scopes,
        },
        { typ: 'application/okta-internal-at+jwt' },
      ),
    refreshes: ({ scopes }) => scopes.includes('offline_access'),
    rotates: true,
    idToken: ({ user }) => ({
      ver: 1,
      iss: issuer,
      aud: client.id,
      sub: `00u${user.id}`,
      name: user.name,
      email: user.email,
      preferred_username: user.email,
      amr: ['pwd'],
      idp: '00o1',
    }),
    answer: ({ accessToken, refreshToken, idToken }, { scopes }) => ({
      token_type: 'Bearer',
      expires_in: 3600,
      access_token: accessToken,
      scope: scopes.join(' '),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      id_token: idToken,
    }),
    userinfo: ({ user }) => ({ sub: `00u${user.id}`, name: user.name, email: user.email }),
    limited: () =>
      Response.json(
        { errorCode: 'E0000047', errorSummary: 'API call exceeded rate limit due to too many requests.' },
        { status: 429 },
      ),
    routes: ({ grantOf, clientOf }) => ({
      [`POST ${issuer}/v1/introspect`]: async (request) => {
        const form = new URLSearchParams(await request.text())
        if (!clientOf(request, form))
          return Response.json({ errorCode: 'invalid_client', errorSummary: 'invalid' }, { status: 401 })
        const grant = grantOf(form.get('token') ?? '')
        if (grant === undefined) return Response.json({ active: false })
        return Response.json({
          active: true,
          token_type: 'Bearer',
          scope: grant.scopes.join(' '),
          client_id: client.id,
          username: grant.user.email,
          exp: now + 3600,
          iat: now,
          sub: grant.user.email,
          aud: 'api://default',
          iss: issuer,
          uid: `00u${grant.user.id}`,
        })
      },
    }),
  })
}
