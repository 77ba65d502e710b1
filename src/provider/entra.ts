import { defined } from '../lib/defined.ts'
import { flag, oneOf, readOptions, text } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link entra}. */
export interface EntraOptions extends CommonOptions {
  /** The directory (tenant) id. Not `common`, `organizations` or a domain: tokens carry the id. */
  tenantId: string
  /** The application (client) id of the app registration that stands for the MCP server. */
  clientId: string
  /** Audiences beside `clientId` and `api://<clientId>`: a custom Application ID URI. */
  audience?: string | readonly string[]
  /**
   * The Application ID URI, if it is the MCP server's URL: then clients may send `resource`. Its domain
   * must be verified in the tenant, and the manifest must say `requestedAccessTokenVersion: 2`. Default:
   * `api://<clientId>`, and `resource` must be left out.
   */
  applicationIdUri?: string
  /**
   * The national cloud, or `'external'` for a Microsoft Entra External ID tenant (`ciamlogin.com`). Default
   * `'public'`.
   */
  cloud?: 'public' | 'usgov' | 'china' | 'external'
  /**
   * Also accept version 1 tokens (`sts.windows.net`), for an app whose manifest has no
   * `requestedAccessTokenVersion: 2`. Default false.
   */
  v1Tokens?: boolean
}

/**
 * Microsoft Entra ID. It answers `resource` with AADSTS9010010 unless it equals the Application ID URI;
 * what a token is for follows from the scopes that are asked for. A token without `scp` and without `roles`
 * grants nothing and is refused.
 *
 * @see [Access tokens](https://learn.microsoft.com/entra/identity-platform/access-tokens), [Secure an MCP
 * server](https://learn.microsoft.com/entra/agent-id/secure-mcp-server-with-entra-id)
 */
export function entra(options: EntraOptions): Provider {
  const given = readOptions('entra', options, {
    tenantId: text(
      'the id of the tenant, a lower-case GUID',
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'Tokens carry the id, also if the sign-in page was multi-tenant',
    ).required,
    audience: oneOrMore(),
    applicationIdUri: text(),
    cloud: oneOf(['public', 'usgov', 'china', 'external']).default('public'),
    v1Tokens: flag().default(false),
    ...commonOptions(),
    clientId: text().required,
  })
  const { tenantId, clientId, audience, applicationIdUri, cloud, v1Tokens, scopeClaims, ...common } = given
  const { login, sts } = clouds[cloud]
  const authority = `https://${login.replace('{tenant}', tenantId)}/${tenantId}`
  const issuer = `${authority}/v2.0`
  return preset(
    {
      provider: 'entra',
      issuer,
      jwt: {
        issuer,
        ...defined({ alsoIssuers: v1Tokens ? [`https://${sts}/${tenantId}/`] : undefined }),
        jwksUri: `${authority}/discovery/v2.0/keys`,
        algorithms: ['RS256'],
        audience: {
          aud: [clientId, applicationIdUri ?? `api://${clientId}`, ...(audience ?? [])],
        },
        typ: 'jwt',
        requiredClaims: { tid: tenantId },
        anyOfClaims: ['scp', 'roles'],
        scopeClaims: ['scp', ...(scopeClaims ?? [])],
        clientIdClaims: v1Tokens ? ['azp', 'appid'] : ['azp'],
      },
      client: {
        ...defined({ resource: applicationIdUri === undefined ? ('omit' as const) : undefined }),
        assumeS256: true,
        // It gives refresh tokens without, and asks for an administrator if users may not consent themselves.
        omitPrompt: true,
      },
    },
    { ...common, clientId },
  )
}

/** Sign-in host and the issuer host of version 1 tokens. */
const clouds = {
  public: { login: 'login.microsoftonline.com', sts: 'sts.windows.net' },
  usgov: { login: 'login.microsoftonline.us', sts: 'sts.windows.net' },
  china: { login: 'login.partner.microsoftonline.cn', sts: 'sts.chinacloudapi.cn' },
  external: { login: '{tenant}.ciamlogin.com', sts: 'sts.windows.net' },
} as const
