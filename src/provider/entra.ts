import { ConfigurationError } from '../errors.ts'
import type { Provider } from '../types.ts'
import { checkPreset, list, preset, required, type CommonOptions } from './preset.ts'

/** Options of {@link entra}. */
export interface EntraOptions extends CommonOptions {
  /** The directory (tenant) id. Not `common`, `organizations` or a domain: tokens carry the id. */
  tenantId: string
  /** The application (client) id of the app registration that stands for the MCP server. */
  clientId: string
  /** Audiences beside `clientId` and `api://<clientId>`: a custom Application ID URI. */
  audience?: string | readonly string[]
  /** Also accept version 1 tokens (`sts.windows.net`), for an app whose manifest has no `requestedAccessTokenVersion: 2`. Default false. */
  v1Tokens?: boolean
}

/**
 * Microsoft Entra ID. It answers `resource` with AADSTS9010010, so clients must leave it out; what a token is for follows from the scopes asked for.
 *
 * @see [Access tokens](https://learn.microsoft.com/entra/identity-platform/access-tokens)
 */
export function entra(options: EntraOptions): Provider {
  checkPreset('entra', options, ['tenantId', 'audience', 'v1Tokens'])
  const { tenantId, audience, v1Tokens = false } = options
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(required('tenantId', tenantId)))
    throw new ConfigurationError(
      'tenantId',
      "must be the tenant's id (a lower-case GUID): tokens carry the id, also where the sign-in page was multi-tenant",
    )
  const clientId = required('clientId', options.clientId)
  const issuer = `https://login.microsoftonline.com/${tenantId}/v2.0`
  return preset(
    {
      provider: 'entra',
      issuer,
      jwt: {
        issuer,
        ...(v1Tokens ? { alsoIssuers: [`https://sts.windows.net/${tenantId}/`] } : {}),
        jwksUri: `https://login.microsoftonline.com/${tenantId}/discovery/v2.0/keys`,
        algorithms: ['RS256'],
        audience: {
          aud: [clientId, `api://${clientId}`, ...(audience === undefined ? [] : list('audience', audience))],
        },
        typ: 'jwt',
        requiredClaims: { tid: tenantId },
        scopeClaims: ['scp', ...(options.scopeClaims ?? [])],
        clientIdClaims: v1Tokens ? ['azp', 'appid'] : ['azp'],
      },
      client: { resource: 'omit', assumeS256: true },
    },
    options,
  )
}
