import { parseJws, signatureAlgorithms } from '../protocol/jws.ts'
import { refuseAnswer, type Remote } from './remote.ts'

type Claims = Readonly<Record<string, unknown>>

/** Who says what about whom. */
export interface Asserted {
  /** The issuer that the user's id belongs to. */
  readonly issuer: string
  readonly claims: Claims
}

const maxLength = 32_768
/** Seconds by which the provider's clock and ours may differ. */
const skew = 5

/**
 * The claims of an ID token (OpenID Connect Core §3.1.3.7). Rejects with `server_error` if it is not signed
 * by the provider, for this client, now, for this sign-in.
 */
export async function verifyIdToken(
  remote: Remote,
  token: string | undefined,
  nonce: string,
): Promise<Asserted> {
  const { upstream, keySet } = remote
  const refuse = (reason: string): Error => refuseAnswer(remote, `The ID token ${reason}`)
  if (token === undefined) throw refuse('is missing')
  const jws = token.length > maxLength ? undefined : parseJws(token)
  if (jws === undefined) throw refuse('is not a signed JWT')
  const { alg } = jws.header
  // Algorithm confusion: asymmetric ones only, never `none` or HMAC (RFC 8725 §3.1).
  const algorithms = upstream.profile.idTokenAlgorithms ?? signatureAlgorithms
  if (typeof alg !== 'string' || !algorithms.includes(alg) || !signatureAlgorithms.includes(alg))
    throw refuse('is not signed with an algorithm that is accepted')
  if (!(await keySet.hasSigned(token, alg, keysOf(remote, jws.payload))))
    throw refuse('is not signed by the provider')
  const claims = jws.payload
  const issuer = issuerOf(remote, claims)
  if (issuer === undefined) throw refuse('is of another issuer')
  if (!isFor(claims, upstream.clientId)) throw refuse('is for another client')
  if (!isCurrent(claims, remote.runtime.clock())) throw refuse('is expired, or from the future')
  // Replay: the token of another sign-in (OpenID Connect Core §15.5.2).
  if (claims['nonce'] !== nonce) throw refuse('is of another sign-in')
  return { issuer, claims }
}

/**
 * The issuer that the subject belongs to. Several spellings of one issuer are one; with `{tid}` each tenant
 * is an issuer of its own.
 */
function issuerOf({ upstream: { provider, profile } }: Remote, { iss, tid }: Claims): string | undefined {
  if (typeof iss !== 'string') return undefined
  for (const each of profile.idTokenIssuers ?? [provider.issuer]) {
    if (!each.includes('{tid}')) {
      if (iss === each) return provider.issuer
    } else if (isGuid(tid) && iss === each.replace('{tid}', tid)) return iss
  }
  return undefined
}

/**
 * If each tenant is an issuer of its own, a key that names its issuer signs only for that one: the key of one
 * tenant is not another's.
 *
 * @see [Validate the signing key issuer](https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer)
 */
function keysOf(
  { upstream: { profile } }: Remote,
  { iss, tid }: Claims,
): ((key: Claims) => boolean) | undefined {
  if (!profile.idTokenIssuers?.some((each) => each.includes('{tid}'))) return undefined
  return ({ issuer }) =>
    issuer === undefined ||
    (typeof issuer === 'string' && issuer.replace('{tenantid}', () => String(tid)) === iss)
}

const isGuid = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)

/** `azp` must be this client if it is there, and it must be there if others are addressed too. */
function isFor({ aud, azp }: Claims, clientId: string): boolean {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(clientId)) return false
  return azp === undefined ? audiences.length === 1 : azp === clientId
}

function isCurrent({ exp, iat, nbf }: Claims, now: number): boolean {
  if (!isTime(exp) || !isTime(iat)) return false
  return exp + skew > now && iat <= now + skew && (nbf === undefined || (isTime(nbf) && nbf <= now + skew))
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
