/** Every error code that Tollgate itself uses; `docs/reference/errors.md` says when, and what to do. */
export type OAuthErrorCode =
  // Answered by the resource server.
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'temporarily_unavailable'
  | 'server_error'
  // Answered by the authorization server.
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_redirect_uri'
  | 'invalid_software_statement'
  | 'unauthorized_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'access_denied'
  | 'login_required'
  | 'consent_required'
  | 'account_not_linked'
  // Thrown by the client.
  | 'authorization_required'
  | 'authorization_timeout'
  | 'invalid_callback'
  | 'invalid_response'
  | 'no_metadata'
  | 'resource_mismatch'
  | 'issuer_mismatch'
  | 'server_not_allowed'
  | 'shared_redirect'
  | 'foreign_endpoint'
  | 'pkce_unsupported'
  | 'dpop_required'
  | 'registration_unavailable'
  | 'unknown_server'

/** Options of every wire error. */
export interface OAuthErrorOptions {
  /** HTTP status. Default 400. */
  status?: number
  /** Seconds for `Retry-After`; only meaningful with 429 and 503. Default: none. */
  retryAfter?: number
  /** For a log, never for the wire. Must carry no secret. Default: none. */
  cause?: unknown
  /**
   * What should have come, for example our issuer. Goes into the message and into events; never a secret.
   * Default: none.
   */
  expected?: string
  /** What came instead. As `expected`; text from outside is cleaned and cut. Default: none. */
  received?: unknown
}

// A registered symbol: two copies of this module, in two bundles or two versions, recognise each other's
// errors.
const brand = Symbol.for('tollgate.error')

// The official SDK (v2) recognises its own errors by this property, so ours are understood without
// depending on it.
const sdkBrand = Symbol.for('mcp.sdk.errorBrands')
const brands: ReadonlySet<string> = new Set(['mcp.OAuthError'])

/**
 * An error as it goes over the wire: `error` and `error_description` of RFC 6749 §5.2, RFC 6750 §3.1, RFC
 * 7591 §3.2.2. The message is the `error_description`; it never contains a credential.
 */
export class OAuthError extends Error {
  /** One of ours, or the code of another server, of a verifier or of a hook. */
  readonly code: OAuthErrorCode | (string & {})
  /** HTTP status. */
  readonly status: number
  /** Seconds for `Retry-After`, if the caller should try again. */
  readonly retryAfter: number | undefined
  /** What is wrong, without the two values. */
  readonly description: string
  /** What should have come. */
  readonly expected: string | undefined
  /** What came instead, without queries, at most 200 printable characters. */
  readonly received: string | undefined

