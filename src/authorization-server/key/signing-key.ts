import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK } from 'jose/key/import'
import { ConfigurationError } from '../../errors.ts'
import { sealedCodec, storedCodec } from '../../lib/codec.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import type { Jwk, SigningAlgorithm, SigningKey } from '../keys.ts'
import { sealContext } from '../seal-context.ts'

/** A signing key as it is stored. The public key is derived from the private one, which is authenticated. */
export interface StoredKey {
  kid: string
  /** The private key, wrapped under a subkey of the deployment secret. */
  wrapped: string
  /** The deployment secret that wrapped it: tells a damaged key from one of another secret. */
  by: string
  /** Seconds since the epoch. The key signs from then until the next one does. */
  activeFrom: number
}

/**
 * Why a stored key cannot be used: it is damaged, or wrapped under a deployment secret that this instance
 * does not have.
 */
export type UnopenedKey = 'damaged' | 'foreign'

const codec = sealedCodec('key-wrap', storedCodec<{ jwk: Jwk }>('signing key', { jwk: 'object' }))

/** A new key pair. The private key is wrapped, so that a dump of the store cannot sign. */
export async function createStoredKey(
  alg: SigningAlgorithm,
  activeFrom: number,
  sealer: MacSealer,
  issuer: string,
): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const secret: Jwk = await exportJWK(privateKey)
  const kid = (await publicPart(secret, alg)).kid!
  const wrapped = await codec.seal(sealer, sealContext(issuer, kid), { jwk: secret })
  const [by] = (await fingerprints(sealer)) as [string]
  return { kid, wrapped, by, activeFrom }
}

/** Unwraps a stored key. The result is not extractable. */
export async function openStoredKey(
  { kid, wrapped, by, activeFrom }: StoredKey,
  sealer: MacSealer,
  issuer: string,
): Promise<SigningKey | UnopenedKey> {
  const opened = await codec.open(sealer, sealContext(issuer, kid), wrapped)
  if (opened === undefined) return (await fingerprints(sealer)).includes(by) ? 'damaged' : 'foreign'
  const secret = opened.jwk
  const alg = algorithmOf(secret)!
  return imported(await publicPart(secret, alg), secret, alg, activeFrom)
}

/** Names of the deployment secrets, from which they cannot be computed. */
const fingerprints = async (sealer: MacSealer): Promise<string[]> =>
  (await sealer.macs('key-wrap', 'fingerprint')).map((each) => each.slice(0, 11))

/** The one algorithm that this kind of key is used with. */
export function algorithmOf({ kty, crv }: Jwk): SigningAlgorithm | undefined {
  if (kty === 'RSA') return 'RS256'
  if (kty === 'EC' && crv === 'P-256') return 'ES256'
  return kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined
}

/** Checks a private JWK of the configuration. Throws ConfigurationError. */
export function checkConfiguredKey(jwk: Jwk, option: string): void {
  const alg = algorithmOf(jwk)
  if (alg === undefined || (jwk.alg !== undefined && jwk.alg !== alg) || typeof jwk.d !== 'string')
    throw new ConfigurationError(option, 'must be a private JWK: EC P-256, OKP Ed25519 or RSA')
  if (jwk.kty === 'RSA' && (jwk.n ?? '').length < 342)
    throw new ConfigurationError(option, 'must be an RSA key of at least 2048 bits')
}

export async function openConfiguredKey(secret: Jwk): Promise<SigningKey> {
  const alg = algorithmOf(secret)!
  return imported(await publicPart(secret, alg), secret, alg, 0)
}

async function imported(
  publicJwk: Jwk,
  secret: Jwk,
  alg: SigningAlgorithm,
  activeFrom: number,
): Promise<SigningKey> {
  const [publicKey, privateKey] = await Promise.all([importKey(publicJwk, alg), importKey(secret, alg)])
  return {
    kid: publicJwk.kid!,
    alg,
    publicJwk,
    publicKey,
    privateKey,
    activeFrom,
  }
}

/** Without what the key says of its use: platforms differ in what they take there. Not extractable. */
function importKey(
  { kty, crv, x, y, n, e, d, p, q, dp, dq, qi }: Jwk,
  alg: SigningAlgorithm,
): Promise<CryptoKey> {
  const jwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi })) as { kty: 'EC' }
  // To Deno, the CryptoKey of an npm package is another type than its own.
  return importJWK(jwk, alg, { extractable: false }) as Promise<CryptoKey>
}

/** What may be published, and nothing else. The default key id is the thumbprint (RFC 7638 §3). */
async function publicPart({ kty, crv, x, y, n, e, kid }: Jwk, alg: SigningAlgorithm): Promise<Jwk> {
  const members = JSON.parse(JSON.stringify({ crv, e, kty, n, x, y })) as { kty: 'EC' }
  return { ...members, kid: kid ?? (await calculateJwkThumbprint(members)), alg, use: 'sig' }
}
