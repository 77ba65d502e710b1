import { ConfigurationError } from '../../errors.ts'
import { isJsonObject } from '../../lib/json.ts'
import {
  custom,
  flag,
  list,
  matching,
  methods,
  optionError,
  rejectEmptySegment,
  readOptions,
  record,
  text,
  url,
  type OptionalOption,
} from '../../lib/options.ts'
import { runtimeOptions } from '../../lib/runtime.ts'
import { isSecureOrLoopback } from '../../protocol/loopback.ts'
import { redirectUriProblem } from '../../protocol/redirect-uri.ts'
import { canonicalResource } from '../../protocol/resource.ts'
import { isScopeToken } from '../../protocol/scope.ts'
import type { AuthorizationServer, Provider, RateLimiter, Runtime } from '../../types.ts'

/** Options of `passThrough`. */
export interface PassThroughOptions extends Runtime {
  /** The MCP server that tokens are for, as in `createResourceServer`. */
  resource: string
  /**
   * The issuer that clients see: a URL of this deployment, not the provider's. Default: the resource's
   * origin.
   */
  issuer?: string
  /**
   * The public client that is registered at the provider, for all MCP clients. It has no secret. Default: the
   * preset's `clientId`.
   */
  clientId?: string
  /**
   * Where authorization codes may go. Whole URIs; of a loopback address any port (RFC 8252 §7.3). List only
   * clients that every user trusts: the provider does not ask for each client.
   */
  redirectUris: readonly string[]
  /**
   * The scopes that clients see, by the names that tokens carry. A list: requests to the provider have the
   * preset's prefix before them, if it has one. An object: by each, its name in requests to the provider.
   */
  scopes: readonly string[] | Readonly<Record<string, string>>
  /**
   * Verifies the provider's tokens, if they are opaque: `introspectionVerifier(…)`. Default: the preset's
   * JWTs.
   */
  verifier?: AuthorizationServer
  /**
   * Serve the endpoints of MCP 2025-03-26 at the root of the host, too, if the issuer has a path. Default:
   * true.
   */
  rootEndpoints?: boolean
  /**
   * Limits token requests and registrations per caller (`clientAddress`): at the provider they all count as
   * this server's. Default: no limit.
   */
  rateLimit?: RateLimiter
}

/** The options with their defaults, checked against the provider. */
export interface Settings {
  readonly issuer: string
  readonly resource: string
  readonly clientId: string
  readonly redirectUris: readonly string[]
  /** The name at the provider by the name that clients see. */
  readonly scopes: ReadonlyMap<string, string>
  readonly verifier: AuthorizationServer | undefined
  readonly rootEndpoints: boolean
  readonly rateLimit: RateLimiter | undefined
}

/** Throws ConfigurationError if an option is wrong, or if this provider cannot be passed through. */
export function resolveSettings(provider: Provider, options: PassThroughOptions): Settings {
  checkProvider(provider)
  const given = readOptions('passThrough', options, {
    resource: resource().required,
    issuer: issuer(),
    clientId: text(),
    redirectUris: list(redirectUri()).required,
    scopes: scopes().required,
    verifier: methods<AuthorizationServer>(['verifier'], 'a verifier such as introspectionVerifier(…)'),
    rootEndpoints: flag().default(true),
    rateLimit: methods<RateLimiter>(['limit'], 'a rate limiter such as memoryRateLimiter()'),
    ...runtimeOptions(),
  })
  const { verifier, rootEndpoints, rateLimit } = given
  rejectEmptySegment(given.resource, 'resource')
  if (given.issuer !== undefined) rejectEmptySegment(given.issuer, 'issuer')
  if (given.redirectUris.length === 0)
    throw optionError('redirectUris', 'a list with at least one redirect URI', given.redirectUris)
  if (verifier === undefined && provider.jwt === undefined)
    throw new ConfigurationError(
      'verifier',
      'must be introspectionVerifier(…) of tollgate/introspection, because the tokens of this provider are opaque',
    )
  return {
    issuer: checkIssuer(given.issuer ?? new URL(given.resource).origin, provider),
    resource: given.resource,
    clientId: text().required(given.clientId ?? provider.clientId, 'clientId'),
    redirectUris: given.redirectUris,
    scopes: namesAtProvider(given.scopes, provider.passThrough?.scopePrefix ?? ''),
    verifier,
    rootEndpoints,
    rateLimit,
  }
}

