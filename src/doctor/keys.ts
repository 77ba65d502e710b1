import type { Finding } from '../types.ts'
import { finding } from './finding.ts'
import type { Read } from './reader.ts'

/** Whether the key set has a key that can verify signatures (RFC 7517 §4). */
export async function checkKeys(uri: unknown, read: Read): Promise<Finding[]> {
  if (typeof uri !== 'string') return []
  const document = await read(uri)
  const keys = typeof document === 'object' ? document['keys'] : undefined
  if (Array.isArray(keys) && keys.some(canVerify)) return []
  return [
    finding(
      'error',
      !Array.isArray(keys) ? 'keys.unreachable' : 'keys.unusable',
      'no JWT can be verified with the key set',
      'use introspectionVerifier() of tollgate/introspection, or configure jwksUri',
      uri,
    ),
  ]
}

/** A public key for signatures, of a kind that JWS knows (RFC 7518 §3.1, RFC 8037). */
function canVerify(key: unknown): boolean {
  const { kty, crv, use, key_ops: operations } = (key ?? {}) as Record<string, unknown>
  const signs =
    kty === 'RSA' || (kty === 'EC' && /^P-(?:256|384|521)$/.test(String(crv))) || crv === 'Ed25519'
  const allowed = operations ?? ['verify']
  return signs && (use === undefined || use === 'sig') && Array.isArray(allowed) && allowed.includes('verify')
}
