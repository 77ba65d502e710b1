import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK } from 'jose/key/import'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'

import { ConfigurationError, UnavailableError } from '../errors.ts'
import type { Keyring } from '../lib/seal.ts'
import { sealContext } from './context.ts'

/** A JSON Web Key (RFC 7517 §4). */
export type Jwk = Awaited<ReturnType<typeof exportJWK>>

export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256'

/** A key as the ring's record has it. */
export interface StoredKey {
  kid: string
  alg: SigningAlgorithm
  /** Public part. */
  jwk: Jwk
  /** Private part, wrapped under a subkey of the deployment secret. */
  wrapped: string
  /** Seconds since the epoch: from then on it signs, until a later one does. */
  activeFrom: number
}

/** A key as it is used. */
export interface SigningKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly publicJwk: Jwk
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  readonly activeFrom: number
}

/** A new key pair, its private part wrapped: a dump of the store signs nothing. */
export async function createStoredKey(
  alg: SigningAlgorithm,
  activeFrom: number,
  keyring: Keyring,
  issuer: string,
): Promise<StoredKey> {
  const pair = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const secret = JSON.stringify(await exportJWK(pair.privateKey))
  const wrapped = await keyring.seal('key-wrap', sealContext(issuer, kid), secret)
  return { kid, alg, jwk: { ...jwk, kid, alg, use: 'sig' }, wrapped, activeFrom }
}

/** Unwraps it; the private key is not extractable from then on. */
export async function openStoredKey(
  stored: StoredKey,
  keyring: Keyring,
  issuer: string,
): Promise<SigningKey> {
  const { kid, alg, jwk, activeFrom } = stored
  const secret = await keyring.open('key-wrap', sealContext(issuer, kid), stored.wrapped)
  // Another deployment secret than the one that made the ring: nothing here can sign.
  if (secret === undefined) throw new UnavailableError('The signing keys cannot be opened with this secret')
  return {
    kid,
    alg,
    publicJwk: jwk,
    publicKey: (await importJWK(jwk, alg)) as CryptoKey,
    privateKey: (await importJWK(JSON.parse(secret) as Jwk, alg, { extractable: false })) as CryptoKey,
    activeFrom,
  }
}

/** The one algorithm that we use such a key with. */
export const algorithmOf = (jwk: Jwk): SigningAlgorithm | undefined => {
  const alg: Record<string, SigningAlgorithm> = {
    'EC P-256': 'ES256',
    'OKP Ed25519': 'EdDSA',
    'RSA undefined': 'RS256',
  }
  return alg[`${jwk.kty} ${jwk.crv}`]
}

/** A private Jwk of the configuration. Throws ConfigurationError. */
export function checkConfiguredKey(jwk: Jwk, option: string): void {
  const alg = algorithmOf(jwk)
  if (alg === undefined || (jwk.alg !== undefined && jwk.alg !== alg) || typeof jwk.d !== 'string')
    throw new ConfigurationError(option, 'is a private JWK: EC P-256, OKP Ed25519 or RSA')
  if (jwk.kty === 'RSA' && (jwk.n ?? '').length < 342)
    throw new ConfigurationError(option, 'an RSA key has at least 2048 bits')
}

export async function openConfiguredKey(secret: Jwk): Promise<SigningKey> {
  const alg = algorithmOf(secret)!
  const { kty, crv, x, y, n, e } = secret
  const bare = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) as Jwk
  const kid = secret.kid ?? (await calculateJwkThumbprint(bare))
  const publicJwk = { ...bare, kid, alg, use: 'sig' }
  return {
    kid,
    alg,
    publicJwk,
    publicKey: (await importJWK(publicJwk, alg)) as CryptoKey,
    privateKey: (await importJWK(secret, alg, { extractable: false })) as CryptoKey,
    activeFrom: 0,
  }
}
