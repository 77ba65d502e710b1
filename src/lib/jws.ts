import { base64url, binaryOf, fromBase64url, fromUtf8, latin1, utf8 } from './bytes.ts'
import { parseObject } from './json.ts'

/** Every algorithm that may be allowed: asymmetric ones, and no `none` (RFC 8725 §3.1, §3.2). */
export const supportedAlgorithms: readonly string[] =
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

/** What WebCrypto calls a JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864): for importing a key and for verifying with it. */
export function parameters(alg: string): {
  name: string
  hash?: string
  namedCurve?: string
  saltLength?: number
} {
  const bits = Number(alg.slice(2))
  const hash = `SHA-${bits}`
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', hash }
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', hash, saltLength: bits / 8 }
  if (alg.startsWith('ES')) return { name: 'ECDSA', hash, namedCurve: curve(bits) }
  return { name: 'Ed25519' }
}

export const curve = (bits: number): string => `P-${bits === 512 ? 521 : bits}`

/** A JWS in compact form (RFC 7515 §7.1), taken apart. Nothing of it is verified. */
export interface Jws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What is signed, and the signature, both encoded. */
  readonly input: string
  readonly signature: string
}

/**
 * Undefined if it is not a JWS: exactly three parts, of which two are JSON objects that name each member once (RFC 7515 §4, RFC 7519 §4).
 * (A JWE has five, an unsigned token may have two.)
 */
export function parseJws(token: string): Jws | undefined {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  // The same bytes have one spelling: the URL-safe alphabet without padding (RFC 7515 §2).
  if (second < 0 || token.indexOf('.', second + 1) >= 0 || /[^\w.-]/.test(token)) return undefined
  const header = json(token.slice(0, first))
  const payload = json(token.slice(first + 1, second))
  const signature = token.slice(second + 1)
  return header && payload && signature !== ''
    ? { header, payload, input: token.slice(0, second), signature }
    : undefined
}

/** Signs claims, which it neither knows nor checks (RFC 7515 §5.1). */
export async function signJws(
  header: { alg: string; typ: string; kid: string },
  claims: object,
  key: CryptoKey,
): Promise<string> {
  const [head, body] = [header, claims].map((part) => base64url(utf8(JSON.stringify(part))))
  const input = `${head}.${body}`
  const signature = await crypto.subtle.sign(parameters(header.alg), key, utf8(input))
  return `${input}.${base64url(new Uint8Array(signature))}`
}

/** RFC 7515 §5.2. The algorithm is the key's, whatever the header says (RFC 8725 §3.1). */
export async function verifyJws({ input, signature }: Jws, key: CryptoKey, alg: string): Promise<boolean> {
  const bytes = fromBase64url(signature)
  if (bytes === undefined) return false
  try {
    return await crypto.subtle.verify(parameters(alg), key, bytes, utf8(input))
  } catch {
    return false
  }
}

function json(part: string): Record<string, unknown> | undefined {
  try {
    const text = binaryOf(part)
    // Nearly always ASCII, and then the text is there already.
    return parseObject(/[^\0-\x7f]/.test(text) ? fromUtf8(latin1(text)) : text)
  } catch {
    return undefined
  }
}
