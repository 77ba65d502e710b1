// The token of the measurements: an `at+jwt`, 200 different ones, and a fresh string for each request. (V8 keeps a string's
// hash in the string: reusing one object measures a look-up that no real request has.)
import { SignJWT, exportJWK, generateKeyPair, type JWK } from 'jose'

export const issuer = 'https://as.example.com'
export const resource = 'https://mcp.example.com/mcp'

export interface Tokens {
  alg: string
  jwks: { keys: JWK[] }
  /** The i-th token as a string that nobody has hashed yet. */
  fresh(i: number): string
  /** The same, signed by a stranger. */
  bad: string
}

export async function tokens(alg: 'RS256' | 'ES256', count = 200, kid = 'k1'): Promise<Tokens> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const stranger = await generateKeyPair(alg)
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }] }
  const all = await Promise.all(Array.from({ length: count }, (_, i) => sign(privateKey, alg, i, kid)))
  const buffers = all.map((token) => Buffer.from(token, 'latin1'))
  return {
    alg,
    jwks,
    fresh: (i) => buffers[i % count]!.toString('latin1'),
    bad: await sign(stranger.privateKey, alg, 0, kid),
  }
}

async function sign(key: CryptoKey, alg: string, i: number, kid: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({
    client_id: 'https://client.example.com/oauth/client-metadata.json',
    scope: 'notes:read notes:write profile',
    sid: `session-${i}-0123456789abcdef0123456789abcdef`,
    tenant: 'tenant-0123456789abcdef0123456789abcdef',
    roles: ['reader', 'writer'],
  })
    .setProtectedHeader({ alg, typ: 'at+jwt', kid })
    .setIssuer(issuer)
    .setAudience(resource)
    .setSubject(`user-${i}-0123456789abcdef`)
    .setJti(`jti-${i}-0123456789abcdef0123456789abcdef`)
    .setIssuedAt(now)
    .setNotBefore(now - 5)
    .setExpirationTime(now + 3600)
    .sign(key)
}
