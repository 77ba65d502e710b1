import { isLoopbackHost } from './resource.ts'

/**
 * Whole redirect URIs of known clients with a private-use scheme. Anybody can claim a scheme, so a scheme is never enough
 * (RFC 8252 §8.6). Extend with `allow`.
 */
export const knownClientRedirects: readonly string[] = ['cursor://anysphere.cursor-mcp/oauth/callback']

/**
 * Why this redirect URI cannot be registered, or undefined (RFC 7591 §5, OAuth 2.1 §2.3, MCP Communication Security): https, or http on
 * this machine, or one of the known whole URIs. No user information, fragment, wildcard, dot segment or control character.
 */
export function redirectUriProblem(
  uri: unknown,
  options: { applicationType?: 'web' | 'native' | undefined; allow?: readonly string[] | undefined } = {},
): string | undefined {
  if (typeof uri !== 'string' || uri === '') return 'is not a string'
  if (uri.length > 2048) return 'is longer than 2048 characters'
  if (knownClientRedirects.includes(uri) || options.allow?.includes(uri)) return undefined
  if (!/^[\x21-\x7e]+$/.test(uri) || /["<>\\^`{|}*]/.test(uri))
    return 'has characters that no redirect URI has'
  const match = /^(https?):\/\/([^/?#]+)([^?#]*)(\?[^#]*)?(#.*)?$/.exec(uri)
  if (match === null) return 'is not an absolute https URI, nor http on a loopback address'
  const [, scheme, authority, path, query, fragment] = match
  if (fragment !== undefined) return 'has a fragment'
  if (authority!.includes('@')) return 'has user information'
  if (!URL.canParse(uri)) return 'is not a URI'
  const url = new URL(uri)
  // Whatever the URL parser would change, somebody else's parser reads differently. An explicit default port is harmless.
  const host = authority!.replace(scheme === 'https' ? /:443$/ : /:80$/, '')
  if (url.href !== `${scheme}://${host}${path === '' ? '/' : path}${query ?? ''}`)
    return 'is not in its normal form'
  if (path!.split('/').some(isDotSegment)) return 'has dot segments'
  if (/%(?:0|1|7f|2f|5c|25)/i.test(path!)) return 'has percent-encoded separators or control characters'
  if (['code', 'error', 'iss', 'state'].some((name) => url.searchParams.has(name)))
    return 'has a query parameter that responses use'
  const loopback = isLoopbackHost(url.hostname)
  if (scheme === 'http' && !loopback) return 'is http on a host that is not this machine'
  return loopback && options.applicationType === 'web' ? 'is a loopback address of a web client' : undefined
}

/** Whether the presented URI is one of the registered: exactly, save for the port of a loopback address (RFC 8252 §7.3). */
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
export const isLoopbackRedirect = (uri: string): boolean =>
  /^https?:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(?:[/?]|$)/.test(uri)

/** Host and rest of `http://<loopback>[:port]…`. The rest is compared as it is written. */
function splitLoopback(uri: string): { host: string; rest: string } | undefined {
  const match = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([1-9]\d{0,4}))?((?:[/?][\x21-\x7e]*)?)$/.exec(
    uri,
  )
  if (match === null || /[#\\]/.test(match[3]!)) return undefined
  if (match[2] !== undefined && Number(match[2]) > 65_535) return undefined
  return { host: match[1]!, rest: match[3]! }
}

const isDotSegment = (segment: string): boolean => /^(?:\.|%2e){1,2}(?:;.*)?$/i.test(segment)
