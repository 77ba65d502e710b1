import { base64url, utf8 } from '../lib/bytes.ts'
import { optionError } from '../lib/options.ts'
import { newKeyPair, type TestKeys } from './keys.ts'
import type { TestClaims } from './token-options.ts'

/** What is wrong with a token that the guard must refuse. */
export type RefusedTokenName = (typeof refusedTokenNames)[number]

/**
 * Each kind of token that a guard must answer with 401 `invalid_token`: for `test.each(refusedTokenNames)`.
 */
export const refusedTokenNames = [
  'expired',
  'not-yet-valid',
  'other-audience',
  'other-issuer',
  'bad-signature',
  'unknown-key',
  'unsigned',
  'id-token',
  'malformed',
] as const

/** More than any clock skew that a verifier can be configured with. */
const hour = 3600

/** The token of this name; but for its one mistake it is a good one. */
export async function createRefusedToken(
  name: RefusedTokenName,
  claims: TestClaims,
  { keys, now }: { keys: TestKeys; now: number },
): Promise<string> {
  switch (name) {
    case 'expired':
      return keys.sign({ ...claims, iat: claims.iat - 2 * hour, exp: claims.iat - hour })
    case 'not-yet-valid':
      return keys.sign({ ...claims, nbf: Math.floor(now) + hour, exp: Math.floor(now) + 2 * hour })
    case 'other-audience':
      return keys.sign({ ...claims, aud: 'https://another-server.test/mcp' })
    case 'other-issuer':
      return keys.sign({ ...claims, iss: 'https://another-issuer.test' })
    case 'bad-signature':
      return keys.sign(claims, {}, await newKeyPair())
    case 'unknown-key':
      return keys.sign(claims, { kid: 'a key that is not published' }, await newKeyPair())
    case 'unsigned':
      return `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`
    case 'id-token':
      // The audience of an ID token is the client (OpenID Connect Core §2).
      return keys.sign({ ...claims, aud: claims['client_id'], nonce: 'test' }, { typ: 'JWT' })
    case 'malformed':
      return 'not-a-token'
    default:
      throw optionError('name', `one of ${refusedTokenNames.join(', ')}`, name)
  }
}

const encode = (value: unknown): string => base64url(utf8(JSON.stringify(value)))
