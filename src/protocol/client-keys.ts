import { defined } from '../lib/defined.ts'
import { isJsonObject } from '../lib/json.ts'
import { signatureAlgorithms } from './jws.ts'

/** What a client publishes to authenticate with `private_key_jwt` (RFC 7591 §2). */
export interface PublishedKeys {
  jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  jwks_uri?: string
  token_endpoint_auth_signing_alg?: string
}

/** The keys of a client's metadata; or what is wrong, as a text that begins with the member. */
export function readPublishedKeys(raw: Readonly<Record<string, unknown>>): PublishedKeys | string {
  const { jwks, jwks_uri: uri, token_endpoint_auth_signing_alg: alg } = raw
  if (jwks === undefined && uri === undefined)
    return 'jwks or jwks_uri is missing, which private_key_jwt needs'
  if (jwks !== undefined && uri !== undefined) return 'jwks and jwks_uri are both there'
  if (alg !== undefined && !signatureAlgorithms.some((each) => each === alg))
    return `token_endpoint_auth_signing_alg is not one of ${signatureAlgorithms.join(', ')}`
  const signingAlg = defined({ token_endpoint_auth_signing_alg: alg as string | undefined })
  // Its form has been judged with the other URLs.
  if (uri !== undefined) return { jwks_uri: uri as string, ...signingAlg }
  const keys = (jwks as { keys?: unknown }).keys
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > 20 || !keys.every(isJsonObject))
    return 'jwks is not a set of 1 to 20 keys'
  return { jwks: { keys }, ...signingAlg }
}

/** The private members of RFC 7518 §6, and symmetric keys. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Whether a key set contains a private or symmetric key. */
export function hasSecretKey(jwks: unknown): boolean {
  const keys = isJsonObject(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(keys)) return false
  return keys.some(
    (key: unknown) =>
      isJsonObject(key) && (key['kty'] === 'oct' || secretMembers.some((name) => Object.hasOwn(key, name))),
  )
}
