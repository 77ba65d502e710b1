import { compactVerify } from 'jose/jws/compact/verify'
import { storedCodec } from '../../lib/codec.ts'
import { sha256 } from '../../lib/hash.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { parseJws } from '../../protocol/jws.ts'
import type { ExpiringStore } from '../../store/contract.ts'
import type { UnverifiedJws } from '../../types.ts'
import { createClientKeys } from './keys.ts'
import type { ClientFetch } from './fetch.ts'
import type { Client, ClientJwk, VerifyAssertion } from '../context.ts'

/** Seconds: the clock skew, and the longest lifetime of an assertion. */
const skew = 5
const maxLifetime = 600
const maxLength = 8192
/**
 * Seconds that the record outlives the assertion: calls that take time lie between the check of the time and
 * the write.
 */
const margin = 60

/** Says that a `jti` was used. Its hash is part of the key, so the record has no fields. */
const codec = storedCodec<object>('assertion', {})

/**
 * Client authentication by a signed JWT, `private_key_jwt` (RFC 7521 §4.2, RFC 7523 §2.2 and §3,
 * draft-ietf-oauth-rfc7523bis). The only audience is the issuer, so that no other server can forward the
 * assertion (a public client may also name the token endpoint). The keys are those that the client has
 * published, never those of the header (`jku`, `jwk`, `x5u`).
 */
export function createAssertionVerifier(parts: {
  issuer: string
  tokenEndpoint: string
  /** `dangerouslyAllowTokenEndpointAudience`. */
  allowTokenEndpoint: boolean
  runtime: ResolvedRuntime
  store: ExpiringStore
  fetch: ClientFetch
}): VerifyAssertion {
  const { issuer, tokenEndpoint, allowTokenEndpoint, runtime, store } = parts
  const findKeys = createClientKeys(parts.fetch, runtime)

  /**
   * Replay: each `jti` is accepted once. One write without a read; after a lost answer the client signs a new
   * assertion.
   */
  const isFirstUse = async (client: Client, jti: string, exp: number): Promise<boolean> => {
    const [partition, name] = await Promise.all([sha256(client.id, 'client'), sha256(jti, 'assertion')])
    const options = { ifVersion: null, expiresAt: exp + skew + margin }
    if ((await store.put(`c${partition}:assertion-${name}`, codec.encode({}), options)) !== undefined)
      return true
    runtime.event({ type: 'client.assertion-replayed', level: 'alert', issuer, clientId: client.id })
    return false
  }

  return async (client, assertion) => {
    const { keys } = client
    const jws = assertion.length > maxLength ? undefined : parseJws(assertion)
    if (keys === undefined || jws === undefined) return false
    const { alg, kid, typ } = jws.header
    if (typeof alg !== 'string' || !keys.algorithms.includes(alg)) return false
    if (kid !== undefined && typeof kid !== 'string') return false
    // Token confusion: another kind of JWT that the client has signed does not authenticate it (RFC 8725
    // §3.11).
    if (typ !== undefined && !/^(?:application\/)?(?:jwt|client-authentication\+jwt)$/i.test(String(typ)))
      return false
    // A public client may leave the assertion out, so one for another server gains nothing. ChatGPT names the
    // token endpoint.
    const lenient = allowTokenEndpoint || client.authMethod === 'none'
    const audiences = lenient ? [issuer, tokenEndpoint] : [issuer]
    const claims = readClaims(jws, client.id, audiences, runtime.clock())
    if (claims === undefined) return false
    if (!(await isSigned(assertion, await findKeys(keys, kid), alg))) return false
    return isFirstUse(client, claims.jti, claims.exp)
  }
}

/** The claims that are needed later, if all are as RFC 7523 §3 demands. */
function readClaims(
  { payload }: UnverifiedJws,
  clientId: string,
  audiences: readonly string[],
  now: number,
): { jti: string; exp: number } | undefined {
  const { iss, sub, aud, exp, nbf, iat, jti } = payload
  if (iss !== clientId || sub !== clientId) return undefined
  if (typeof aud !== 'string' || !audiences.includes(aud)) return undefined
  if (typeof exp !== 'number' || exp + skew <= now || exp > now + maxLifetime + skew) return undefined
  for (const start of [nbf, iat])
    if (start !== undefined && !(typeof start === 'number' && start <= now + skew)) return undefined
  if (typeof jti !== 'string' || jti === '' || jti.length > 1024) return undefined
  return { jti, exp }
}

/** Whether one of the keys made the signature. */
async function isSigned(assertion: string, keys: readonly ClientJwk[], alg: string): Promise<boolean> {
  for (const key of keys) {
    try {
      // jose judges `alg`, `use`, `key_ops`, the curve and the size of the key. A copy, because jose freezes
      // what it gets.
      await compactVerify(assertion, { ...key } as { kty: string }, { algorithms: [alg] })
      return true
    } catch {
      // Another key may have signed it.
    }
  }
  return false
}
