import { InvalidTokenError, UnavailableError } from '../errors.ts'
import type { CorsPolicy } from '../http/cors.ts'
import { attribute, resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import { isLoopbackHost } from '../protocol/resource.ts'
import type { TokenVerifier, VerifiedToken } from '../types.ts'
import { createAuthInfo } from './guard/auth-info.ts'
import type { Settings } from './options.ts'
import type { Resource } from './resources.ts'
import { route } from './routing.ts'
import { TokenCache, type Verified } from './guard/token-cache.ts'

/** One resource at work: its verifiers and what it remembers. Nothing of it is shared with another resource. */
export class ProtectedResource {
  readonly resource: Resource
  /** Its place among the resources of its resource server. */
  readonly index: number
  readonly cors: CorsPolicy
  readonly runtime: ResolvedRuntime
  /** In characters. */
  readonly maxTokenLength: number
  readonly #settings: Settings
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
    this.#settings = settings
    this.#verifier = route(
      resource.servers.map((server) => server.verifier(resource.resource, settings.runtime)),
    )
    this.#cache = settings.tokenCacheSize === 0 ? undefined : new TokenCache(settings.tokenCacheSize)
  }

  /** What is known about the token of this header. Only a whole header that was accepted before finds something. */
  recall(authorization: string): Verified | undefined {
    if (this.#cache === undefined || !authorization.startsWith('Bearer ')) return undefined
    const known = this.#cache.get(authorization.slice(7))
    return known !== undefined && known.until > this.runtime.clock() ? known : undefined
  }

  /** Who the token stands for. `pending`: what is known about it has been asked already. Rejects with InvalidTokenError or UnavailableError, and with nothing else. */
  async verify(token: string, pending?: Promise<void>): Promise<Verified> {
    try {
      const known = this.#cache?.get(token)
      if (known === undefined || known.until <= this.runtime.clock())
        return this.#remember(token, await this.#verifier.verify(token))
      await (pending ?? known.revalidate?.())
      return known
    } catch (error) {
      if (error instanceof InvalidTokenError) {
        this.#cache?.delete(token)
        throw error
      }
      if (error instanceof UnavailableError) throw error
      // Whatever else goes wrong says nothing about the token. The message may quote it, so it goes no further.
      throw attribute(new UnavailableError('The token could not be judged'), 'verifier', error)
    }
  }

  #remember(token: string, found: VerifiedToken): Verified {
    const now = this.runtime.clock()
    // The verifier judged the time with its own skew, which is 60 s at most.
    if (!(found.expiresAt + 60 > now)) throw new InvalidTokenError('The token has expired')
    const { claimedScopes, hierarchy } = this.#settings
    const scopes =
      claimedScopes === undefined
        ? found.scopes
        : [...new Set([...found.scopes, ...claimedScopes(found.claims)])]
    const granted = hierarchy.expand(scopes)
    const verified: Verified = {
      token,
      auth: createAuthInfo(token, found, this.resource.resource, granted),
      granted,
      until: Math.min(found.cacheUntil ?? found.expiresAt, found.expiresAt + 60),
      revalidate: found.revalidate,
    }
    if (verified.until > now) this.#cache?.set(verified)
    return verified
  }
}

function isLoopbackOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, hostname } = new URL(origin)
  return /^https?:$/.test(protocol) && isLoopbackHost(hostname)
}
