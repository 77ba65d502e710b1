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

/**
 * What the authorization endpoint sends back through the browser: exactly one of code and error, and always
 * `iss` (RFC 9207 §2).
 */
export type AuthorizationResponse = { iss: string; state?: string | undefined } & (
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
