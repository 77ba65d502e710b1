import { generateKeyPair } from 'jose/key/generate/keypair'
import { exportJWK } from 'jose/key/export'
import { SignJWT } from 'jose/jwt/sign'
import type { Fetch } from '../types.ts'

/** The header of a token. */
export interface TokenHeader {
  typ: string
  kid: string
}

/** The key of a test issuer, and what the issuer publishes of it. */
export interface TestKeys {
  /** Signs the claims. `pair`: with another key, for a token that must be refused. */
  sign(
    claims: Readonly<Record<string, unknown>>,
    header?: Partial<TokenHeader>,
    pair?: KeyPair,
  ): Promise<string>
  /** The key set and the metadata of the issuer (RFC 8414, OpenID Connect Discovery). */
  readonly fetch: Fetch
}

export type KeyPair = Awaited<ReturnType<typeof newKeyPair>>

export const newKeyPair = (): ReturnType<typeof generateKeyPair> =>
  generateKeyPair('ES256', { extractable: true })

const kid = 'test-key'

/** A key pair that is made at its first use. */
export function createTestKeys(issuer: string): TestKeys {
  let made: Promise<KeyPair> | undefined
  const own = (): Promise<KeyPair> => (made ??= newKeyPair())
  const jwksUri = `${issuer.replace(/\/$/, '')}/jwks`
  return {
    async sign(claims, header = {}, pair) {
      const { privateKey } = pair ?? (await own())
      return new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
        .sign(privateKey)
    },
    async fetch(input) {
      const { href, origin, pathname } = new URL(input instanceof Request ? input.url : input)
      if (href === jwksUri) {
        const jwk = await exportJWK((await own()).publicKey)
        return Response.json({ keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] })
      }
      if (origin === new URL(issuer).origin && pathname.includes('/.well-known/'))
        return Response.json(metadataOf(issuer, jwksUri))
      throw new Error(`The test issuer ${issuer} does not serve ${origin}${pathname}`)
    },
  }
}

/** The issuer has no such endpoints: they only make the document complete. */
const metadataOf = (issuer: string, jwksUri: string): Record<string, unknown> => ({
  issuer,
  jwks_uri: jwksUri,
  authorization_endpoint: `${issuer.replace(/\/$/, '')}/authorize`,
  token_endpoint: `${issuer.replace(/\/$/, '')}/token`,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
})
