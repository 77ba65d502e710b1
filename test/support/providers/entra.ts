// Microsoft Entra ID: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc,
// …/v2-oauth2-auth-code-flow, …/id-token-claims-reference, …/access-token-claims-reference,
// …/reference-error-codes
import { entra, type EntraOptions } from '../../../src/provider/entra.ts'
import { alice, imitate, now, signed, type ImitatedUser, type ProviderImitation } from './imitation.ts'

export const tenantA = '11111111-2222-3333-4444-555555555555'
export const tenantB = '99999999-2222-3333-4444-555555555555'
const app = 'aaaaaaaa-1111-2222-3333-444444444444'

/** An account of a tenant. Entra says nothing about whether the email address is verified. */
export const employee = (
  tenant: string,
  id = 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
): ImitatedUser => ({
  ...alice,
  id,
  login: 'alice@contoso.example',
  tenant,
})

export interface EntraImitationOptions {
  readonly callback: string
  /** The path below the host: a tenant's id, or `organizations`. */
  readonly authority?: string
  readonly preset?: Partial<EntraOptions>
}

export function entraImitation({
  callback,
  authority = tenantA,
  preset = {},
}: EntraImitationOptions): ProviderImitation {
  const client = { id: app, secret: 'entra~secret', redirectUris: [`${callback}/entra`] }
  const host = 'https://login.microsoftonline.com'
  const base = `${host}/${authority}`
  const issuerOf = ({ tenant = tenantA }: ImitatedUser): string => `${host}/${tenant}/v2.0`
  const multi = authority === 'organizations' || authority === 'common'
  return imitate({
    preset: entra({ tenantId: authority, clientId: app, clientSecret: client.secret, ...preset }),
    client,
    urls: {
      authorize: `${base}/oauth2/v2.0/authorize`,
      token: `${base}/oauth2/v2.0/token`,
      userinfo: 'https://graph.microsoft.com/oidc/userinfo',
      jwks: `${base}/discovery/v2.0/keys`,
    },
    documents: {
      [`${base}/v2.0/.well-known/openid-configuration`]: {
        // Of a multi-tenant authority: a template, in braces.
        issuer: multi ? `${host}/{tenantid}/v2.0` : `${host}/${authority}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
        jwks_uri: `${base}/discovery/v2.0/keys`,
        token_endpoint_auth_methods_supported: [
          'client_secret_post',
          'private_key_jwt',
          'client_secret_basic',
          'self_signed_tls_client_auth',
        ],
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
        scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
        // No code_challenge_methods_supported, although S256 works.
      },
    },
    clientAuth: ['basic', 'post'],
    checkAuthorization(parameters) {
      const scopes = (parameters.get('scope') ?? '').split(' ')
      if (parameters.has('resource'))
        return {
          error: 'invalid_target',
          description:
            "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.",
        }
      if (parameters.get('scope') === null || scopes.length === 0)
        return {
          error: 'invalid_request',
          description: "AADSTS900144: The request body must contain the following parameter: 'scope'.",
        }
      // Users of this tenant may not consent themselves.
      if (parameters.get('prompt') === 'consent')
        return { error: 'access_denied', description: 'AADSTS90094: Admin consent is required.' }
      return undefined
    },
    accessToken: ({ user, scopes }, uti) =>
      signed(
        {
          aud: app,
          iss: issuerOf(user),
          azp: app,
          azpacr: '1',
          name: user.name,
          oid: 'cccccccc-1111-2222-3333-444444444444',
          // Of the scopes the short names, without those of OpenID Connect.
          scp: scopes.flatMap((each) => each.match(/^api:\/\/[^/]+\/(.+)$/)?.[1] ?? []).join(' ') || 'access',
          sub: user.id,
          tid: user.tenant,
          uti,
          ver: '2.0',
          nbf: now,
        },
        { typ: 'JWT' },
      ),
    refreshes: ({ scopes }) => scopes.includes('offline_access'),
    idToken: ({ user }) => ({
      aud: app,
      iss: issuerOf(user),
      nbf: now,
      name: user.name,
      oid: 'cccccccc-1111-2222-3333-444444444444',
      preferred_username: user.login,
      email: user.email,
      sub: user.id,
      tid: user.tenant,
      ver: '2.0',
    }),
    answer: ({ accessToken, refreshToken, idToken }, { scopes }) => ({
      token_type: 'Bearer',
      scope: scopes.filter((each) => each !== 'offline_access').join(' '),
      expires_in: 3736,
      ext_expires_in: 3736,
      access_token: accessToken,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      id_token: idToken,
    }),
    refusal: ({ error, description, status = 400 }) => {
      const code = error === 'invalid_client' ? 7_000_215 : 70_008
      return Response.json(
        {
          error,
          error_description: `AADSTS${code}: ${description}. Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z`,
          error_codes: [code],
          timestamp: '2026-01-01 00:00:00Z',
          trace_id: '00000000-0000-0000-0000-000000000000',
          correlation_id: '00000000-0000-0000-0000-000000000000',
        },
        { status },
      )
    },
    userinfo: ({ user }) => ({ sub: user.id, name: user.name, email: user.email }),
    limited: () =>
      Response.json(
        { error: 'temporarily_unavailable', error_description: 'AADSTS90055', error_codes: [90_055] },
        { status: 429, headers: { 'retry-after': '7' } },
      ),
  })
}
