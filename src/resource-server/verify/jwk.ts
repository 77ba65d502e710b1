import { signatureAlgorithms } from '../../protocol/jws.ts'
import type { JsonWebKey } from '../../lib/web-types.ts'

/** A public key of a key set. The same object as long as the set has the key. */
export interface VerificationKey {
  readonly kid: string | undefined
  /** Whether the set still has it. */
  live: boolean
  /**
   * Whether the key may be used with this algorithm. The key decides, not the token's header (algorithm
   * confusion, RFC 8725 §3.1).
   */
  fits(alg: string): boolean
  /** The key without `kid`, `alg` and `use`. */
  readonly material: JsonWebKey
  /** Two keys with the same text are the same key. */
  readonly text: string
  /** The public members only, as they may be shared. */
  readonly jwk: Readonly<Record<string, unknown>>
}

/** Only the first keys of a set are read. */
export const maxKeys = 100

/**
 * The usable keys of a key set document (RFC 7517 §5); undefined if it is not one. Keys that cannot verify
 * signatures are skipped.
 */
export function readKeySet(value: unknown): VerificationKey[] | undefined {
  const keys = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) return undefined
  return keys.slice(0, maxKeys).flatMap((key: unknown) => readKey(key) ?? [])
}

/** The algorithms that a key of this kind can be used with (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864). */
function algorithmsOf(kty: unknown, crv: unknown): readonly string[] {
  const kind = kty === 'RSA' ? /^[RP]S/ : (kindOfCurve[`${kty as string} ${crv as string}`] ?? /^$/)
  return signatureAlgorithms.filter((alg) => kind.test(alg))
}

const kindOfCurve: Readonly<Record<string, RegExp>> = {
  'EC P-256': /^ES256/,
  'EC P-384': /^ES384/,
  'EC P-521': /^ES512/,
  'OKP Ed25519': /^Ed/,
}

function readKey(value: unknown): VerificationKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { kty, crv, kid, alg, use, key_ops: operations, n, e, x, y } = value as Record<string, unknown>
  const algorithms = algorithmsOf(kty, crv)
  if (algorithms.length === 0) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  const allowed = operations ?? ['verify']
  if (!Array.isArray(allowed) || !allowed.includes('verify')) return undefined
  if (typeof (alg ?? '') !== 'string') return undefined
  // RFC 7518 §3.3: 2048 bits or more, which are 342 characters of base64url.
  if (kty === 'RSA' && !(typeof n === 'string' && n.length >= 342)) return undefined
  const own = typeof alg === 'string' ? algorithms.filter((each) => isSame(each, alg)) : algorithms
  const jwk = compact({ kty, crv, kid, alg, use, n, e, x, y })
  return {
    kid: typeof kid === 'string' ? kid : undefined,
    live: true,
    text: JSON.stringify(jwk),
    jwk,
    fits: (each) => own.includes(each),
    material: compact({ kty, crv, n, e, x, y }),
  }
}

/** RFC 9864: `EdDSA` with this curve and `Ed25519` are one algorithm. */
const isSame = (a: string, b: string): boolean =>
  a === b || (a === 'EdDSA' && b === 'Ed25519') || (a === 'Ed25519' && b === 'EdDSA')

const compact = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
