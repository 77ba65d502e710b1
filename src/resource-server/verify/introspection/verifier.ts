import { forgiving } from '../../../cache/contract.ts'
import {
  ConfigurationError,
  InvalidTokenError,
  isInvalidTokenError,
  UnavailableError,
} from '../../../errors.ts'
import { checkUrl, guardedFetch } from '../../../http/guarded-fetch.ts'
import { recordCodec, type Codec } from '../../../lib/codec.ts'
import { sha256 } from '../../../lib/hash.ts'
import { Lru } from '../../../lib/lru.ts'
import { resolveRuntime, type ResolvedRuntime } from '../../../lib/runtime.ts'
import { SingleFlight } from '../../../lib/single-flight.ts'
import { requireWithin, within } from '../../../lib/within.ts'
import { parseJws } from '../../../protocol/jws.ts'
import type {
  Cache,
  OpaqueProfile,
  TokenVerifier,
  UnverifiedJws,
  VerifiedToken,
  VerifierRuntime,
} from '../../../types.ts'
import { audienceMismatch, meetsAudience, namesAnotherToken, readClientId, readScopes } from '../claims.ts'
import { introspectionClaims } from './response.ts'
import { introspectionRequest, type IntrospectionAuthentication } from './request.ts'

/** For the whole question, and for a cache, which is passed over if it is slower; in seconds. */
const deadline = 10
const cacheDeadline = 2

/** The options of `introspectionVerifier`, resolved. */
export interface IntrospectionSettings {
  profile: OpaqueProfile
  authentication: IntrospectionAuthentication
  ttl: number
  negativeTtl: number
  clockSkew: number
  shared: boolean
  /** Undefined: every opaque token, and JWTs that name this issuer or none. */
  accepts: ((token: string) => boolean) | undefined
}

/** A positive answer, as the instances share it. */
export interface Answer {
  until: number
  claims: Record<string, unknown>
}

export const answerCodec: Codec<Answer> = recordCodec<Answer>('introspection answer', {
  until: 'number',
  claims: 'object',
})

/** Asks the issuer about tokens, checks the answers, and keeps them. */
export class IntrospectionVerifier implements TokenVerifier {
  readonly #settings: IntrospectionSettings
  readonly #resource: string
  readonly #allowOrigins: readonly string[]
  readonly #runtime: ResolvedRuntime
  readonly #shared: Cache | undefined
  readonly #flights: SingleFlight<VerifiedToken>
  // The guard keeps positive answers (`cacheUntil`); only what it does not keep is kept here.
  readonly #refused = new Lru<{ until: number; error: InvalidTokenError }>(1000)

  constructor(settings: IntrospectionSettings, resource: string, runtime: VerifierRuntime) {
    if (settings.shared && (runtime.cache === undefined || runtime.cacheIsAuthenticated !== true))
      throw new ConfigurationError(
        'shared',
        'needs a cache and a secret that authenticates its entries: createResourceServer({ cache, cacheSecret })',
      )
    this.#allowOrigins = allowedOrigins(settings.profile.endpoint, runtime.dangerouslyAllowHttp)
    this.#settings = settings
    this.#resource = resource
    this.#runtime = resolveRuntime(runtime)
    this.#shared = settings.shared ? forgiving(runtime.cache!, this.#runtime.failed) : undefined
    this.#flights = new SingleFlight(this.#runtime)
  }

  /**
   * Only a JWT that names this issuer is certainly its own. Other tokens are sent out only if no other
   * verifier takes them.
   */
  accepts(token: string, parsed?: UnverifiedJws): boolean | 'otherwise' {
    const { accepts, profile } = this.#settings
    const iss = parseJws(token, parsed)?.payload['iss']
    const isOwn = iss === profile.issuer
    if (accepts === undefined ? iss !== undefined && !isOwn : !accepts(token)) return false
    return isOwn || 'otherwise'
  }

