import { CompactSign } from 'jose/jws/compact/sign'
import { compactVerify } from 'jose/jws/compact/verify'
import { utf8 } from '../../lib/bytes.ts'
import { hasCanonicalSignature } from '../../protocol/jws.ts'
import type { UnverifiedJws } from '../../types.ts'
import type { SigningKey } from '../keys.ts'

/**
 * The type of an access token (RFC 9068 §2.1). It keeps other JWTs apart that we, or another program with the same
 * key, have signed.
 */
const typ = 'at+jwt'

export function signAccessToken(claims: object, { alg, kid, privateKey }: SigningKey): Promise<string> {
  return new CompactSign(utf8(JSON.stringify(claims))).setProtectedHeader({ alg, typ, kid }).sign(privateKey)
}

/**
 * The claims of an access token, if one of our keys signed it; undefined otherwise. The key decides which algorithm it is;
 * the header only has to agree (algorithm confusion, RFC 8725 §3.1).
 */
export async function verifyAccessToken(
  jws: UnverifiedJws,
  find: (kid: string, epoch: number) => Promise<SigningKey | undefined>,
): Promise<{ claims: Record<string, unknown>; kid: string } | undefined> {
  const { token, header, payload } = jws
  const { kid, alg, crit } = header
  // RFC 7515 §4.1.11: no extension is understood here, so none may be critical.
  if (typeof kid !== 'string' || header['typ'] !== typ || crit !== undefined) return undefined
  const { epoch } = payload
  const key = await find(kid, typeof epoch === 'number' ? epoch : 0)
  if (key === undefined || key.alg !== alg || !hasCanonicalSignature(jws)) return undefined
  try {
    await compactVerify(token, key.publicKey, { algorithms: [key.alg] })
    return { claims: payload, kid }
  } catch {
    return undefined
  }
}
