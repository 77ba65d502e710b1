import { InvalidTokenError } from '../../errors.ts'
import type { AudienceRule } from '../../types.ts'
import { audienceMismatch, meetsAudience, namesAnotherToken } from './claims.ts'

type Json = Readonly<Record<string, unknown>>

/** What a JWT must be, decided once per issuer and resource. */
export interface JwtPolicy {
  readonly resource: string
  readonly issuers: readonly string[]
  readonly algorithms: readonly string[]
  readonly audience: AudienceRule
  readonly strictAudience: boolean
  /** In lower case, without `application/`. */
  readonly types: readonly string[]
  /** Tokens whose `typ` is `JWT` or absent are accepted, unless they look like another kind of token. */
  readonly untyped: boolean
  readonly requiredClaims: readonly (readonly [name: string, value: string])[]
  /** If it is not empty, the token has at least one of these claims. */
  readonly anyOfClaims: readonly string[]
  /** In seconds. */
  readonly clockSkew: number
}

/**
 * The header of a token that may be verified: its algorithm and key id. Throws InvalidTokenError (RFC 9068
 * §4, RFC 8725 §3).
 */
export function checkHeader(
  { alg, kid, typ, crit }: Json,
  policy: JwtPolicy,
): { alg: string; kid: string | undefined } {
  if (typeof alg !== 'string' || !policy.algorithms.includes(alg))
    throw new InvalidTokenError('The algorithm is not accepted')
  if (!isAcceptedType(typ, policy)) throw otherType(typ, policy)
  // RFC 7515 §4.1.11: no extension is understood here (`b64` neither), so none may be critical.
  if (crit !== undefined) throw new InvalidTokenError('A critical extension is not understood')
  if (kid !== undefined && typeof kid !== 'string') throw new InvalidTokenError('The kid is not a string')
  return { alg, kid }
}

/** Most issuers do not write RFC 9068 tokens: the message names the option for them. */
function otherType(typ: unknown, { untyped }: JwtPolicy): InvalidTokenError {
  if (untyped || (typ !== undefined && !/^(?:application\/)?jwt$/i.test(String(typ))))
    return new InvalidTokenError('This is not an access token: its typ is that of another kind of token')
  return new InvalidTokenError(
    "The token does not say that it is an access token: its typ is not at+jwt (RFC 9068). If the issuer's access tokens are like that, configure it as oidc({ issuer, typ: 'jwt' })",
  )
}

function isAcceptedType(typ: unknown, { types, untyped }: JwtPolicy): boolean {
  if (typ === undefined) return untyped
  if (typeof typ !== 'string') return false
  const type = typ.toLowerCase().replace(/^application\//, '')
  return types.includes(type) || (untyped && type === 'jwt')
}

/**
 * When the token expires. Throws InvalidTokenError if the claims are not for this resource, this issuer and
 * this moment.
 */
export function checkClaims(claims: Json, policy: JwtPolicy, now: number): number {
  const { iss, exp, nbf, iat, sub, cnf } = claims
  const { clockSkew } = policy
  if (!isIssuer(iss, policy.issuers))
    throw new InvalidTokenError('The token is from another issuer', {
      expected: policy.issuers.join(' or '),
      received: iss,
    })
  // An expiry in three thousand years is a number in milliseconds.
  if (!isTime(exp) || exp > latest) throw new InvalidTokenError('The token has no valid expiry')
  if (exp + clockSkew <= now) throw new InvalidTokenError('The token has expired')
  if (!isPast(nbf, now + clockSkew)) throw new InvalidTokenError('The token is not valid yet')
  if (!isPast(iat, now + clockSkew)) throw new InvalidTokenError('The token was issued in the future')
  if (!meetsAudience(claims, policy.audience, policy.resource, policy.strictAudience))
    throw new InvalidTokenError(
      'The token is for another resource',
      audienceMismatch(claims, policy.audience, policy.resource),
    )
  for (const [name, value] of policy.requiredClaims) {
    if (claims[name] !== value) throw new InvalidTokenError(`The claim ${name} has another value`)
  }
  if (sub !== undefined && typeof sub !== 'string') throw new InvalidTokenError('The sub is not a string')
  // RFC 9068 §2.2 demands it; issuers whose tokens are not of that kind may leave it out for a client's own
  // token.
  if (!sub && !policy.untyped) throw new InvalidTokenError('The token has no sub (RFC 9068, section 2.2)')
  // RFC 9449 §7.2: a sender-constrained token that is accepted as a bearer token is a downgrade: a thief
  // could replay it.
  if (cnf !== undefined) throw new InvalidTokenError('The token is bound to a key')
  const { anyOfClaims } = policy
  if (anyOfClaims.length > 0 && !anyOfClaims.some((name) => claims[name] !== undefined))
    throw new InvalidTokenError(
      `This is not an access token: it has none of the claims ${anyOfClaims.join(', ')}`,
    )
  if (policy.untyped && looksLikeAnotherToken(claims))
    throw new InvalidTokenError('This is not an access token: its claims are those of another kind of token')
  return exp
}

/** Exact, as raw strings (RFC 9068 §4); an entry that ends with `/*` takes exactly one more path segment. */
export function isIssuer(iss: unknown, issuers: readonly string[]): iss is string {
  if (typeof iss !== 'string') return false
  return issuers.some((issuer) =>
    issuer.endsWith('/*')
      ? iss.startsWith(issuer.slice(0, -1)) && /^[\w~-]+$/.test(iss.slice(issuer.length - 1))
      : iss === issuer,
  )
}

const latest = 1e11
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isPast = (value: unknown, until: number): boolean =>
  value === undefined || (isTime(value) && value <= until)

/**
 * If `typ` does not tell, claims of ID tokens (OpenID Connect Core §2), logout tokens and refresh tokens do.
 */
function looksLikeAnotherToken(claims: Json): boolean {
  const { nonce, at_hash, c_hash, s_hash, events, token_use } = claims
  if ([nonce, at_hash, c_hash, s_hash, events].some((claim) => claim !== undefined)) return true
  if (token_use !== undefined && token_use !== 'access') return true
  return namesAnotherToken(claims)
}
