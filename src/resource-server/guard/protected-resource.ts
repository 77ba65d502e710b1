import { InvalidTokenError, isInvalidTokenError, isUnavailableError, UnavailableError } from '../../errors.ts'
import type { CorsPolicy } from '../../http/cors.ts'
import { attribute, resolveRuntime, type ResolvedRuntime } from '../../lib/runtime.ts'
import { isLoopbackOrigin } from '../../protocol/loopback.ts'
import type { Awaitable, TokenVerifier, VerifiedToken } from '../../types.ts'
import type { Resource, Settings } from '../context.ts'
import { route } from '../verify/first-of.ts'
import { createAuthInfo } from './auth-info.ts'
import { carriedScopes } from './scopes.ts'
import { TokenCache, type Verified } from './token-cache.ts'

/** One protected resource with its verifiers and its token cache. Resources share neither. */
export class ProtectedResource {
  readonly resource: Resource
  /** Its position among the resources of its resource server. */
  readonly index: number
  readonly cors: CorsPolicy
  readonly runtime: ResolvedRuntime
  /** In characters. */
  readonly maxTokenLength: number
  readonly stripAuthorization: boolean
  /** Reports a request without a token (`token.missing`). */
  readonly reportMissingToken: () => void
  readonly #settings: Settings
  readonly #exchange: Parameters<typeof createAuthInfo>[4]
  readonly #verifier: TokenVerifier
  readonly #cache: TokenCache | undefined

  constructor(resource: Resource, index: number, settings: Settings) {
    this.resource = resource
    this.index = index
    this.runtime = resolveRuntime(settings.runtime)
    this.cors = {
      origins: settings.allowedOrigins ?? (resource.loopback ? isLoopbackOrigin : '*'),
      methods: 'GET, POST, DELETE',
    }
    this.maxTokenLength = settings.maxTokenLength
    this.stripAuthorization = settings.stripAuthorization
    this.reportMissingToken = this.runtime.prepare({
      type: 'token.missing',
      level: 'info',
      resource: resource.resource,
      status: 401,
    })
    this.#settings = settings
    const { exchange } = settings
    this.#exchange = exchange && ((auth, target) => exchange(auth, target, this.runtime))
    this.#verifier = route(
      resource.servers.map((server) => server.verifier(resource.resource, settings.runtime)),
    )
    this.#cache = settings.tokenCacheSize === 0 ? undefined : new TokenCache(settings.tokenCacheSize)
  }

  /** A token that was verified before and may still be used. A whole token only: no other text finds it. */
  findVerified(token: string, now: number): Verified | undefined {
    const known = this.#cache?.get(token)
    return known !== undefined && known.until > now ? known : undefined
  }

  /** Rejects if tokens cannot be verified now. */
  ready(): Awaitable<void> {
    return this.#verifier.ready?.()
  }

  /** Rejects with InvalidTokenError or UnavailableError, and with nothing else. */
  verify(token: string): Awaitable<Verified> {
    const known = this.findVerified(token, this.runtime.clock())
    return known === undefined ? this.#verify(token) : this.revalidate(known)
  }

  /**
   * Asks the verifier whether a known token is still good; at once if there is nothing to wait for. Rejects
   * as `verify` does.
   */
  revalidate(known: Verified): Awaitable<Verified> {
    try {
      const pending = known.revalidate?.() ?? undefined
      if (pending === undefined) return known
      return pending.then(
        () => known,
        (error: unknown) => Promise.reject(this.#failure(known.token, error)),
      )
    } catch (error) {
      return Promise.reject(this.#failure(known.token, error))
    }
  }

  async #verify(token: string): Promise<Verified> {
    try {
      return this.#remember(token, await this.#verifier.verify(token))
    } catch (error) {
      throw this.#failure(token, error)
    }
  }

  #failure(token: string, error: unknown): InvalidTokenError | UnavailableError {
    if (isInvalidTokenError(error)) this.#cache?.delete(token)
    if (isInvalidTokenError(error) || isUnavailableError(error)) return error
    // Any other error says nothing about the token, so it is 503. Its message may quote the token, so it goes
    // to `onError` only.
    return attribute(new UnavailableError('The token could not be judged'), 'verifier', error)
  }

  #remember(token: string, found: VerifiedToken): Verified {
    const now = this.runtime.clock()
    // The verifier has compared the expiry with its own clock skew, which is 60 s at most.
    if (!(found.expiresAt + 60 > now)) throw new InvalidTokenError('The token has expired')
    const carried = carriedScopes(found, this.#settings.hierarchy, this.#settings.claimedScopes)
    const auth = createAuthInfo(token, found, this.resource.resource, carried, this.#exchange)
    const { issuer, clientId, subject } = auth
    const verified: Verified = {
      token,
      auth,
      carried,
      until: Math.min(found.cacheUntil ?? found.expiresAt, found.expiresAt + 60),
      revalidate: found.revalidate,
      reportAccepted: this.runtime.prepare({
        type: 'token.accepted',
        level: 'info',
        resource: this.resource.resource,
        issuer,
        clientId,
        subject,
      }),
    }
    if (verified.until > now) this.#cache?.set(verified)
    return verified
  }
}
