import type { Awaitable } from '../types.ts'
import type { CryptoKey, JsonWebKey } from '../lib/web-types.ts'

/** A JSON Web Key (RFC 7517 §4). */
export type Jwk = JsonWebKey & { kid?: string }

/** How access tokens are signed (RFC 7518 §3, RFC 8037 §3.1). */
export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256'

/** How the embedded server signs access tokens. */
export interface KeyRingOptions {
  /** The algorithm of generated keys. Default: `ES256`. `RS256` takes about ten times as long to sign. */
  algorithm?: SigningAlgorithm
  /** Seconds until a key is replaced: 7200–63 072 000. Default: 90 days. */
  rotateAfter?: number
  /**
   * Seconds for which a key is published before it signs: 3600–604 800, less than `rotateAfter`. Default: 24
   * hours.
   */
  publishAhead?: number
  /**
   * Private keys from the configuration. The first one signs, all are published, none is generated or
   * rotated. Default: keys are generated, sealed and kept in the store.
   */
  jwks?: readonly Jwk[]
}

/** A signing key, ready for use. */
export interface SigningKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly publicJwk: Jwk
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  /** Seconds since the epoch. The key signs from then until the next one does. */
  readonly activeFrom: number
}

/**
 * The signing keys of this issuer. Every method rejects with UnavailableError if the store is down for too
 * long.
 */
export interface KeyRing {
  readonly algorithm: SigningAlgorithm
  /** The key that signs now. */
  active(): Promise<SigningKey>
  /**
   * The published key with this id. An unknown id makes the ring read the store again, at most once in 30 s.
   * `epoch`: what the token says, unverified. Rejects with UnavailableError if it is later than the known one
   * and the store may not be asked yet.
   */
  find(kid: string, epoch: number): Promise<SigningKey | undefined>
  /** The key set (RFC 7517 §5). */
  publicKeys(): Promise<Jwk[]>
  /**
   * The current epoch; grants of earlier ones are revoked. `seen`: the epoch of something that was stored or
   * sealed here. If it is later than the known one, another instance has called `revokeAll()`, and the store
   * is read again.
   */
  epoch(seen?: number): Promise<number>
  /**
   * Whether a token that this key signed in this epoch is still accepted. Synchronous unless the ring has to
   * be read again. Configured keys stay after `revokeAll()`, so for their tokens the epoch decides.
   */
  isTrusted(kid: string, epoch: number): Awaitable<boolean>
  /** Starts a new epoch with a new key: everything that was issued before is revoked. */
  revokeAll(): Promise<void>
}
