import { binaryOf, endsCanonically, fromUtf8, latin1 } from '../lib/bytes.ts'
import { parseObject } from '../lib/json.ts'
import type { UnverifiedJws } from '../types.ts'

/**
 * Parses a JWS in compact form (RFC 7515 §7.1). Undefined if it does not have three parts, or if its header
 * or its payload is not a JSON object that names each member once (RFC 7515 §4, RFC 7519 §4); a JWE has five
 * parts. Nothing is verified here. `parsed` is returned if it is this token's.
 */
export function parseJws(token: string, parsed?: UnverifiedJws): UnverifiedJws | undefined {
  if (parsed?.token === token) return parsed
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  // The same bytes have one spelling: the URL-safe alphabet without padding (RFC 7515 §2).
  if (second < 0 || token.indexOf('.', second + 1) >= 0 || /[^\w.-]/.test(token)) return undefined
  if (second + 1 === token.length) return undefined
  const header = parsePart(token.slice(0, first))
  const payload = header && parsePart(token.slice(first + 1, second))
  return payload && { token, header, payload }
}

function parsePart(part: string): Record<string, unknown> | undefined {
  try {
    const text = binaryOf(part)
    // Most tokens are ASCII, and then the text needs no second decoding.
    return parseObject(/[^\0-\x7f]/.test(text) ? fromUtf8(latin1(text)) : text)
  } catch {
    return undefined
  }
}

/**
 * Whether no other text encodes this signature (RFC 4648 §3.5): otherwise one token would have several
 * spellings.
 */
export const hasCanonicalSignature = ({ token }: UnverifiedJws): boolean =>
  endsCanonically(token.slice(token.lastIndexOf('.') + 1))

/**
 * Every signature algorithm that an option can allow: asymmetric ones, and never `none` (RFC 8725 §3.1,
 * §3.2).
 */
export const signatureAlgorithms: readonly string[] =
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')
