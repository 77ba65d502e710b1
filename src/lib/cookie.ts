/**
 * The value of the cookie of this name, or undefined. Where it is sent twice, undefined: one of them is not
 * ours.
 */
export function readCookie(request: Request, name: string): string | undefined {
  const header = request.headers.get('cookie')
  if (header === null) return undefined
  let found: string | undefined
  for (const part of header.split(';')) {
    const equals = part.indexOf('=')
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue
    if (found !== undefined) return undefined
    found = part.slice(equals + 1).trim()
  }
  return found
}

/** All cookies whose name starts with the prefix, in the order sent. */
export function readCookies(request: Request, prefix: string): [name: string, value: string][] {
  const found: [string, string][] = []
  for (const part of (request.headers.get('cookie') ?? '').split(';')) {
    const equals = part.indexOf('=')
    if (equals < 0) continue
    const name = part.slice(0, equals).trim()
    if (name.startsWith(prefix)) found.push([name, part.slice(equals + 1).trim()])
  }
  return found
}

/**
 * A `Set-Cookie` value: HttpOnly, SameSite=Lax, host-only; `maxAge` in seconds, 0 clears. The value is
 * base64url or empty.
 */
export function cookie(
  name: string,
  value: string,
  options: { maxAge: number; secure: boolean; path?: string },
): string {
  const { maxAge, secure, path = '/' } = options
  return `${name}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}
