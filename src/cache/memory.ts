import { systemClock } from '../lib/clock.ts'
import { Lru } from '../lib/lru.ts'
import { func, integer, readOptions } from '../lib/options.ts'
import type { Clock } from '../types.ts'
import type { MarkedCache, Stamped } from './contract.ts'

export type { MarkedCache } from './contract.ts'

/** Options of {@link memoryCache}. */
export interface MemoryCacheOptions {
  /** The most entries (1 to 10 000 000); above it the one unused for longest goes. Default 1000. */
  size?: number
  /** Seconds since the epoch. Default: the system's clock. */
  clock?: Clock
}

/** A bounded cache in this process's memory. */
export function memoryCache(options: MemoryCacheOptions = {}): MarkedCache {
  const { size, clock } = readOptions('memoryCache', options, {
    size: integer({ min: 1, max: 10_000_000 }).default(1000),
    clock: func().default(systemClock),
  })
  const entries = new Lru<Stamped>(size)
  return {
    kind: 'cache',
    get: async (key) => {
      const entry = entries.get(key)
      if (entry === undefined || entry.until > clock()) return entry?.value
      entries.delete(key)
      return undefined
    },
    put: async (key, value, { ttl }) => {
      if (ttl > 0) entries.set(key, { value, until: clock() + ttl })
      else entries.delete(key)
    },
    delete: async (key) => {
      entries.delete(key)
    },
  }
}
