import { readFreshness } from '../../http/cache-control.ts'
import { UnavailableError } from '../../errors.ts'
import { discoverAuthorizationServer } from '../../http/discovery.ts'
import { guardedFetch, type GuardedFetchOptions } from '../../http/guarded-fetch.ts'
import { parseObject } from '../../lib/json.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { isLoopbackHost } from '../../protocol/loopback.ts'
import { readKeySet, type VerificationKey } from './jwk.ts'

/** A key set as the issuer answered it. */
export interface FetchedKeySet {
  readonly keys: readonly VerificationKey[]
  /** How long it is fresh, in seconds. */
  readonly lifetime: number
  /** How many keys the issuer publishes. */
  readonly count: number
}

/** Bounds of the freshness of a key set, in seconds. */
export const freshness = { default: 600, min: 60, max: 86_400 }

/**
 * Fetches the key set of one issuer (RFC 7517 §5) from its `jwks_uri`, which is configured or stands in the
 * issuer's metadata.
 */
export class KeySetRequest {
  readonly #issuer: string
  readonly #configuredUri: string | undefined
  readonly #fetch: GuardedFetchOptions
  #uri: string | undefined

  constructor(
    issuer: string,
    jwksUri: string | undefined,
    runtime: ResolvedRuntime,
    allowHttp: readonly string[] = [],
  ) {
    // SSRF: the configuration names the issuer and the key set's URL, so their origins are trusted as they
    // are; what a document names is not.
    const origins = [issuer, jwksUri].flatMap((url) => (url === undefined ? [] : new URL(url).origin))
    this.#issuer = issuer
    this.#configuredUri = jwksUri
    this.#fetch = {
      fetch: runtime.fetch,
      allowLoopback: isLoopbackHost(new URL(issuer).hostname),
      allowOrigins: [...origins, ...allowHttp],
    }
  }

  /** Rejects if the issuer does not answer with a usable key set. The next call reads the metadata again. */
  async send(): Promise<FetchedKeySet> {
    const uri = this.#uri ?? this.#configuredUri ?? (await this.#discover())
    this.#uri = undefined
    const { status, headers, text } = await guardedFetch(uri, { ...this.#fetch, maxBytes: 262_144 })
    const document = status === 200 ? parseObject(text) : undefined
    const keys = readKeySet(document)
    if (keys === undefined) throw new UnavailableError(`The key set was answered with ${status}`)
    // An empty set would end every sign-in, so it is an outage and not a decision of the issuer.
    if (keys.length === 0) throw new UnavailableError('The key set has no usable key')
    this.#uri = uri
    return { keys, lifetime: lifetimeOf(headers), count: (document!['keys'] as unknown[]).length }
  }

  async #discover(): Promise<string> {
    const { jwks_uri: uri } = await discoverAuthorizationServer(this.#issuer, this.#fetch)
    if (typeof uri === 'string') return uri
    throw new UnavailableError('The authorization server has no jwks_uri')
  }
}

/**
 * JWKS freshness: what `Cache-Control` says (RFC 9111 §5.2.2.1), less the `Age` in caches on the way, within
 * the bounds.
 */
function lifetimeOf(headers: Headers): number {
  const { stored, revalidated, seconds = freshness.default } = readFreshness(headers)
  return stored && !revalidated ? Math.min(freshness.max, Math.max(freshness.min, seconds)) : freshness.min
}
