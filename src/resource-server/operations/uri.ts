/**
 * The normal form of a resource's URI (RFC 3986 §6.2), as the official SDK looks it up (`new URL(uri).href`)
 * and as a handler that decodes or resolves it further would read it. Undefined if it has none: such a URI
 * names different resources for different readers (path traversal).
 */
export function normalUri(uri: string): string | undefined {
  if (/[\s\\"<>^`{|}\p{C}]/u.test(uri) || !URL.canParse(uri)) return undefined
  const { href, username, password, hostname, protocol, hash } = new URL(uri)
  if (username !== '' || password !== '' || hash !== '' || hostname.endsWith('.')) return undefined
  // A file has neither a query nor a host other than this one, so handlers ignore both.
  if (protocol === 'file:' && (href.includes('?') || !href.startsWith('file:///'))) return undefined
  const normal = href.replaceAll(/%[0-9a-f]{2}/gi, normalEscape)
  return isAmbiguous(normal) ? undefined : normal
}

/** RFC 3986 §6.2.2.1 and §6.2.2.2: upper-case hexadecimal, unreserved characters decoded. */
function normalEscape(escape: string): string {
  const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
  return /[\w.~-]/.test(char) ? char : escape.toUpperCase()
}

/**
 * Whether a handler that decodes or resolves the URI once more would come to another resource (path
 * traversal, double encoding).
 */
export function isAmbiguous(uri: string): boolean {
  const path = uri.replace(/^[^:/?#]*:(?:\/\/[^/?#]*)?/, '').replace(/[?#].*$/s, '')
  return (
    // Dot segments, which URL parsers leave in a path without a slash in front, and empty ones, which file
    // systems skip.
    /(?:^|\/)\.{1,2}(?:\/|$)|\/\//.test(path) ||
    // Separators (`/ \ ? #`), control characters, an escaped escape; a `%` that begins no escape.
    /%(?:2[3F]|3F|5C|[01].|7F|25[0-9A-F]{2})|%(?![0-9A-F]{2})/i.test(uri) ||
    uri.includes('#') ||
    !isUtf8(uri)
  )
}

function isUtf8(uri: string): boolean {
  try {
    decodeURIComponent(uri)
    return true
  } catch {
    return false
  }
}

/**
 * The URI as a handler reads it that only compares host and path: without query, port, and slash at the end.
 * Only those that differ from the URI itself.
 */
export function bareUris(uri: string): readonly string[] {
  if (!/^[a-z][a-z0-9+.-]*:/.test(uri)) return []
  const bare = uri.replace(/\?.*$/s, '').replace(/^([^:]+:\/\/[^/]*?):\d+(?=\/|$)/, '$1')
  return [...new Set([bare, bare.replace(/(?<=[^/])\/$/, '')])].filter((each) => each !== uri)
}

/** One of the URIs that a URI template (RFC 6570) stands for. */
export const exampleOf = (template: string): string => template.replaceAll(/\{[^{}]*\}/g, '~')
