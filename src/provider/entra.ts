import { defined } from '../lib/defined.ts'
import { either, flag, list, oneOf, optionError, readOptions, text } from '../lib/options.ts'
import type { ClientQuirks, Provider, SignInProfile } from '../types.ts'
import { commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link entra}. */
export interface EntraOptions extends CommonOptions {
  /**
   * The directory (tenant) id. Not a domain: tokens carry the id. For sign-in only, also `'organizations'`
   * or `'common'` with `tenants`, or `'consumers'` for personal Microsoft accounts.
   */
  tenantId: string
  /**
   * With `'organizations'` or `'common'`: the ids of the tenants whose users are admitted, or `'any'`. With
   * `'any'` the users of every tenant get as far as `admit`, which must then look at `tid`. Default: only
   * `tenantId`.
   */
  tenants?: 'any' | readonly string[]
  /** The application (client) id of the app registration that stands for the MCP server. */
  clientId: string
  /** Audiences beside `clientId` and `api://<clientId>`: a custom Application ID URI. Default: none. */
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
 * grants nothing and is refused. Access tokens are verified for one tenant only: a multi-tenant preset is
 * for sign-in.
 *
 * @see [Access tokens](https://learn.microsoft.com/entra/identity-platform/access-tokens), [OpenID
 * Connect](https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc), [Secure an MCP
 * server](https://learn.microsoft.com/entra/agent-id/secure-mcp-server-with-entra-id)
 */
export function entra(options: EntraOptions): Provider {
  const given = readOptions(
    'entra',
    options,
    {
      tenantId: text(
        "the id of the tenant, a lower-case GUID, or for sign-in 'organizations', 'common' or 'consumers'",
        new RegExp(`^(?:${guid}|organizations|common|consumers)$`),
      ).required,
      tenants: either(oneOf(['any']), list(text('a tenant id', new RegExp(`^${guid}$`)))),
      audience: oneOrMore(),
      applicationIdUri: text(),
      cloud: oneOf(['public', 'usgov', 'china', 'external']).default('public'),
      v1Tokens: flag().default(false),
      ...commonOptions(),
      clientId: text().required,
    },
    { tenant: 'tenantId' },
  )
  const { tenantId, clientId, audience, applicationIdUri, cloud, v1Tokens, scopeClaims, ...common } = given
  const { login, sts } = clouds[cloud]
  const authorityOf = (id: string): string => `https://${login.replace('{tenant}', id)}/${id}`
  const issuerOf = (id: string): string => `${authorityOf(id)}/v2.0`
  const [authority, issuer] = [authorityOf(tenantId), issuerOf(tenantId)]
  const jwksUri = `${authority}/discovery/v2.0/keys`
  const client: ClientQuirks = {
    ...defined({ resource: applicationIdUri === undefined ? ('omit' as const) : undefined }),
    assumeS256: true,
    // It gives refresh tokens without, and asks for an administrator if users may not consent themselves.
    omitPrompt: true,
    endpointOrigins: ['https://graph.microsoft.com'],
  }
  const signIn: SignInProfile = {
    name: 'Microsoft',
    protocol: 'oidc',
    offlineScope: 'offline_access',
    idTokenAlgorithms: ['RS256'],
    nameClaims: ['preferred_username', 'name'],
    prompts: ['login', 'select_account', 'none'],
    // Whoever runs a tenant writes the addresses of its users.
    emailVerified: 'never',
    exchange: 'entra',
  }
  const tenants = tenantsOf(tenantId, given.tenants)
  const verifies = audience ?? applicationIdUri ?? scopeClaims ?? (v1Tokens || undefined)
  if (tenants !== undefined && (verifies !== undefined || cloud === 'external'))
    throw optionError('tenantId', 'the id of one tenant for verification, or an external one', tenantId)
  if (tenants !== undefined)
    return preset(
      {
        provider: 'entra',
        issuer,
        client: {
          ...client,
          // The metadata name the issuer `…/{tenantid}/v2.0`, which no token has.
          endpoints: {
            authorization: `${authority}/oauth2/v2.0/authorize`,
            token: `${authority}/oauth2/v2.0/token`,
          },
        },
        signIn: {
          ...signIn,
          jwksUri: common.jwksUri ?? jwksUri,
          idTokenIssuers: [issuerOf('{tid}')],
          ...(tenants !== 'any' && { requiredClaims: { tid: tenants } }),
        },
      },
      { ...common, clientId },
    )
  return preset(
    {
      provider: 'entra',
      issuer,
      jwt: {
        issuer,
        ...defined({ alsoIssuers: v1Tokens ? [`https://${sts}/${tenantId}/`] : undefined }),
        jwksUri,
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
      client,
      signIn,
      passThrough: { scopePrefix: `${applicationIdUri ?? `api://${clientId}`}/` },
    },
    { ...common, clientId },
  )
}

const guid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

/**
 * The tenants whose users are admitted, or undefined for a preset of one tenant. A multi-tenant preset that
 * lists none would admit the users of every tenant, so it is refused.
 */
function tenantsOf(tenantId: string, tenants: EntraOptions['tenants']): EntraOptions['tenants'] {
  if (tenantId === 'consumers' && tenants === undefined) return [personalAccounts]
  if (/^(?:organizations|common)$/.test(tenantId) === (tenants !== undefined && tenants.length > 0))
    return tenants
  throw optionError(
    'tenants',
    "left out for one tenant, and a list of ids or 'any' for organizations and common",
    tenants,
  )
}

/** The tenant of personal Microsoft accounts. */
const personalAccounts = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Sign-in host and the issuer host of version 1 tokens. */
const clouds = {
  public: { login: 'login.microsoftonline.com', sts: 'sts.windows.net' },
  usgov: { login: 'login.microsoftonline.us', sts: 'sts.windows.net' },
  china: { login: 'login.partner.microsoftonline.cn', sts: 'sts.chinacloudapi.cn' },
  external: { login: '{tenant}.ciamlogin.com', sts: 'sts.windows.net' },
} as const
