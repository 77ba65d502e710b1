/**
 * The form by which resource identifiers are compared (MCP, Canonical Server URI): scheme and host in lower case, no default port,
 * and an empty path equals `/` for a host-only resource. Nothing else is normalised. Undefined where it is no resource
 * identifier: relative, with a fragment (RFC 8707 §2), with user information, or of another scheme.
 */
export function canonicalResource(text: string): string | undefined {
  const match = /^(https?):\/\/([^/?#\\@\s]+)([^#\\\s]*)$/i.exec(text)
  if (match === null || !URL.canParse(text)) return undefined
  const [, scheme, authority, rest] = match
  const { host } = new URL(`${scheme}://${authority}`)
  return `${scheme!.toLowerCase()}://${host}${rest === '/' ? '' : rest}`
}

/** Whether both name the same resource. Never a prefix or origin match. */
export function sameResource(a: string, b: string): boolean {
  if (a === b) return canonicalResource(a) !== undefined
  const left = canonicalResource(a)
  return left !== undefined && left === canonicalResource(b)
}

/** `127.0.0.1`, `[::1]` or `localhost`, as `URL.hostname` writes them. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost'
}

/** https, or http on this machine (MCP, Communication Security). */
export function isSecureOrLoopback(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))
}
