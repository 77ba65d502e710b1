import { hasDangerousScheme } from './dangerous-scheme.ts'
import { isLoopbackHost } from './loopback.ts'

/** Whole redirect URIs of known clients with a private-use scheme: what `'known'` allows. */
export const knownClientRedirects: readonly string[] = [
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'warp://mcp/oauth2callback',
  'com.raycast:/oauth',
]

/**
 * Which redirect URIs with a private-use scheme (RFC 8252 §7.1) can be registered beside https and
 * loopback.
 */
export interface RedirectPolicy {
  /** `true`: any that is in order (default). `'known'`: whole URIs of known clients. `false`: none. */
  privateUse?: boolean | 'known'
  /** Whole URIs that are allowed in any case. */
  allow?: readonly string[]
}

/**
 * Why this redirect URI cannot be registered, or undefined (RFC 7591 §5, OAuth 2.1 §2.3, RFC 8252 §7):
 * https, or http on this machine, or a private-use scheme. No user information, fragment, wildcard, dot
 * segment or control character.
 */
export function redirectUriProblem(uri: unknown, policy: RedirectPolicy = {}): string | undefined {
  const { privateUse = true, allow = [] } = policy
  if (typeof uri !== 'string' || uri === '') return 'is not a string'
  if (uri.length > 2048) return 'is longer than 2048 characters'
  if (hasDangerousScheme(uri)) return dangerousScheme
  if (allow.includes(uri) || (privateUse !== false && knownClientRedirects.includes(uri))) return undefined
  if (!/^[\x21-\x7e]+$/.test(uri) || /["<>\\^`{|}*]/.test(uri))
    return 'has characters that a redirect URI cannot have'
  const match = /^([a-z][a-z0-9+.-]+):(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$/.exec(uri)
  if (match === null) return 'is not an absolute URI'
  const [, scheme, authority, path = '', query = '', fragment] = match
  const web = scheme === 'https' || scheme === 'http'
  if (web ? (authority ?? '//') === '//' : authority === undefined && !path.startsWith('/'))
    return 'is not an absolute URI'
  if (!web && privateUse !== true) return 'has a private-use scheme, which is not accepted here'
  if (fragment !== undefined) return 'has a fragment'
  if (authority?.includes('@')) return 'has user information'
  if (!URL.canParse(uri)) return 'is not a URI'
  const url = new URL(uri)
  // What this URL parser would change, another parser may read differently. An explicit default port is
  // harmless.
  const host = web ? authority!.replace(scheme === 'https' ? /:443$/ : /:80$/, '') : (authority ?? '')
  if (url.href !== `${scheme}:${host}${web && path === '' ? '/' : path}${query}`)
    return 'is not in its normal form'
  // A final dot is a second spelling of a name; the addresses are spellings of this machine.
  if (web && /\.$|^(?:0|127)\.(?!0\.0\.1$)|^\[::\]$/.test(url.hostname))
    return 'has a host that is not in its normal form'
  if (path.split('/').some(isDotSegment)) return 'has dot segments'
  if (/%(?:0|1|7f|2f|5c|25)/i.test(path)) return 'has percent-encoded separators or control characters'
  if (['code', 'error', 'iss', 'state'].some((name) => url.searchParams.has(name)))
    return 'has a query parameter that responses use'
  return scheme === 'http' && !isLoopbackHost(url.hostname)
    ? 'is http on a host that is not this machine'
    : undefined
}

/** The problem for which the whole client is refused: an honest client does not register such a URI. */
export const dangerousScheme = 'has a scheme that a browser or the system runs'

/**
 * Redirect match: whether the presented URI is one of the registered ones. Exactly, except for the port of a
 * loopback address (RFC 8252 §7.3).
 */
export function matchRedirectUri(registered: readonly string[], presented: string): boolean {
  if (registered.includes(presented)) return true
  const loopback = splitLoopback(presented)
  return (
    loopback !== undefined &&
    registered.some((each) => {
      const other = splitLoopback(each)
      return other !== undefined && other.host === loopback.host && other.rest === loopback.rest
    })
  )
}

/** Whether the URI leads back to the user's own machine. */
export function isLoopbackRedirect(uri: string): boolean {
  const host = /^https?:\/\/(\[::1\]|[^/?#:@\\[\]]+)(?::\d{1,5})?(?:[/?]|$)/.exec(uri)?.[1]
  return host !== undefined && isLoopbackHost(host)
}

/** Whether the URI has a private-use scheme (RFC 8252 §7.1): a program on the user's machine opens it. */
export const isPrivateUseRedirect = (uri: string): boolean => !/^https?:/.test(uri)

/** Host and rest of `http://<loopback>[:port]…`. The rest is compared as it is written. */
function splitLoopback(uri: string): { host: string; rest: string } | undefined {
  const match = /^http:\/\/(\[::1\]|[^/?#:@\\[\]]+)(?::([1-9]\d{0,4}))?((?:[/?][\x21-\x7e]*)?)$/.exec(uri)
  if (match === null || !isLoopbackHost(match[1]!) || /[#\\]/.test(match[3]!)) return undefined
  if (match[2] !== undefined && Number(match[2]) > 65_535) return undefined
  return { host: match[1]!, rest: match[3]! }
}

const isDotSegment = (segment: string): boolean => /^(?:\.|%2e){1,2}(?:;.*)?$/i.test(segment)
