import { decodeJwt } from 'jose/jwt/decode'
import { forgiving } from '../cache/contract.ts'
import { ConfigurationError, InvalidTokenError, UnavailableError } from '../errors.ts'
import { guardedFetch } from '../http/guarded-fetch.ts'
import { sha256 } from '../lib/hash.ts'
import { Lru } from '../lib/lru.ts'
import { checkOptions, requireSeconds } from '../lib/options.ts'
import { resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import type {
  AuthorizationServer,
  Cache,
  OpaqueProfile,
  Provider,
  Runtime,
  TokenVerifier,
  VerifiedToken,
} from '../types.ts'
import { meetsAudience, readClientId, readScopes } from './claims.ts'
import { introspectionClaims } from './introspection-answer.ts'
import { introspectionRequest, type IntrospectionAuthentication } from './introspection-request.ts'

export type { IntrospectionAuthentication, PrivateJwk } from './introspection-request.ts'

/** Options of {@link introspectionVerifier}. */
export interface IntrospectionOptions {
  /** Default: `client_secret_basic` with the preset's `clientId` and `clientSecret`; `none` for Google and Discord. */
  authentication?: IntrospectionAuthentication
  /** How long a positive answer may be used, in seconds, 0–3600. Default 60. A revoked token lives that long. */
  ttl?: number
  /** How long a negative answer may be used, in seconds, 0–60. Default 5. */
  negativeTtl?: number
  /** Keep positive answers in the guard's `cache` too, so that instances share them. Default false: memory alone. */
  shared?: boolean
  /** For `exp` and `nbf`, in seconds, 0–60. Default 5. */
  clockSkew?: number
  /** Allow an `http:` or private endpoint, for a provider inside the deployment's own network. Default false; loopback is always allowed. */
  dangerouslyAllowPrivateEndpoint?: boolean
  /** Which tokens are its own. Default: every opaque token, and JWTs whose unverified `iss` is the issuer. */
  accepts?: (token: string) => boolean
}

/**
 * Judges tokens by asking their issuer (RFC 7662), or in the provider's own form where its preset says so.
 *
 * Refused as `invalid_token`: whatever is not `active: true` for this resource, this issuer and this moment. The provider out of reach,
 * rate limiting or refusing our credentials is `temporarily_unavailable` (503): it says nothing about the token.
 * A token without an expiry (GitHub's) counts as valid for an hour from each answer.
 *
 * @see [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2)
 */
export function introspectionVerifier(
  provider: Provider | OpaqueProfile,
  options: IntrospectionOptions = {},
): AuthorizationServer {
  checkOptions('introspectionVerifier', options, [
    'authentication',
    'ttl',
    'negativeTtl',
    'shared',
    'clockSkew',
    'dangerouslyAllowPrivateEndpoint',
    'accepts',
  ])
  const profile = profileOf(provider)
  const settings: Settings = {
    profile,
    authentication: options.authentication ?? defaultAuthentication(provider, profile),
    ttl: requireSeconds('ttl', options.ttl, { min: 0, max: 3600, default: 60 }),
    negativeTtl: requireSeconds('negativeTtl', options.negativeTtl, { min: 0, max: 60, default: 5 }),
    clockSkew: requireSeconds('clockSkew', options.clockSkew, { min: 0, max: 60, default: 5 }),
    shared: options.shared ?? false,
    allowPrivate: options.dangerouslyAllowPrivateEndpoint ?? false,
    accepts: options.accepts ?? ((token) => isOwnOrOpaque(token, profile.issuer)),
  }
  return {
    issuer: profile.issuer,
    verifier: (resource, runtime) => new IntrospectionVerifier(settings, resource, runtime),
  }
}

interface Settings {
  profile: OpaqueProfile
  authentication: IntrospectionAuthentication
  ttl: number
  negativeTtl: number
  clockSkew: number
  shared: boolean
  allowPrivate: boolean
  accepts: (token: string) => boolean
}

/** A positive answer, as it lies in a shared cache. */
interface Kept {
  until: number
  claims: Record<string, unknown>
}

class IntrospectionVerifier implements TokenVerifier {
  readonly #settings: Settings
  readonly #resource: string
  readonly #runtime: ResolvedRuntime
  readonly #shared: Cache | undefined
  readonly #flights: SingleFlight<VerifiedToken>
  // The guard keeps positive answers (`cacheUntil`); only what it does not keep is kept here.
  readonly #refused = new Lru<{ until: number; error: InvalidTokenError }>(1000)

  constructor(settings: Settings, resource: string, runtime: Runtime & { cache?: Cache }) {
    if (settings.shared && runtime.cache === undefined)
      throw new ConfigurationError('shared', 'needs a cache: createResourceServer({ cache })')
    this.#settings = settings
    this.#resource = resource
    this.#runtime = resolveRuntime(runtime)
    this.#shared = settings.shared ? forgiving(runtime.cache!) : undefined
    this.#flights = new SingleFlight(this.#runtime.waitUntil)
  }

  accepts(token: string): boolean {
    return this.#settings.accepts(token)
  }

  async verify(token: string): Promise<VerifiedToken> {
    const { profile } = this.#settings
    const parts = [token, profile.issuer, this.#resource, profile.audience ?? 'resource']
    const key = await sha256(JSON.stringify(parts), 'introspection')
    const refused = this.#refused.get(key)
    if (refused !== undefined && refused.until > this.#runtime.clock()) throw refused.error
    return this.#flights.run(key, () => this.#verify(key, token))
  }

  async #verify(key: string, token: string): Promise<VerifiedToken> {
    const kept = await this.#recall(key)
    if (kept !== undefined) return this.#judge(kept.claims, kept.until)
    try {
      const claims = await this.#ask(token)
      const until = this.#runtime.clock() + this.#settings.ttl
      const verified = this.#judge(claims, until)
      await this.#remember(key, { until: verified.cacheUntil!, claims })
      return verified
    } catch (error) {
      const { negativeTtl } = this.#settings
      if (error instanceof InvalidTokenError && negativeTtl > 0)
        this.#refused.set(key, { until: this.#runtime.clock() + negativeTtl, error })
      throw error
    }
  }

  async #ask(token: string): Promise<Record<string, unknown>> {
    const { profile, authentication, allowPrivate } = this.#settings
    const question = await introspectionRequest(profile, authentication, token, this.#runtime.clock)
    const answer = await guardedFetch(profile.endpoint, {
      fetch: this.#runtime.fetch,
      ...question,
      maxBytes: 64_000,
      timeout: 5,
      allowLoopback: true,
      ...(allowPrivate ? { dangerouslyAllowPrivate: true } : {}),
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

  /** RFC 7662 §4: an active token may still be somebody else's. */
  #judge(claims: Readonly<Record<string, unknown>>, until: number): VerifiedToken {
    const { profile, clockSkew } = this.#settings
    const { iss, exp, nbf, sub } = claims
    const now = this.#runtime.clock()
    if (isOtherToken(claims)) throw new InvalidTokenError('This is not an access token')
    if (iss !== undefined && iss !== profile.issuer)
      throw new InvalidTokenError('Another issuer made this token')
    if (exp !== undefined && !(isTime(exp) && exp + clockSkew > now))
      throw new InvalidTokenError('The access token has expired')
    if (nbf !== undefined && !(isTime(nbf) && nbf - clockSkew <= now))
      throw new InvalidTokenError('The access token is not valid yet')
    if (!meetsAudience(claims, profile.audience ?? 'resource', this.#resource))
      throw new InvalidTokenError('The access token is for another resource')
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

  async #recall(key: string): Promise<Kept | undefined> {
    const text = await this.#shared?.get(`introspection:${key}`)
    if (text === undefined) return undefined
    try {
      const kept = JSON.parse(text) as Partial<Kept>
      const usable =
        isTime(kept.until) && kept.until > this.#runtime.clock() && typeof kept.claims === 'object'
      return usable ? (kept as Kept) : undefined
    } catch {
      return undefined
    }
  }

  async #remember(key: string, kept: Kept): Promise<void> {
    const ttl = Math.floor(kept.until - this.#runtime.clock())
    if (ttl > 0) await this.#shared?.put(`introspection:${key}`, JSON.stringify(kept), { ttl })
  }
}

function profileOf(provider: Provider | OpaqueProfile): OpaqueProfile {
  const profile = 'provider' in provider ? provider.opaque : provider
  if (profile === undefined)
    throw new ConfigurationError(
      'provider',
      `${(provider as Provider).provider} has no introspection: its tokens are JWTs, so pass the preset itself to authorizationServers`,
    )
  if (!URL.canParse(profile.endpoint)) throw new ConfigurationError('endpoint', 'must be an absolute URL')
  return profile
}

function defaultAuthentication(
  provider: Provider | OpaqueProfile,
  { style = 'rfc7662' }: OpaqueProfile,
): IntrospectionAuthentication {
  if (style === 'google-tokeninfo' || style === 'discord-me') return { method: 'none' }
  const credentials = 'provider' in provider ? provider.credentials : undefined
  if (credentials !== undefined) return { method: 'client_secret_basic', ...credentials }
  throw new ConfigurationError(
    'authentication',
    'is missing: give the preset clientId and clientSecret, or set it here',
  )
}

/** A JWT of somebody else's need not be sent to this issuer; what cannot be read is opaque. */
function isOwnOrOpaque(token: string, issuer: string): boolean {
  try {
    const { iss } = decodeJwt(token)
    return iss === undefined || iss === issuer
  } catch {
    return true
  }
}

/** Servers answer `active` for refresh and ID tokens too, and say so in one of these (RFC 7662 §2.2 leaves it to them). */
const isOtherToken = ({ token_type, token_use, typ }: Readonly<Record<string, unknown>>): boolean =>
  [token_type, token_use, typ].some(
    (value) => typeof value === 'string' && /^(refresh|offline|id)([_-]?token)?$/i.test(value),
  )

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function retryAfter(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, 3600) : 5
}
