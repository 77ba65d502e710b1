import { CompactSign } from 'jose/jws/compact/sign'
import { compactVerify } from 'jose/jws/compact/verify'
import { utf8 } from '../../lib/bytes.ts'
import { hasCanonicalSignature } from '../../protocol/jws.ts'
import type { UnverifiedJws } from '../../types.ts'
import type { KeyRing, SigningKey } from '../keys.ts'

/**
 * The type of an access token (RFC 9068 §2.1). Token confusion: another JWT that this server, or another
 * program with the same key, has signed has another type.
 */
const typ = 'at+jwt'

export function signJwt(claims: object, { alg, kid, privateKey }: SigningKey): Promise<string> {
  return new CompactSign(utf8(JSON.stringify(claims))).setProtectedHeader({ alg, typ, kid }).sign(privateKey)
}

/**
 * The claims of an access token that a key of the ring has signed; otherwise undefined. Algorithm confusion:
 * the key decides the algorithm, and the header only has to agree (RFC 8725 §3.1).
 */
export async function verifyJwt(
  jws: UnverifiedJws | undefined,
  keys: Pick<KeyRing, 'find'>,
): Promise<{ claims: Record<string, unknown>; kid: string } | undefined> {
  if (jws === undefined) return undefined
  const { token, header, payload } = jws
  const { kid, alg, crit } = header
  // RFC 7515 §4.1.11: no extension is understood here, so none may be critical.
  if (typeof kid !== 'string' || header['typ'] !== typ || crit !== undefined) return undefined
  const { epoch } = payload
  const key = await keys.find(kid, typeof epoch === 'number' ? epoch : 0)
  if (key === undefined || key.alg !== alg || !hasCanonicalSignature(jws)) return undefined
  try {
    await compactVerify(token, key.publicKey, { algorithms: [key.alg] })
    return { claims: payload, kid }
  } catch {
    return undefined
  }
}
