import { OAuthError } from '../errors.ts'
import { isCodeChallenge } from './pkce.ts'

/**
 * The parameters of an authorization request, each as it was sent; an empty one counts as absent (OAuth 2.1
 * §3.1).
 */
export interface AuthorizationParameters {
  readonly values: ReadonlyMap<string, string>
  /** `resource` may come several times (RFC 8707 §2). */
  readonly resources: readonly string[]
  /** Parameters that came more than once although they must not. */
  readonly repeated: readonly string[]
}

/** Parameters that this server reads; whatever else is sent is ignored, twice or not. */
const known = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'max_age',
  'login_hint',
  'request',
  'request_uri',
  'nonce',
]

export function readAuthorizationParameters(params: URLSearchParams): AuthorizationParameters {
  const values = new Map<string, string>()
  const repeated: string[] = []
  for (const name of known) {
    const all = params.getAll(name)
    if (all.length > 1) repeated.push(name)
    if (all[0] !== undefined && all[0] !== '') values.set(name, all[0])
  }
  return { values, resources: params.getAll('resource').filter((each) => each !== ''), repeated }
}

type Values = AuthorizationParameters['values']

const invalid = (description: string): OAuthError => new OAuthError('invalid_request', description)

/** SSRF: a `request_uri` is never fetched (RFC 9101 §10.4). */
export function refuseRequestObject(values: Values): void {
  if (values.has('request'))
    throw new OAuthError('request_not_supported', 'Send the parameters themselves, not a request object')
  if (values.has('request_uri'))
    throw new OAuthError('request_uri_not_supported', 'Send the parameters themselves, not a request_uri')
}

/** A code, in the query of the redirect URI (OAuth 2.1 §4.1.1). */
export function requireCodeResponse(values: Values): void {
  const type = values.get('response_type')
  if (type === undefined) throw invalid('response_type is missing')
  if (type !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code')
  if ((values.get('response_mode') ?? 'query') !== 'query') throw invalid('response_mode must be query')
}

/**
 * PKCE downgrade: every request needs an S256 challenge; a missing method would mean `plain` (RFC 7636 §4.3).
 */
export function readCodeChallenge(values: Values): string {
  const challenge = values.get('code_challenge')
  if (challenge === undefined) throw invalid('code_challenge is missing: PKCE is required')
  if (values.get('code_challenge_method') !== 'S256') throw invalid('code_challenge_method must be S256')
  if (!isCodeChallenge(challenge)) throw invalid('code_challenge is not 43 characters of base64url')
  return challenge
}

/**
 * What the authorization endpoint sends back through the browser: exactly one of code and error, and `iss`
 * (RFC 9207 §2), unless the server never sends it.
 */
export type AuthorizationResponse = { iss: string | undefined; state?: string | undefined } & (
  { code: string } | { error: string; error_description?: string }
)

/**
 * The URL that the browser is sent to. A reserved parameter already in the redirect URI is replaced; the
 * rest of the URI stays as it was registered.
 */
export function authorizationResponse(redirectUri: string, response: AuthorizationResponse): string {
  const reserved = ['code', 'error', 'error_description', 'state', 'iss']
  const at = redirectUri.indexOf('?')
  const base = at < 0 ? redirectUri : redirectUri.slice(0, at)
  const kept =
    at < 0
      ? []
      : redirectUri
          .slice(at + 1)
          .split('&')
          .filter((pair) => pair !== '' && !reserved.includes(nameOf(pair)))
  const added = new URLSearchParams()
  for (const name of reserved) {
    const value = (response as Record<string, string | undefined>)[name]
    if (value !== undefined) added.set(name, value)
  }
  return `${base}?${[...kept, added.toString()].join('&')}`
}

const nameOf = (pair: string): string => [...new URLSearchParams(pair).keys()][0] ?? ''
