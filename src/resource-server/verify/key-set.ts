import { InvalidTokenError, isUnavailableError, UnavailableError } from '../../errors.ts'
import { attribute, resolveRuntime, type ResolvedRuntime } from '../../lib/runtime.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import { requireWithin } from '../../lib/within.ts'
import type { Awaitable, TollgateEvent, TollgateEventType, VerifierRuntime } from '../../types.ts'
import { maxKeys, type VerificationKey } from './jwk.ts'
import { KeySetCache, type KnownKeySet } from './key-set-cache.ts'
import { KeySetRequest } from './key-set-request.ts'

/** Where the keys of an issuer come from. */
export interface KeySet {
  /** The keys that may have signed this. Rejects with UnavailableError if the set is out of reach. */
  find(kid: string | undefined, alg: string): Awaitable<readonly VerificationKey[]>
  /** Throws if the key has left the set (liveness). Undefined: keys never leave this set. */
  check?(key: VerificationKey): Awaitable<void>
  /** Rejects with UnavailableError if no key is usable. Undefined: the keys are always there. */
  ready?(): Awaitable<void>
}

/** Keys that the configuration holds. */
export function localKeySet(keys: readonly VerificationKey[]): KeySet {
  return { find: (kid, alg) => select(keys, kid, alg) }
}

/** For how many seconds a key set is not fetched again for an unknown `kid` or after a failure. */
const cooldown = 30
/** For how many seconds an outdated key set bridges an outage of the issuer. */
const staleIfError = 86_400
/** For the metadata and the key set together, in seconds. */
const deadline = 10

/**
 * The key set (JWKS) at an issuer's `jwks_uri`: when it is fetched, and what it may be used for meanwhile.
 * One fetch for any number of parallel requests.
 *
 * - Freshness: as long as `Cache-Control` says, within bounds (`key-set-request.ts`). While a set that is
 *   still usable is fetched again, it serves all callers but the one that fetches.
 * - Cooldown: an unknown `kid` fetches again, at most once in 30 s. Meanwhile a `kid` that looks like the
 *   issuer's is UnavailableError, unless the issuer was asked for it before. Other `kid`s have 30 s of their
 *   own, so that random ones do not keep us from finding a new key. After a failure the next try waits 30 s,
 *   or 1, 2, 4 … 30 s if there is no usable key.
 * - stale-if-error: an outage is bridged for 24 h and is UnavailableError from then on. An empty set is an
 *   outage.
 * - Liveness: a token that was verified stays valid only as long as the set has its key.
 */
export class RemoteKeySet implements KeySet {
  readonly #issuer: string
  readonly #runtime: ResolvedRuntime
  readonly #request: KeySetRequest
  readonly #cache: KeySetCache
  readonly #flights: SingleFlight<void>
  #set: KnownKeySet = { keys: [], at: -Infinity, freshUntil: -Infinity, truncated: false }
  /** How often the issuer has answered: a caller that sees it grow knows that the issuer was asked. */
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
    this.#runtime = resolveRuntime(runtime)
    this.#request = new KeySetRequest(issuer, jwksUri, this.#runtime, runtime.dangerouslyAllowHttp)
    this.#cache = new KeySetCache(runtime.cache, issuer, jwksUri, this.#runtime)
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

  ready(): Awaitable<void> {
    return this.#refresh()
  }

  /** Undefined if there is nothing to wait for. Rejects if no key is usable. */
  #refresh(): Promise<void> | undefined {
    const now = this.#runtime.clock()
    // JWKS freshness decides here.
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

  /**
   * Looks for a key id that is not in the set. Rejects if the issuer may not be asked now and the id looks
   * like one of its own.
   */
  async #search(kid: string): Promise<void> {
    const kind = this.#looksAlike(kid) ? 'alike' : 'other'
    const answers = this.#answers
    // Twice at most: the flight that is joined may look for another key, and only in the shared cache.
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
    const shared = await this.#cache.read()
    if (shared !== undefined && shared.at > this.#set.at) this.#adopt(shared)
    const now = this.#runtime.clock()
    if (now < this.#set.freshUntil && (wanted === undefined || this.#has(wanted))) return
    try {
      const fetched = await requireWithin(deadline, this.#fetch(), 'The key set')
      this.#answers++
      this.#adopt(fetched)
      await this.#cache.write(fetched, fetched.freshUntil - fetched.at + staleIfError)
    } catch (error) {
      this.#fail(
        isUnavailableError(error)
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

  async #fetch(): Promise<KnownKeySet> {
    const { keys, lifetime, count } = await this.#request.send()
    const truncated = count > maxKeys
    if (truncated)
      this.#event('keys.truncated', `only the first ${maxKeys} keys of the key set are read`, { count })
    const at = this.#runtime.clock()
    return { keys, at, freshUntil: at + lifetime, truncated }
  }

  /** Keys that stay are the same objects, so that what they verified stays verified; the others die. */
  #adopt(next: KnownKeySet): void {
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
}

/** Digits, hexadecimal digits, base64 of either kind, or anything. */
const alphabetOf = (kid: string): number =>
  [/^\d+$/, /^[\da-f]+$/i, /^[\w+/=-]+$/].findIndex((alphabet) => alphabet.test(kid))

function select(
  keys: readonly VerificationKey[],
  kid: string | undefined,
  alg: string,
): readonly VerificationKey[] {
  // Without a kid several keys may fit; more than a handful would be a gift to an attacker who wants us to
  // compute (denial of service).
  return keys.filter((key) => (kid === undefined || key.kid === kid) && key.fits(alg)).slice(0, 4)
}

function assertLive(key: VerificationKey): void {
  if (!key.live) throw new InvalidTokenError('The key of the token was withdrawn')
}
