import { Lru } from '../lib/lru.ts'
import type { Clock } from '../types.ts'

/**
 * What calls that ended in 503 had tried to write, by the hash of the code or refresh token that they presented. A store that
 * stalls may carry out such a write after the answer; then this instance recognises the retry instead of taking it for a replay.
 */
export interface Unanswered {
  /** What was tried: several calls may have ended in 503. */
  get(presented: string): readonly string[]
  /** Whether it was there: of several, one gets true. */
  forget(presented: string): boolean
  keep(presented: string, tried: string): void
}

/** Seconds for which a retry is expected. */
const patience = 600

/** Calls that are remembered for one code or refresh token. */
const calls = 10

export function createUnanswered(clock: Clock): Unanswered {
  const kept = new Lru<{ tried: readonly string[]; until: number }>(1000)
  const get = (presented: string): readonly string[] => {
    const found = kept.get(presented)
    return found !== undefined && found.until > clock() ? found.tried : []
  }
  return {
    get,
    forget: (presented) => kept.delete(presented),
    keep(presented, tried) {
      kept.set(presented, { tried: [...get(presented), tried].slice(-calls), until: clock() + patience })
    },
  }
}
