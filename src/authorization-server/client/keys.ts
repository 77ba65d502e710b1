import { parseObject } from '../../lib/json.ts'
import { Lru } from '../../lib/lru.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import type { ClientJwk, ClientKeys } from '../context.ts'
import { freshness } from './documents-freshness.ts'
import { DocumentUnavailableError, type ClientFetch } from './fetch.ts'

/**
 * The keys that may have signed an assertion with this `kid`. Rejects with DocumentUnavailableError if the
 * key set cannot be fetched now.
 */
export type FindClientKeys = (keys: ClientKeys, kid: string | undefined) => Promise<readonly ClientJwk[]>

const maxBytes = 65_536
/**
 * Seconds: the least and the most that a set is fresh; between two fetches; and for which a stale set is used
 * during an outage.
 */
const fresh = { min: 60, max: 3600 }
const cooldown = 30
const staleIfError = 86_400

interface Held {
  readonly keys: readonly ClientJwk[]
  readonly freshUntil: number
  readonly triedAt: number
}

const nothing: Held = { keys: [], freshUntil: -Infinity, triedAt: -Infinity }

/**
 * Key sets of clients, in this process's memory only. Cache poisoning: an attacker that can write to a shared
 * cache must not choose a client's keys. An unknown `kid` fetches the set again, at most once in 30 s. During
 * an outage the last set is used for 24 h.
 */
export function createClientKeys(fetch: ClientFetch, runtime: ResolvedRuntime): FindClientKeys {
  const { clock } = runtime
  const sets = new Lru<Held>(1000)
  const flights = new SingleFlight<void>(runtime)

  const load = async (uri: string): Promise<void> => {
    const before = sets.peek(uri) ?? nothing
    const triedAt = clock()
    try {
      const { status, headers, text } = await fetch(uri, { known: before.keys.length > 0, maxBytes })
      const keys = status === 200 ? parseObject(text)?.['keys'] : undefined
      // An empty set with status 200 is an outage: it says nothing about the client.
      if (!Array.isArray(keys) || keys.length === 0)
        throw new DocumentUnavailableError(`The key set was answered with ${status}`)
      const lifetime = Math.min(Math.max(freshness(headers), fresh.min), fresh.max)
      sets.set(uri, { keys: keys.slice(0, 100).filter(isJwk), freshUntil: triedAt + lifetime, triedAt })
    } catch (error) {
      if (!(error instanceof DocumentUnavailableError)) throw error
      sets.set(uri, { ...before, triedAt })
      runtime.event({ type: 'keys.unavailable', level: 'warning', detail: `${uri}: ${error.reason}` })
    }
  }

  const remote = async (uri: string, kid: string | undefined): Promise<readonly ClientJwk[]> => {
    const has = ({ keys }: Held): boolean => kid === undefined || keys.some((key) => key['kid'] === kid)
    let set = sets.get(uri) ?? nothing
    if (clock() < set.freshUntil && has(set)) return set.keys
    const mayAsk = clock() >= set.triedAt + cooldown
    if (mayAsk) {
      await flights.run(uri, () => load(uri))
      set = sets.get(uri) ?? nothing
      if (clock() < set.freshUntil) return set.keys
    }
    if (clock() < set.freshUntil + staleIfError && has(set)) return set.keys
    // The next fetch may have the key, so the assertion is not called wrong.
    throw new DocumentUnavailableError('The key set cannot be had now')
  }

  return async ({ from }, kid) => {
    const keys = typeof from === 'string' ? await remote(from, kid) : from
    // Without a `kid` several keys may fit. Denial of service: no more than a few are tried.
    return keys.filter((key) => kid === undefined || key['kid'] === kid).slice(0, 4)
  }
}

const isJwk = (value: unknown): value is ClientJwk => typeof value === 'object' && value !== null
