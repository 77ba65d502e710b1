import { compactVerify } from 'jose/jws/compact/verify'
import { hasCanonicalSignature } from '../../protocol/jws.ts'
import type { UnverifiedJws } from '../../types.ts'
import type { JsonWebKey } from '../../lib/web-types.ts'

/** A public key as JWK, or a shared secret. jose imports a JWK once, for as long as the object lives. */
export type SignatureKey = JsonWebKey | Uint8Array

/**
 * Whether this key made the signature (RFC 7515 §5.2). `alg` is what our policy has decided that the key is
 * used with; jose refuses a header that names another one (algorithm confusion, RFC 8725 §3.1), RSA keys
 * below 2048 bits, and private keys.
 */
export async function isSignedBy(jws: UnverifiedJws, key: SignatureKey, alg: string): Promise<boolean> {
  // jose decodes leniently on some platforms.
  if (!hasCanonicalSignature(jws)) return false
  try {
    await compactVerify(jws.token, key as { kty: string } | Uint8Array, { algorithms: [alg] })
    return true
  } catch {
    return false
  }
}
