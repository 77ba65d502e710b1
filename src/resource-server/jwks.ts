import { forgiving } from '../cache/contract.ts'
import { InvalidTokenError, UnavailableError } from '../errors.ts'
import { discoverAuthorizationServer } from '../http/discovery.ts'
import { guardedFetch, type GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { parseObject } from '../lib/json.ts'
import { attribute, resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { isLoopbackHost } from '../protocol/resource.ts'
import type { Awaitable, Cache, VerifierRuntime } from '../types.ts'
import { readKeySet, type VerificationKey } from './jwk.ts'

/** Where the keys of an issuer come from. */
export interface KeySet {
  /** The keys that may have signed this. Rejects with UnavailableError where the set is out of reach. */
  find(kid: string | undefined, alg: string): Awaitable<readonly VerificationKey[]>
  /** Throws where the key has left the set; undefined where that can never happen. */
  check?(key: VerificationKey): Awaitable<void>
}

/** Keys that the configuration holds. */
export function localKeySet(keys: readonly VerificationKey[]): KeySet {
  return { find: (kid, alg) => select(keys, kid, alg) }
}

/** In seconds. */
const fresh = { default: 600, min: 60, max: 86_400 }
const cooldown = 30
const staleIfError = 86_400

/** A set as it was fetched; what instances share. */
interface Fetched {
  keys: readonly VerificationKey[]
  /** Seconds since the epoch. */
  at: number
  freshUntil: number
}

/**
 * The key set at an issuer's `jwks_uri`. One fetch for any number of parallel requests; fresh as long as `Cache-Control` says, within bounds; an unknown
 * `kid` fetches again, at most once in 30 s; an outage is bridged for 24 h and is UnavailableError from then on.
 */
export class RemoteKeySet implements KeySet {
  readonly #issuer: string
  readonly #runtime: ResolvedRuntime
  readonly #fetch: GuardedFetchOptions
  readonly #shared: Cache | undefined
  readonly #flights: SingleFlight<void>
  readonly #configuredUri: string | undefined
  readonly #cacheKey: string
  #uri: string | undefined
  #set: Fetched = { keys: [], at: -Infinity, freshUntil: -Infinity }
  #triedAt = -Infinity
  #failure: UnavailableError | undefined

  constructor(issuer: string, jwksUri: string | undefined, runtime: VerifierRuntime) {
    this.#issuer = issuer
    this.#configuredUri = jwksUri
    this.#cacheKey = `jwks:${jwksUri ?? issuer}`
    this.#runtime = resolveRuntime(runtime)
    this.#fetch = outgoing(issuer, jwksUri, this.#runtime, runtime.dangerouslyAllowHttp)
    this.#shared = runtime.cache && forgiving(runtime.cache, this.#runtime.failed)
    this.#flights = new SingleFlight(this.#runtime.waitUntil)
  }

  async find(kid: string | undefined, alg: string): Promise<readonly VerificationKey[]> {
    if (this.#runtime.clock() >= this.#set.freshUntil) await this.#refresh()
    let found = select(this.#set.keys, kid, alg)
    // Once more at most: the flight that was joined may have looked for another key in the shared cache alone.
    for (let i = 0; found.length === 0 && i < 2 && !this.#isCoolingDown(); i++) {
      await this.#refresh(kid)
      found = select(this.#set.keys, kid, alg)
    }
    if (found.length === 0 && this.#failure !== undefined) throw this.#failure
    return found
  }

  check(key: VerificationKey): Awaitable<void> {
    if (this.#runtime.clock() >= this.#set.freshUntil) return this.#refresh().then(() => assertLive(key))
    assertLive(key)
  }

  #isCoolingDown(): boolean {
    return this.#runtime.clock() < Math.max(this.#triedAt, this.#set.at) + cooldown
  }

  /** Rejects where no key is usable any more. */
  async #refresh(wanted?: string): Promise<void> {
    const usable = (): boolean => this.#runtime.clock() < this.#set.freshUntil + staleIfError
    if (usable() && this.#failure !== undefined && this.#isCoolingDown()) return
    await this.#flights.run('', () => this.#load(wanted))
    if (!usable()) throw this.#failure ?? new UnavailableError('The key set is out of reach')
  }

  async #load(wanted: string | undefined): Promise<void> {
    const shared = await this.#recall()
    if (shared !== undefined && shared.at > this.#set.at) this.#adopt(shared)
    if (this.#runtime.clock() < this.#set.freshUntil && this.#has(wanted)) return
    if (wanted !== undefined && this.#isCoolingDown()) return
    this.#triedAt = this.#runtime.clock()
    try {
      const fetched = await this.#request()
      this.#adopt(fetched)
      await this.#share(fetched)
    } catch (error) {
      this.#failure =
        error instanceof UnavailableError
          ? error
          : attribute(new UnavailableError('The key set is out of reach'), 'key set', error)
      this.#uri = undefined
      this.#runtime.event({
        type: 'keys.unavailable',
        level: 'warning',
        issuer: this.#issuer,
        detail: this.#failure.message,
      })
    }
  }

  #has(wanted: string | undefined): boolean {
    return wanted === undefined || this.#set.keys.some(({ kid }) => kid === wanted)
  }

  async #request(): Promise<Fetched> {
    const uri = (this.#uri ??= this.#configuredUri ?? (await this.#discover()))
    const { status, headers, text } = await guardedFetch(uri, { ...this.#fetch, maxBytes: 262_144 })
    const keys = status === 200 ? readKeySet(parseObject(text)) : undefined
    if (keys === undefined) throw new UnavailableError(`The key set was answered with ${status}`)
    const at = this.#runtime.clock()
    return { keys, at, freshUntil: at + lifetime(headers) }
  }

  async #discover(): Promise<string> {
    const { jwks_uri: uri } = await discoverAuthorizationServer(this.#issuer, this.#fetch)
    if (typeof uri === 'string') return uri
    throw new UnavailableError('The authorization server has no jwks_uri')
  }

  /** Keys that stay are the same objects, so that what they verified stays verified; the others die. */
  #adopt(next: Fetched): void {
    const old = new Map(this.#set.keys.map((key) => [key.text, key]))
    const keys = next.keys.map((key) => old.get(key.text) ?? key)
    for (const key of this.#set.keys) if (!keys.includes(key)) key.live = false
    this.#set = { ...next, keys }
    this.#failure = undefined
  }

  async #recall(): Promise<Fetched | undefined> {
    const text = await this.#shared?.get(this.#cacheKey)
    const entry = text === undefined ? undefined : parseObject(text)
    const keys = readKeySet(entry)
    const { at, freshUntil } = entry ?? {}
    if (keys === undefined || typeof at !== 'number' || typeof freshUntil !== 'number') return undefined
    // A cache may lie: no entry is from the future or fresh beyond the bounds.
    return at <= this.#runtime.clock() && freshUntil <= at + fresh.max ? { keys, at, freshUntil } : undefined
  }

  async #share({ keys, at, freshUntil }: Fetched): Promise<void> {
    if (this.#shared === undefined) return
    const value = JSON.stringify({ keys: keys.map(({ jwk }) => jwk), at, freshUntil })
    const written = this.#shared.put(this.#cacheKey, value, {
      ttl: freshUntil - at + staleIfError,
    })
    if (this.#runtime.waitUntil === undefined) await written
    else this.#runtime.waitUntil(written)
  }
}

function select(
  keys: readonly VerificationKey[],
  kid: string | undefined,
  alg: string,
): readonly VerificationKey[] {
  // Without a kid several keys may fit; more than a handful would be a gift to whoever wants us to compute.
  return keys.filter((key) => (kid === undefined || key.kid === kid) && key.fits(alg)).slice(0, 4)
}

function assertLive(key: VerificationKey): void {
  if (!key.live) throw new InvalidTokenError('The key of the token was withdrawn')
}

/** The issuer and the key set's URL are configuration, so their origins are trusted as they are; whatever a document names is not. */
function outgoing(
  issuer: string,
  jwksUri: string | undefined,
  { fetch }: ResolvedRuntime,
  allowed: readonly string[] = [],
): GuardedFetchOptions {
  const origins = [issuer, jwksUri].flatMap((url) => (url === undefined ? [] : new URL(url).origin))
  return {
    fetch,
    allowLoopback: isLoopbackHost(new URL(issuer).hostname),
    allowOrigins: [...origins, ...allowed],
  }
}

/** How long the set is fresh (RFC 9111 §5.2.2.1, less the time that it lay in a cache on the way), within the bounds. */
function lifetime(headers: Headers): number {
  const control = headers.get('cache-control') ?? ''
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(control)?.[1]
  if (/(?:^|[\s,])no-(?:store|cache)/i.test(control)) return fresh.min
  if (maxAge === undefined) return fresh.default
  const age = Number(headers.get('age') ?? 0)
  return Math.min(fresh.max, Math.max(fresh.min, Number(maxAge) - (age > 0 ? age : 0)))
}
