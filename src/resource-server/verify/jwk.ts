import { curve, parameters, supportedAlgorithms } from '../../lib/jws.ts'

/** A public key of a key set. The same object as long as the set has the key. */
export interface VerificationKey {
  readonly kid: string | undefined
  /** Whether the set still has it. */
  live: boolean
  /** Whether it may verify signatures of this algorithm: what the key says decides, never the token's header alone (RFC 8725 §3.1). */
  fits(alg: string): boolean
  /** For WebCrypto; undefined where the key turns out to be unusable. */
  import(alg: string): Promise<CryptoKey | undefined>
  /** Two keys with the same text are the same key. */
  readonly text: string
  /** The public members alone, as they may be shared. */
  readonly jwk: Readonly<Record<string, unknown>>
}

/** The keys of a set beyond these are not read. */
export const maxKeys = 100

/** The usable keys of a key set document (RFC 7517 §5); undefined if it is not one. What cannot verify signatures is passed over. */
export function readKeySet(value: unknown): VerificationKey[] | undefined {
  const keys = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) return undefined
  return keys.slice(0, maxKeys).flatMap((key: unknown) => readKey(key) ?? [])
}

/** The algorithms that a key of this kind can be used with. */
function algorithmsOf(kty: unknown, crv: unknown): readonly string[] {
  const kind =
    kty === 'RSA' ? /^[RP]S/ : kty === 'EC' ? /^ES/ : kty === 'OKP' && crv === 'Ed25519' ? /^Ed/ : /^$/
  return supportedAlgorithms.filter(
    (alg) => kind.test(alg) && (kty !== 'EC' || crv === curve(Number(alg.slice(2)))),
  )
}

function readKey(value: unknown): VerificationKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { kty, crv, kid, alg, use, key_ops: operations, n, e, x, y } = value as Record<string, unknown>
  const algorithms = algorithmsOf(kty, crv)
  if (algorithms.length === 0) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined
  // RFC 7518 §3.3: 2048 bits or more, which are 342 characters of base64url.
  if (kty === 'RSA' && !(typeof n === 'string' && n.length >= 342)) return undefined
  const own = typeof alg === 'string' ? algorithms.filter((each) => isSame(each, alg)) : algorithms
  const jwk = compact({ kty, crv, kid, alg, use, n, e, x, y })
  const imported = new Map<string, CryptoKey | undefined>()
  return {
    kid: typeof kid === 'string' ? kid : undefined,
    live: true,
    text: JSON.stringify(jwk),
    jwk,
    fits: (each) => own.includes(each),
    // The key is kept, not its promise: on Workers a promise belongs to the request that made it.
    async import(each) {
      if (!imported.has(each)) imported.set(each, await importPublic({ kty, crv, n, e, x, y }, each))
      return imported.get(each)
    },
  }
}

/** RFC 9864: `EdDSA` with this curve and `Ed25519` are one algorithm. */
const isSame = (a: string, b: string): boolean =>
  a === b || (a === 'EdDSA' && b === 'Ed25519') || (a === 'Ed25519' && b === 'EdDSA')

async function importPublic(members: Record<string, unknown>, alg: string): Promise<CryptoKey | undefined> {
  try {
    return await crypto.subtle.importKey(
      'jwk',
      compact(members),
      parameters(alg) as EcKeyImportParams,
      false,
      ['verify'],
    )
  } catch {
    return undefined
  }
}

const compact = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
