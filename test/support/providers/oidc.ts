// A provider that follows the standards: OpenID Connect Core and Discovery, RFC 6749, 7009,
// 7636, 7662, 8707, 9068, 9207.
import { oidc, type OidcOptions } from '../../../src/provider/oidc.ts'
import { imitate, now, signed, type ProviderImitation } from './imitation.ts'

export interface OidcImitationOptions {
  readonly callback: string
  /** Default `https://as.example.com`; to be served on loopback. */
  readonly issuer?: string
  readonly preset?: Partial<OidcOptions>
}

export function oidcImitation({
  callback,
  issuer = 'https://as.example.com',
  preset = {},
}: OidcImitationOptions): ProviderImitation {
  const client = { id: 'notes', secret: 'oidc-secret', redirectUris: [`${callback}/oidc`] }
  return imitate({
    preset: oidc({ issuer, clientId: client.id, clientSecret: client.secret, name: 'Acme', ...preset }),
    client,
    urls: {
      authorize: `${issuer}/authorize`,
      token: `${issuer}/token`,
      userinfo: `${issuer}/userinfo`,
      revocation: `${issuer}/revoke`,
      jwks: `${issuer}/jwks`,
    },
    documents: {
      [`${issuer}/.well-known/openid-configuration`]: {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        revocation_endpoint: `${issuer}/revoke`,
        introspection_endpoint: `${issuer}/introspect`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid', 'profile', 'email', 'offline_access', 'notes:read'],
        token_endpoint_auth_methods_supported: ['client_secret_basic'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      },
    },
    clientAuth: ['basic'],
    checkAuthorization: (parameters) =>
      parameters.has('code_challenge')
        ? undefined
        : { error: 'invalid_request', description: 'code_challenge is required' },
    responseParameters: { iss: issuer },
    accessToken: ({ user, scopes, parameters }, id) =>
      signed(
        {
          iss: issuer,
          sub: user.id,
          aud: parameters.get('resource') ?? issuer,
          client_id: client.id,
          scope: scopes.join(' '),
          jti: id,
        },
        { typ: 'at+jwt' },
      ),
    refreshes: ({ scopes }) => scopes.includes('offline_access'),
    rotates: true,
    idToken: ({ user }) => ({
      iss: issuer,
      sub: user.id,
      aud: client.id,
      name: user.name,
      preferred_username: user.login,
      email: user.email,
      email_verified: user.emailVerified,
      auth_time: now,
    }),
    answer: ({ accessToken, refreshToken, idToken }, { scopes }) => ({
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 300,
      scope: scopes.join(' '),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      id_token: idToken,
    }),
    userinfo: ({ user }) => ({ sub: user.id, name: user.name, email: user.email }),
  })
}
