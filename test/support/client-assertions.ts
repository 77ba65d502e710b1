// Clients that authenticate with a signed assertion (RFC 7523 §2.2), and their keys.
import { SignJWT } from 'jose/jwt/sign'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { randomToken } from '../../src/lib/random.ts'

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface ClientKey {
  readonly alg: string
  readonly privateKey: CryptoKey
  /** The public half, as a key set lists it. */
  readonly jwk: Record<string, unknown>
}

export async function clientKey(kid = 'one', alg = 'ES256'): Promise<ClientKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export interface Assertion {
  clientId: string
  now: number
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
}

/** Signed; `undefined` leaves a claim out. */
export async function signAssertion(
  key: ClientKey,
  { clientId, now, claims, header }: Assertion,
): Promise<string> {
  const all = {
    iss: clientId,
    sub: clientId,
    aud: 'https://as.test',
    iat: now,
    exp: now + 60,
    jti: randomToken(),
    ...claims,
  }
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return new SignJWT(present)
    .setProtectedHeader({ alg: key.alg, kid: key.jwk['kid'] as string, ...header })
    .sign(key.privateKey, { crit: { x: true } })
}

export const assertionForm = (assertion: string): Record<string, string> => ({
  client_assertion_type: assertionType,
  client_assertion: assertion,
})
