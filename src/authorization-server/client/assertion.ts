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

/** Seconds: by how much clocks may differ, and the longest that an assertion may live. */
const skew = 5
const maxLifetime = 600
const maxLength = 8192
/** So long the record outlives the assertion: between the judgement of the time and the write there are calls that take time. */
const margin = 60

/** That a `jti` was taken: the key says which, and the record says nothing. */
const codec = storedCodec<object>('assertion', {})

/**
 * Client authentication by a signed JWT, `private_key_jwt` (RFC 7521 §4.2, RFC 7523 §2.2 and §3, draft-ietf-oauth-rfc7523bis). The audience is
 * the issuer as the only value, so that no other server can pass the assertion on (a client that must not sign may name the token endpoint); the keys are those that the client has published, never
 * those that the header names (`jku`, `jwk`, `x5u`); each `jti` is taken once (replay).
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

  /** True for the first use (replay). */
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
    // Another kind of JWT that the client has signed is no authentication (RFC 8725 §3.11).
    if (typ !== undefined && !/^(?:application\/)?(?:jwt|client-authentication\+jwt)$/i.test(String(typ)))
      return false
    // Who may leave the assertion out gains nothing by one that was meant for another server. ChatGPT writes the token endpoint.
    const lenient = allowTokenEndpoint || client.authMethod === 'none'
    const audiences = lenient ? [issuer, tokenEndpoint] : [issuer]
    const claims = readClaims(jws, client.id, audiences, runtime.clock())
    if (claims === undefined) return false
    if (!(await isSigned(assertion, await findKeys(keys, kid), alg))) return false
    return isFirstUse(client, claims.jti, claims.exp)
  }
}

/** The claims that matter, if all of them are as RFC 7523 §3 demands. */
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
      // jose judges `alg`, `use`, `key_ops`, the curve and the size of the key. A copy, because jose freezes what it gets.
      await compactVerify(assertion, { ...key } as { kty: string }, { algorithms: [alg] })
      return true
    } catch {
      // Not this one.
    }
  }
  return false
}
