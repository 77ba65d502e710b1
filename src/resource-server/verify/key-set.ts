import { forgiving } from '../../cache/contract.ts'
import { InvalidTokenError, UnavailableError } from '../../errors.ts'
import { discoverAuthorizationServer } from '../../http/discovery.ts'
import { guardedFetch, type GuardedFetchOptions } from '../../http/guarded-fetch.ts'
import { parseObject } from '../../lib/json.ts'
import { attribute, resolveRuntime, type ResolvedRuntime } from '../../lib/runtime.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { requireWithin, within } from '../../lib/within.ts'
import { isLoopbackHost } from '../../protocol/resource.ts'
import type { Awaitable, Cache, TollgateEvent, TollgateEventType, VerifierRuntime } from '../../types.ts'
import { maxKeys, readKeySet, type VerificationKey } from './jwk.ts'

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
/** For the metadata and the key set together. */
const deadline = 10
/** A cache that is slower is passed over. */
const cacheDeadline = 2

/** A set as it was fetched; what instances share. */
interface Fetched {
  keys: readonly VerificationKey[]
  /** Seconds since the epoch. */
  at: number
  freshUntil: number
  /** The issuer publishes more keys than are read. */
  truncated: boolean
}

/**
 * The key set at an issuer's `jwks_uri`. One fetch for any number of parallel requests; fresh as long as `Cache-Control` says, within bounds.
 *
 * - An unknown `kid` fetches again, at most once in 30 s; meanwhile one that looks like the issuer's is UnavailableError, unless the issuer
 *   was asked for it before. Key ids that do not look like the issuer's have 30 s of their own, so that random ones do not keep us from
 *   finding a new key.
 * - An outage is bridged for 24 h and is UnavailableError from then on. An empty set is an outage. After a failure the next try waits 30 s,
 *   or 1, 2, 4 … 30 s if there is no usable key.
 * - While a set that is still usable is fetched again, it serves everyone but the caller that fetches.
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
  #set: Fetched = { keys: [], at: -Infinity, freshUntil: -Infinity, truncated: false }
  /** Answers of the issuer so far: who sees it grow knows that the issuer was asked. */
  #answers = 0
  #refreshing = -Infinity
  /** Key ids that the issuer does not publish, as it answered. */
  readonly #absent = new Set<string>()
  readonly #searched = { alike: -Infinity, other: -Infinity }
  #failure: UnavailableError | undefined
  #failures = 0
  #retryAt = -Infinity

  constructor(issuer: string, jwksUri: string | undefined, runtime: VerifierRuntime) {
    this.#issuer = issuer
    this.#configuredUri = jwksUri
    this.#cacheKey = `jwks:${issuer}${jwksUri === undefined ? '' : ` ${jwksUri}`}`
    this.#runtime = resolveRuntime(runtime)
    this.#fetch = outgoing(issuer, jwksUri, this.#runtime, runtime.dangerouslyAllowHttp)
    this.#shared = runtime.cache && forgiving(runtime.cache, this.#runtime.failed)
    this.#flights = new SingleFlight(this.#runtime)
  }

  async find(kid: string | undefined, alg: string): Promise<readonly VerificationKey[]> {
    const answers = this.#answers
    await this.#refresh()
    const found = select(this.#set.keys, kid, alg)
    if (found.length > 0 || kid === undefined || this.#has(kid)) return found
    if (this.#answers === answers) await this.#search(kid)
    if (this.#answers > answers && !this.#has(kid)) this.#markAbsent(kid)
    if (this.#set.truncated && !this.#has(kid))
      throw new UnavailableError(`The issuer publishes more than ${maxKeys} keys`)
    return select(this.#set.keys, kid, alg)
  }

  check(key: VerificationKey): Awaitable<void> {
    const refreshing = this.#refresh()
    if (refreshing !== undefined) return refreshing.then(() => assertLive(key))
    assertLive(key)
  }

  /** Undefined if there is nothing to wait for. Rejects if no key is usable. */
  #refresh(): Promise<void> | undefined {
    const now = this.#runtime.clock()
    if (now < this.#set.freshUntil) return undefined
    // For 30 s a refresh is taken to be under way: on Workers it may have ended with its request.
    if (this.#isUsable(now) && now < Math.max(this.#retryAt, this.#refreshing + cooldown)) return undefined
    if (now < this.#retryAt) return Promise.reject(this.#outage())
    this.#refreshing = now
    return this.#flights
      .run('', () => this.#load(undefined))
      .then(() => {
        if (!this.#isUsable(this.#runtime.clock())) throw this.#outage()
      })
  }

  /** Looks for a key id that is not in the set. Rejects if the issuer may not be asked now and the id looks like one of its own. */
  async #search(kid: string): Promise<void> {
    const kind = this.#looksAlike(kid) ? 'alike' : 'other'
    const answers = this.#answers
    // Twice at most: the flight that is joined may look for another key, in the shared cache alone.
    for (let i = 0; i < 2 && this.#answers === answers && !this.#has(kid); i++) {
      const now = this.#runtime.clock()
      if (!this.#flights.isBusy('')) {
        const until = Math.max(this.#retryAt, this.#searched[kind] + cooldown)
        const isAnswered = kind === 'other' || this.#absent.has(kid)
        if (now < until && this.#failure === undefined && isAnswered) return
        if (now < until) throw this.#outage('The key of the token is not known yet', until)
        this.#searched[kind] = now
      }
      await this.#flights.run('', () => this.#load(kid))
    }
    if (this.#failure !== undefined && !this.#has(kid)) throw this.#outage()
  }

  #isUsable(now: number): boolean {
    return now < this.#set.freshUntil + staleIfError
  }

  #outage(message = 'The key set is out of reach', until = this.#retryAt): UnavailableError {
    const retryAfter = Math.max(1, Math.ceil(until - this.#runtime.clock()))
    const outage = new UnavailableError(this.#failure?.message ?? message, { retryAfter })
    return this.#failure === undefined ? outage : attribute(outage, 'key set', this.#failure)
  }

  async #load(wanted: string | undefined): Promise<void> {
    const shared = (await within(cacheDeadline, this.#recall()))?.value
    if (shared !== undefined && shared.at > this.#set.at) this.#adopt(shared)
    const now = this.#runtime.clock()
    if (now < this.#set.freshUntil && (wanted === undefined || this.#has(wanted))) return
    try {
      const fetched = await requireWithin(deadline, this.#request(), 'The key set')
      this.#answers++
      this.#adopt(fetched)
      await this.#share(fetched)
    } catch (error) {
      this.#fail(
        error instanceof UnavailableError
          ? error
          : attribute(new UnavailableError('The key set is out of reach'), 'key set', error),
      )
    }
  }

  #fail(failure: UnavailableError): void {
    const now = this.#runtime.clock()
    const wait = this.#isUsable(now) ? cooldown : Math.min(cooldown, 2 ** this.#failures)
    this.#failure = failure
    this.#failures++
    this.#retryAt = now + wait
    this.#uri = undefined
    this.#event('keys.unavailable', failure.message, { duration: wait })
  }

  #event(type: TollgateEventType, detail: string, more: Partial<TollgateEvent>): void {
    this.#runtime.event({ type, level: 'warning', issuer: this.#issuer, detail, ...more })
  }

  #markAbsent(kid: string): void {
    if (this.#absent.size >= 1000) this.#absent.clear()
    this.#absent.add(kid)
  }

  #has(wanted: string): boolean {
    return this.#set.keys.some(({ kid }) => kid === wanted)
  }

  /** Key ids of one issuer are made alike. This keeps apart what was not even made to look like them. */
  #looksAlike(wanted: string): boolean {
    const own = alphabetOf(wanted)
    return this.#set.keys.some(({ kid }) => kid?.length === wanted.length && alphabetOf(kid) === own)
  }

  async #request(): Promise<Fetched> {
    const uri = (this.#uri ??= this.#configuredUri ?? (await this.#discover()))
    const { status, headers, text } = await guardedFetch(uri, { ...this.#fetch, maxBytes: 262_144 })
    const document = status === 200 ? parseObject(text) : undefined
    const keys = readKeySet(document)
    if (keys === undefined) throw new UnavailableError(`The key set was answered with ${status}`)
    // Nobody could sign in any more, and an issuer that means that says it in another way.
    if (keys.length === 0) throw new UnavailableError('The key set has no usable key')
    const count = (document!['keys'] as unknown[]).length
    const truncated = count > maxKeys
    if (truncated)
      this.#event('keys.truncated', `only the first ${maxKeys} keys of the key set are read`, { count })
    const at = this.#runtime.clock()
    return { keys, at, freshUntil: at + lifetime(headers), truncated }
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
    for (const key of this.#set.keys) {
      if (keys.includes(key)) continue
      key.live = false
      if (key.kid !== undefined) this.#markAbsent(key.kid)
    }
    this.#set = { ...next, keys }
    this.#failure = undefined
    this.#failures = 0
    this.#retryAt = -Infinity
  }

  async #recall(): Promise<Fetched | undefined> {
    const text = await this.#shared?.get(this.#cacheKey)
    const entry = text === undefined ? undefined : parseObject(text)
    const keys = readKeySet(entry) ?? []
    const { at, freshUntil, truncated = false } = entry ?? {}
    if (keys.length === 0 || typeof at !== 'number' || typeof freshUntil !== 'number') return undefined
    // A cache may lie: no entry is from the future or fresh beyond the bounds.
    if (at > this.#runtime.clock() || freshUntil > at + fresh.max) return undefined
    return { keys, at, freshUntil, truncated: truncated === true }
  }

  async #share({ keys, at, freshUntil, truncated }: Fetched): Promise<void> {
    if (this.#shared === undefined) return
    const value = JSON.stringify({ keys: keys.map(({ jwk }) => jwk), at, freshUntil, truncated })
    const written = this.#shared.put(this.#cacheKey, value, {
      ttl: freshUntil - at + staleIfError,
    })
    if (this.#runtime.waitUntil === undefined) await within(cacheDeadline, written)
    else this.#runtime.waitUntil(written)
  }
}

/** Digits, hexadecimal digits, base64 of either kind, or anything. */
const alphabetOf = (kid: string): number =>
  [/^\d+$/, /^[\da-f]+$/i, /^[\w+/=-]+$/].findIndex((alphabet) => alphabet.test(kid))

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
