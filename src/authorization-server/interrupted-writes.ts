import { Lru } from '../lib/lru.ts'
import type { Clock } from '../types.ts'

/**
 * The writes of calls that ended in 503, by the hash of the code or refresh token that the client presented.
 * A store that stalls may carry out such a write after the answer. By this record the instance recognises the
 * retry, instead of taking it for a replay.
 */
export interface InterruptedWrites {
  /** What was tried: several calls may have ended in 503. */
  find(presented: string): readonly string[]
  /** Whether there was something to remove: of several parallel calls, one gets true. */
  remove(presented: string): boolean
  add(presented: string, tried: string): void
}

/** Seconds for which a retry is expected. */
const retryWindow = 600
/** Writes that are kept for one code or refresh token. */
const maxWrites = 10

export function createInterruptedWrites(clock: Clock): InterruptedWrites {
  const kept = new Lru<{ tried: readonly string[]; until: number }>(1000)
  const find = (presented: string): readonly string[] => {
    const found = kept.get(presented)
    return found !== undefined && found.until > clock() ? found.tried : []
  }
  return {
    find,
    remove: (presented) => kept.delete(presented),
    add: (presented, tried) =>
      kept.set(presented, {
        tried: [...find(presented), tried].slice(-maxWrites),
        until: clock() + retryWindow,
      }),
  }
}