  constructor(code: OAuthErrorCode | (string & {}), description: string, options: OAuthErrorOptions = {}) {
    const expected = options.expected === undefined ? undefined : printable(options.expected)
    const received = 'received' in options ? printable(options.received) : undefined
    super(
      describe(description, expected, received),
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.name = new.target.name
    this.code = code
    this.status = options.status ?? 400
    this.retryAfter = options.retryAfter
    this.description = description
    this.expected = expected
    this.received = received
    Object.defineProperty(this, brand, { value: 'oauth' })
    Object.defineProperty(this, sdkBrand, { value: brands })
  }

  /** The JSON body of an OAuth error response. */
  toResponseObject(): { error: string; error_description: string } {
    return { error: this.code, error_description: this.message }
  }
}

function describe(description: string, expected?: string, received?: string): string {
  const parts = [
    expected === undefined ? '' : `expected ${expected}`,
    received === undefined ? '' : `got ${received}`,
  ].filter(Boolean)
  return parts.length === 0 ? description : `${description}: ${parts.join(', ')}`
}

/**
 * Text from outside, for our own messages: no control characters, no quotes, and of URLs no query, which
 * may carry a secret.
 */
function printable(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = (Array.isArray(value) ? value : [value])
    .map((each) => (typeof each === 'string' ? each.replace(/[?#].*$/s, '') : typeof each))
    .join(' ')
  const clean = text
    .slice(0, 200)
    .replaceAll(/[^\x21\x23-\x5b\x5d-\x7e]/g, ' ')
    .trim()
  return clean === '' ? 'nothing' : clean
}

/** The access token is not acceptable: 401 `invalid_token` (RFC 6750 §3.1). */
export class InvalidTokenError extends OAuthError {
  constructor(description: string, options: Omit<OAuthErrorOptions, 'status'> = {}) {
    super('invalid_token', description, { ...options, status: 401 })
  }
}

/** The token is good and does not carry what the request needs: 403 `insufficient_scope` (RFC 6750 §3.1). */
export class InsufficientScopeError extends OAuthError {
  /** Everything that the request needs, in one list. */
  readonly scopes: readonly string[]

  constructor(
    scopes: readonly string[],
    description = 'The access token does not carry what this request needs',
  ) {
    super('insufficient_scope', description, { status: 403 })
    this.scopes = scopes
  }
}

/**
 * A dependency is out of reach: 503 `temporarily_unavailable` with `Retry-After`. Says nothing about the
 * credential.
 */
export class UnavailableError extends OAuthError {
  constructor(description: string, options: Omit<OAuthErrorOptions, 'status'> = {}) {
    super('temporarily_unavailable', description, { retryAfter: 5, ...options, status: 503 })
  }
}

/** The caller's mistake, thrown at construction. The message names the option and the fix. */
export class ConfigurationError extends Error {
  /** The option at fault, as a path: `resources[0].scopes`. */
  readonly option: string

  /** `problem` continues the sentence that begins with the option: "must be …; got …", then the way out. */
  constructor(option: string, problem: string) {
    super(`\`${option}\` ${problem}`)
    this.name = 'ConfigurationError'
    this.option = option
    Object.defineProperty(this, brand, { value: 'configuration' })
  }
}

/**
 * Whether a value is an {@link OAuthError}, also one of another copy of this module: `instanceof` fails if
 * a bundler has put two entry points into two bundles.
 *
 * @example
 * try {
 *   await client.fetch(url)
 * } catch (error) {
 *   if (isOAuthError(error) && error.code === 'access_denied') return 'The user has refused'
 *   throw error
 * }
 */
export const isOAuthError = (value: unknown): value is OAuthError => brandOf(value) === 'oauth'

/** Whether a value is a {@link ConfigurationError}, also one of another copy of this module. */
export const isConfigurationError = (value: unknown): value is ConfigurationError =>
  brandOf(value) === 'configuration'

/** Whether a value is an OAuthError with 401 `invalid_token`, also one of another copy of this module. */
export const isInvalidTokenError = (
  value: unknown,
): value is OAuthError & { readonly code: 'invalid_token' } =>
  isOAuthError(value) && value.code === 'invalid_token' && value.status === 401

/** Whether a value is an {@link InsufficientScopeError}, also one of another copy of this module. */
export const isInsufficientScopeError = (value: unknown): value is InsufficientScopeError =>
  isOAuthError(value) && value.code === 'insufficient_scope' && 'scopes' in value

/**
 * Whether a value is an OAuthError with 503 `temporarily_unavailable`, also one of another copy of this
 * module.
 */
export const isUnavailableError = (
  value: unknown,
): value is OAuthError & { readonly code: 'temporarily_unavailable' } =>
  isOAuthError(value) && value.code === 'temporarily_unavailable' && value.status === 503

/**
 * Whether a value is an OAuthError with `account_not_linked`: `auth.upstream(provider)` found no linked
 * account, and `auth.link(provider)` is where the user links one.
 */
export const isAccountNotLinkedError = (
  value: unknown,
): value is OAuthError & { readonly code: 'account_not_linked'; readonly provider: string } =>
  isOAuthError(value) && value.code === 'account_not_linked' && 'provider' in value

const brandOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (value as { [brand]?: unknown })[brand] : undefined
