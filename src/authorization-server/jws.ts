import { base64url, fromBase64url, fromUtf8, utf8 } from '../lib/bytes.ts'
import type { SigningKey } from './signing-key.ts'

/** The type of an access token (RFC 9068 §2.1): no other JWT of ours, or of whoever shares our key, is taken for one. */
const type = 'at+jwt'

/** Signs an access token: a compact JWS (RFC 7515 §7.1). */
export async function signAccessToken(claims: object, key: SigningKey): Promise<string> {
  const header = { alg: key.alg, typ: type, kid: key.kid }
  const input = `${encode(header)}.${encode(claims)}`
  const signature = await crypto.subtle.sign(operation(key), key.privateKey, utf8(input))
  return `${input}.${base64url(new Uint8Array(signature))}`
}

/**
 * The claims of an access token, if one of our keys signed it; undefined otherwise. The key says which algorithm it is: the
 * header's word must agree, and decides nothing (RFC 8725 §3.1).
 */
export async function verifyAccessToken(
  token: string,
  find: (kid: string) => Promise<SigningKey | undefined>,
): Promise<Record<string, unknown> | undefined> {
  const [head = '', body = '', tail = '', ...rest] = token.split('.', 4)
  const header = decode(head)
  const signature = fromBase64url(tail)
  if (rest.length > 0 || header === undefined || signature === undefined) return undefined
  const { alg, typ, kid, crit } = header
  // RFC 7515 §4.1.11: no extension is understood here, so none may be critical.
  if (typeof kid !== 'string' || typ !== type || crit !== undefined) return undefined
  const key = await find(kid)
  if (key === undefined || key.alg !== alg) return undefined
  const input = utf8(`${head}.${body}`)
  const good = await crypto.subtle.verify(operation(key), key.publicKey, signature, input)
  return good ? decode(body) : undefined
}

const operation = ({ alg }: SigningKey): AlgorithmIdentifier | EcdsaParams =>
  alg === 'ES256'
    ? { name: 'ECDSA', hash: 'SHA-256' }
    : { name: alg === 'EdDSA' ? 'Ed25519' : 'RSASSA-PKCS1-v1_5' }

const encode = (value: object): string => base64url(utf8(JSON.stringify(value)))

/** The JSON object in a part of a JWS. */
export function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(fromBase64url(part)!))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