  async verify(token: string, parsed?: UnverifiedJws): Promise<VerifiedToken> {
    // Also without other verifiers: a token of another issuer must not be sent to this one.
    if (!this.accepts(token, parsed)) throw new InvalidTokenError('Another issuer made this token')
    const refused = this.#refused.get(token)
    if (refused !== undefined && refused.until > this.#runtime.clock()) throw refused.error
    return this.#flights.run(token, () => this.#verify(token))
  }

  async #verify(token: string): Promise<VerifiedToken> {
    try {
      const kept = await this.#recall(token)
      if (kept !== undefined) return this.#judge(kept.claims, kept.until)
      // The application's `authentication.token()` counts, too: all callers with this token wait for it.
      const claims = await requireWithin(deadline, this.#ask(token), 'The answer about the token')
      const verified = this.#judge(claims, this.#runtime.clock() + this.#settings.ttl)
      await this.#remember(token, { until: verified.cacheUntil!, claims })
      return verified
    } catch (error) {
      const { negativeTtl } = this.#settings
      if (isInvalidTokenError(error) && negativeTtl > 0)
        this.#refused.set(token, { until: this.#runtime.clock() + negativeTtl, error })
      throw error
    }
  }

  async #ask(token: string): Promise<Record<string, unknown>> {
    const { profile, authentication } = this.#settings
    const question = await introspectionRequest(profile, authentication, token, this.#runtime.clock)
    const answer = await guardedFetch(profile.endpoint, {
      fetch: this.#runtime.fetch,
      ...question,
      maxBytes: 64_000,
      timeout: 5,
      allowLoopback: true,
      allowOrigins: this.#allowOrigins,
    })
    const claims = introspectionClaims(profile, answer)
    if (claims === 'inactive') throw new InvalidTokenError('The access token is not active')
    if (typeof claims === 'object') return claims
    if (claims === 'refused')
      this.#runtime.event({
        type: 'introspection.refused',
        level: 'alert',
        issuer: profile.issuer,
        resource: this.#resource,
        status: answer.status,
        detail: 'the introspection endpoint does not accept the credentials of this resource server',
      })
    throw new UnavailableError('The authorization server did not judge the token', {
      retryAfter: retryAfter(answer.headers),
    })
  }

  /** An active token may still be for another resource (confused deputy, RFC 7662 §4). */
  #judge(claims: Readonly<Record<string, unknown>>, until: number): VerifiedToken {
    const { profile, clockSkew } = this.#settings
    const { iss, exp, nbf, sub, cnf, token_type: type } = claims
    const now = this.#runtime.clock()
    if (isOtherToken(claims)) throw new InvalidTokenError('This is not an access token')
    if (iss !== undefined && iss !== profile.issuer)
      throw new InvalidTokenError('Another issuer made this token', {
        expected: profile.issuer,
        received: iss,
      })
    if (exp !== undefined && !(isTime(exp) && exp + clockSkew > now))
      throw new InvalidTokenError('The access token has expired')
    if (nbf !== undefined && !(isTime(nbf) && nbf - clockSkew <= now))
      throw new InvalidTokenError('The access token is not valid yet')
    // A refresh token is not bound to a resource. If the access token is not either, only its type tells them
    // apart.
    const { audience = 'resource', style = 'rfc7662' } = profile
    if (type === undefined && audience !== 'resource' && style === 'rfc7662')
      throw new InvalidTokenError('This is not an access token: the answer does not say its token_type')
    if (!meetsAudience(claims, audience, this.#resource))
      throw new InvalidTokenError(
        'The access token is for another resource',
        audienceMismatch(claims, audience, this.#resource),
      )
    // RFC 9449 §7.2: a sender-constrained token that is accepted as a bearer token is a downgrade: a thief
    // could replay it.
    if (cnf !== undefined || (typeof type === 'string' && /^dpop$/i.test(type)))
      throw new InvalidTokenError('The access token is bound to a key')
    const subject = typeof sub === 'string' && sub !== '' ? sub : undefined
    const expiresAt = isTime(exp) ? exp : now + 3600
    return {
      issuer: profile.issuer,
      subject,
      clientId: readClientId(claims, profile.clientIdClaims) ?? '',
      scopes: readScopes(claims, profile.scopeClaims),
      expiresAt,
      claims,
      cacheUntil: Math.min(until, expiresAt),
    }
  }

  async #recall(token: string): Promise<Answer | undefined> {
    const text =
      this.#shared && (await within(cacheDeadline, this.#shared.get(await this.#cacheKey(token))))?.value
    const answer = text === undefined ? undefined : answerCodec.decode(text)
    const now = this.#runtime.clock()
    if (answer === undefined || answer.until <= now) return undefined
    const { until, claims } = answer
    return { until: Math.min(until, now + this.#settings.ttl), claims }
  }

  async #remember(token: string, kept: Answer): Promise<void> {
    const ttl = Math.floor(kept.until - this.#runtime.clock())
    if (this.#shared === undefined || ttl <= 0) return
    let text: string
    try {
      text = answerCodec.encode(kept)
    } catch {
      // Nested deeper than the call stack is.
      return
    }
    await within(cacheDeadline, this.#shared.put(await this.#cacheKey(token), text, { ttl }))
  }

  /**
   * Of the whole token, for this issuer and this resource: what holds for one guard may not hold for another.
   */
  async #cacheKey(token: string): Promise<string> {
    const { issuer, audience = 'resource' } = this.#settings.profile
    const hash = await sha256(JSON.stringify([token, issuer, this.#resource, audience]), 'introspection')
    return `introspection:${hash}`
  }
}

/**
 * SSRF: the configuration names the endpoint, so it may lie in a private network. A wrong URL throws at
 * construction.
 */
function allowedOrigins(endpoint: string, allowed: readonly string[] = []): readonly string[] {
  const own = /^https:/i.test(endpoint) && URL.canParse(endpoint) ? [new URL(endpoint).origin] : []
  const allowOrigins = [...own, ...allowed]
  try {
    checkUrl(endpoint, { allowLoopback: true, allowOrigins })
  } catch (error) {
    throw new ConfigurationError(
      'endpoint',
      `cannot be used: ${(error as Error).message}; dangerouslyAllowHttp allows an http origin by name`,
    )
  }
  return allowOrigins
}

/**
 * Servers answer `active` for refresh and ID tokens too, and name the kind in one of these claims (RFC 7662
 * §2.2).
 */
const isOtherToken = (claims: Readonly<Record<string, unknown>>): boolean =>
  (claims['token_type'] !== undefined && !isAccessTokenType(claims['token_type'])) ||
  namesAnotherToken(claims)

/** RFC 6749 §7.1 names the type by how the token is presented; some servers name what the token is. */
const isAccessTokenType = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^(bearer|dpop|access[_-]?token|at\+jwt|urn:ietf:params:oauth:token-type:access_token)$/i.test(value)

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function retryAfter(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, 3600) : 5
}
