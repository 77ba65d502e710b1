import { InvalidTokenError, OAuthError } from '../errors.ts'

/** The longest token that is looked at, in characters. */
const longest = 8192

/**
 * The bearer token of a request (RFC 6750 §2.1, RFC 9110 §11.6.2); undefined where no Bearer credential came, which includes other schemes.
 * Only the header is read, never the query or the body. Rejects with `invalid_request` (400) where several credentials came, and with
 * `invalid_token` where what came is no token.
 */
export function readBearer(request: Request): string | undefined {
  const header = request.headers.get('authorization')
  if (header === null) return undefined
  if (!isScheme(header, 'bearer')) {
    // Fetch joins several headers with a comma: `Basic …, Bearer …` is not "no Bearer" but two credentials.
    if (/,\s*bearer(\s|$)/i.test(header)) throw severalCredentials()
    return undefined
  }
  let start = 6
  while (header.charCodeAt(start) === 0x20) start++
  const length = header.length - start
  if (length <= 0) throw new InvalidTokenError('The Authorization header carries no token')
  if (length > longest) throw new InvalidTokenError('The token is too long')
  for (let i = start; i < header.length; i++) {
    const kind = token68[header.charCodeAt(i)]
    if (kind === 1) continue
    if (header.charCodeAt(i) === 0x2c) throw severalCredentials()
    throw new InvalidTokenError('The token has characters that no token has')
  }
  return header.slice(start)
}

/** Scheme (lower case) and credentials of the one Authorization header, or undefined. */
export function readAuthorization(headers: Headers): { scheme: string; credentials: string } | undefined {
  const header = headers.get('authorization')
  if (header === null) return undefined
  const space = header.indexOf(' ')
  if (space < 0) return { scheme: header.toLowerCase(), credentials: '' }
  return { scheme: header.slice(0, space).toLowerCase(), credentials: header.slice(space + 1).trim() }
}

/** Whether the header starts with this scheme (case-insensitive, RFC 9110 §11.1), followed by a space or by nothing. */
function isScheme(header: string, scheme: string): boolean {
  for (let i = 0; i < scheme.length; i++)
    if ((header.charCodeAt(i) | 0x20) !== scheme.charCodeAt(i)) return false
  return header.length === scheme.length || header.charCodeAt(scheme.length) === 0x20
}

const severalCredentials = (): OAuthError =>
  new OAuthError('invalid_request', 'Send one Authorization header with one credential')

/** The characters of a `token68` (RFC 9110 §11.2). */
const token68 = new Uint8Array(128)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=')
  token68[char.charCodeAt(0)] = 1
