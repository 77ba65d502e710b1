import { InvalidTokenError, OAuthError } from '../errors.ts'

/** The longest token that is looked at, in characters, if nothing else is configured. */
export const defaultMaxTokenLength = 16_384

/**
 * The bearer token of a request (RFC 6750 §2.1, RFC 9110 §11.6.2); undefined if no Bearer credential came,
 * which includes other schemes. Only the header is read, never the query or the body. Rejects with
 * `invalid_request` (400) if several credentials came, with `invalid_token` if what came is not a token,
 * and with 431 (RFC 6585 §5) if it is too long: clients answer `invalid_token` with another sign-in, which
 * brings the same token again.
 */
export function readBearer(request: Request, longest: number = defaultMaxTokenLength): string | undefined {
  const header = request.headers.get('authorization')
  if (header === null) return undefined
  if (!isBearer(header)) {
    // Fetch joins several headers with a comma: `Basic …, Bearer …` is not "no Bearer" but two credentials.
    if (/,\s*bearer(?:\s|$)/i.test(header)) throw severalCredentials()
    return undefined
  }
  let start = 6
  while (header.charCodeAt(start) === 0x20) start++
  if (start >= header.length) throw new InvalidTokenError('The Authorization header carries no token')
  if (header.length - start > longest) throw tooLong(header.length - start, longest)
  if (endOfToken68(header, start) < header.length) {
    if (header.includes(',')) throw severalCredentials()
    throw new InvalidTokenError('The token has characters that no token has')
  }
  return header.slice(start)
}

/** Scheme (in lower case) and credentials of the one Authorization header, or undefined. */
export function readAuthorization(headers: Headers): { scheme: string; credentials: string } | undefined {
  const header = headers.get('authorization')
  if (header === null) return undefined
  const space = header.indexOf(' ')
  if (space < 0) return { scheme: header.toLowerCase(), credentials: '' }
  return { scheme: header.slice(0, space).toLowerCase(), credentials: header.slice(space + 1).trim() }
}

/** Whether the scheme is Bearer, in any case (RFC 9110 §11.1), followed by a space or by nothing. */
function isBearer(header: string): boolean {
  for (let i = 0; i < 6; i++) if ((header.charCodeAt(i) | 0x20) !== 'bearer'.charCodeAt(i)) return false
  return header.length === 6 || header.charCodeAt(6) === 0x20
}

/** Where the `token68` (RFC 9110 §11.2) that starts here ends: its characters, then any number of `=`. */
function endOfToken68(text: string, start: number): number {
  let end = start
  while (end < text.length && token68[text.charCodeAt(end)] === 1) end++
  if (end > start) while (end < text.length && text.charCodeAt(end) === 0x3d) end++
  return end
}

// A table, because every token that is not known yet passes here.
const token68 = new Uint8Array(256)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/')
  token68[char.charCodeAt(0)] = 1

const tooLong = (length: number, longest: number): OAuthError =>
  new OAuthError(
    'invalid_request',
    `The access token has ${length} characters, and this server takes up to ${longest}. Raise maxTokenLength, or let the authorization server put fewer claims (groups, roles) into it`,
    { status: 431 },
  )

const severalCredentials = (): OAuthError =>
  new OAuthError('invalid_request', 'Send one Authorization header with one credential')
