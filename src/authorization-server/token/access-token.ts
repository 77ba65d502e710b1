import { parseJws, signJws, verifyJws } from '../../lib/jws.ts'
import type { SigningKey } from '../keys.ts'

/** The type of an access token (RFC 9068 §2.1): no other JWT of ours, or of whoever shares our key, is taken for one. */
const typ = 'at+jwt'

export function signAccessToken(claims: object, { alg, kid, privateKey }: SigningKey): Promise<string> {
  return signJws({ alg, typ, kid }, claims, privateKey)
}

/**
 * The claims of an access token, if one of our keys signed it; undefined otherwise. The key says which algorithm it is: the
 * header's word must agree, and decides nothing (RFC 8725 §3.1).
 */
export async function verifyAccessToken(
  token: string,
  find: (kid: string, epoch: number) => Promise<SigningKey | undefined>,
): Promise<{ claims: Record<string, unknown>; kid: string } | undefined> {
  const jws = parseJws(token)
  if (jws === undefined) return undefined
  const { header, payload } = jws
  // RFC 7515 §4.1.11: no extension is understood here, so none may be critical.
  const { kid } = header
  if (typeof kid !== 'string' || header['typ'] !== typ || header['crit'] !== undefined) return undefined
  const { epoch } = payload
  const key = await find(kid, typeof epoch === 'number' ? epoch : 0)
  if (key === undefined || key.alg !== header['alg']) return undefined
  return (await verifyJws(jws, key.publicKey, key.alg)) ? { claims: payload, kid } : undefined
}