/** What to do with a provider that cannot be passed through. */
export const instead =
  'Use createAuthorizationServer({ signIn: upstream(…) }) instead, which issues tokens of its own'

function checkProvider(provider: Provider): void {
  if (!isJsonObject(provider) || typeof provider.issuer !== 'string')
    throw optionError('provider', 'a preset such as entra({ … })', provider)
  const { credentials, client, signIn, passThrough } = provider as Provider
  // No secret is handed out: every MCP client would have it, and so would every attacker.
  if (credentials !== undefined || signIn?.needsSecret)
    throw new ConfigurationError(
      'provider',
      credentials === undefined
        ? `must have public clients; "${provider.provider}" demands a secret of each, which MCP clients cannot keep. ${instead}`
        : `must be a preset without clientSecret, for a public client; a secret is not handed to MCP clients. ${instead}`,
    )
  if (passThrough?.sendsIssuer) throw new ConfigurationError('provider', sendsIssuer(provider as Provider))
  if (client?.endpoints !== undefined && !client.assumeS256)
    throw new ConfigurationError('provider', noPkce(provider as Provider))
}

/**
 * Mix-up: a client compares `iss` of the answer with the issuer that it asked, and that is this server (RFC
 * 9207 §2.4).
 */
export const sendsIssuer = ({ issuer }: Provider): string =>
  `must not send \`iss\` in authorization responses; ${issuer} does (RFC 9207), and clients refuse an answer ` +
  `from another issuer than they asked. ${instead}`

export const noPkce = ({ issuer }: Provider): string =>
  `must support PKCE with S256; nothing says that ${issuer} does. ${instead}`

function checkIssuer(issuer: string, provider: Provider): string {
  if (new URL(issuer).origin === new URL(provider.issuer).origin)
    throw optionError('issuer', 'a URL of this deployment, because it serves the metadata', issuer)
  return issuer
}

function namesAtProvider(
  given: readonly string[] | Readonly<Record<string, string>>,
  prefix: string,
): ReadonlyMap<string, string> {
  const pairs: [string, string][] = Array.isArray(given)
    ? given.map((each: string) => [each, prefix + each])
    : Object.entries(given)
  const identity = pairs.flat().find((each) => identityScopes.includes(each))
  if (identity !== undefined)
    throw new ConfigurationError(
      'scopes',
      `must have no scope of OpenID Connect; got ${JSON.stringify(identity)}, which asks for an ID token, and ` +
        `its issuer is not the one that clients compare it with. ${instead}`,
    )
  return new Map(pairs)
}

/** OpenID Connect Core §5.4. */
export const identityScopes: readonly string[] = ['openid', 'profile', 'email', 'address', 'phone']

const scopes = (): OptionalOption<PassThroughOptions['scopes']> => {
  const what = "a list of scopes, or an object such as { 'notes.read': 'api://notes/notes.read' }"
  const isScope = (value: unknown): boolean => typeof value === 'string' && isScopeToken(value)
  const item = matching<string>('a scope (RFC 6749 §3.3)', isScope)
  return custom(what, (value, name) => {
    if (Array.isArray(value) ? value.length === 0 : !isJsonObject(value) || Object.keys(value).length === 0)
      throw optionError(name, what, value)
    if (Array.isArray(value)) return list(item).required(value, name)
    for (const key of Object.keys(value as object)) item.required(key, `a name in ${name}`)
    return record(item.required, "{ 'notes.read': 'api://notes/notes.read' }").required(value, name)
  })
}

const redirectUri = (): OptionalOption<string> => {
  const what = 'a redirect URI: https, or http on this machine, or with a private-use scheme'
  return custom(what, (value, name) => {
    const problem = redirectUriProblem(value)
    if (problem !== undefined) throw optionError(name, what, value, `It ${problem}`)
    return value as string
  })
}

const resource = (): OptionalOption<string> =>
  url(
    'the https URL of the MCP server, as in createResourceServer',
    (url, given) => canonicalResource(given) !== undefined && isSecureOrLoopback(url),
  )

const issuer = (): OptionalOption<string> =>
  url(
    'an https URL in its normal form, without query and fragment',
    (url, given) =>
      (url.href === given || url.href === `${given}/`) && !/[?#@]/.test(given) && isSecureOrLoopback(url),
  )
