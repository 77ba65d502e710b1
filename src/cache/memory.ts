import { Lru } from '../lib/lru.ts'
import type { Clock } from '../types.ts'
import type { MarkedCache } from './contract.ts'

/** Options of {@link memoryCache}. */
export interface MemoryCacheOptions {
  /** The most entries; above it the one unused for longest goes. Default 1000. */
  size?: number
  /** Seconds since the epoch. Default: the system's clock. */
  clock?: Clock
}

/** A bounded cache in this process's memory. */
export function memoryCache(options: MemoryCacheOptions = {}): MarkedCache {
  const { size = 1000, clock = () => Date.now() / 1000 } = options
  const entries = new Lru<{ value: string; until: number }>(size)
  return {
    kind: 'cache',
    get: async (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      if (entry.until > clock()) return entry.value
      entries.delete(key)
      return undefined
    },
    put: async (key, value, { ttl }) => {
      entries.set(key, { value, until: clock() + ttl })
    },
    delete: async (key) => {
      entries.delete(key)
    },
  }
}
