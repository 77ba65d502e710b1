/**
 * The form by which resource identifiers are compared (MCP, Canonical Server URI): scheme and host in lower
 * case, no default port, and an empty path equals `/` for a host-only resource. Nothing else is normalised.
 * Undefined if it is not a resource identifier: relative, with a fragment (RFC 8707 §2), with user
 * information, of another scheme, or with a host that is not written plainly.
 */
export function canonicalResource(text: string): string | undefined {
  // No two neighbouring parts can match the same character, so this is linear.
  const match = /^(https?):\/\/([^/?#@\\]+)([/?][^#\\]*)?$/i.exec(text)
  if (match === null || !/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined
  const scheme = match[1]!.toLowerCase()
  const host = match[2]!.toLowerCase().replace(scheme === 'https' ? /:443$/ : /:80$/, '')
  if (new URL(text).host !== host) return undefined
  const rest = match[3] ?? ''
  return `${scheme}://${host}${rest === '/' ? '' : rest}`
}

/** Whether both name the same resource. Never a prefix or origin match. */
export function sameResource(a: string, b: string): boolean {
  if (a === b) return true
  const left = canonicalResource(a)
  return left !== undefined && left === canonicalResource(b)
}
