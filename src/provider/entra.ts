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
  /**
   * The Application ID URI, if it is the MCP server's URL: then clients may send `resource`. Its domain must be verified in the tenant, and
   * the manifest must say `requestedAccessTokenVersion: 2`. Default: `api://<clientId>`, and `resource` must be left out.
   */
  applicationIdUri?: string
  /** The national cloud, or `'external'` for a Microsoft Entra External ID tenant (`ciamlogin.com`). Default `'public'`. */
  cloud?: 'public' | 'usgov' | 'china' | 'external'
  /** Also accept version 1 tokens (`sts.windows.net`), for an app whose manifest has no `requestedAccessTokenVersion: 2`. Default false. */
  v1Tokens?: boolean
}

/**
 * Microsoft Entra ID. It answers `resource` with AADSTS9010010 unless it equals the Application ID URI; what a token is for follows from the
 * scopes that are asked for. A token without `scp` and without `roles` grants nothing and is refused.
 *
 * @see [Access tokens](https://learn.microsoft.com/entra/identity-platform/access-tokens),
 * [Secure an MCP server](https://learn.microsoft.com/entra/agent-id/secure-mcp-server-with-entra-id)
 */
export function entra(options: EntraOptions): Provider {
  checkPreset('entra', options, ['tenantId', 'audience', 'applicationIdUri', 'cloud', 'v1Tokens'])
  const { tenantId, audience, applicationIdUri, cloud = 'public', v1Tokens = false } = options
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(required('tenantId', tenantId)))
    throw new ConfigurationError(
      'tenantId',
      "must be the tenant's id (a lower-case GUID): tokens carry the id, also where the sign-in page was multi-tenant",
    )
  const clientId = required('clientId', options.clientId)
  if (!Object.hasOwn(clouds, cloud))
    throw new ConfigurationError(
      'cloud',
      `must be one of ${Object.keys(clouds).join(', ')}, not ${JSON.stringify(cloud)}`,
    )
  const { login, sts } = clouds[cloud]
  const authority = `https://${login.replace('{tenant}', tenantId)}/${tenantId}`
  const issuer = `${authority}/v2.0`
  return preset(
    {
      provider: 'entra',
      issuer,
      jwt: {
        issuer,
        ...(v1Tokens ? { alsoIssuers: [`https://${sts}/${tenantId}/`] } : {}),
        jwksUri: `${authority}/discovery/v2.0/keys`,
        algorithms: ['RS256'],
        audience: {
          aud: [
            clientId,
            applicationIdUri === undefined
              ? `api://${clientId}`
              : required('applicationIdUri', applicationIdUri),
            ...(audience === undefined ? [] : list('audience', audience)),
          ],
        },
        typ: 'jwt',
        requiredClaims: { tid: tenantId },
        anyOfClaims: ['scp', 'roles'],
        scopeClaims: ['scp', ...(options.scopeClaims ?? [])],
        clientIdClaims: v1Tokens ? ['azp', 'appid'] : ['azp'],
      },
      client: {
        ...(applicationIdUri === undefined ? { resource: 'omit' as const } : {}),
        assumeS256: true,
        // It gives refresh tokens without, and asks for an administrator where users may not consent themselves.
        omitPrompt: true,
      },
    },
    options,
  )
}

/** Sign-in host and the issuer host of version 1 tokens. */
const clouds = {
  public: { login: 'login.microsoftonline.com', sts: 'sts.windows.net' },
  usgov: { login: 'login.microsoftonline.us', sts: 'sts.windows.net' },
  china: { login: 'login.partner.microsoftonline.cn', sts: 'sts.chinacloudapi.cn' },
  external: { login: '{tenant}.ciamlogin.com', sts: 'sts.windows.net' },
} as const
