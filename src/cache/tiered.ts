import { systemClock } from '../lib/clock.ts'
import { cache, func, readOptions, seconds } from '../lib/options.ts'
import type { Clock } from '../types.ts'
import { stamp, unstamp, type Cache, type MarkedCache } from './contract.ts'

export type { MarkedCache } from './contract.ts'

/** Options of {@link tiered}. */
export interface TieredOptions {
  /**
   * The longest that an entry stays in the near cache before the far one is asked again: 0 to 86 400
   * seconds. Default 60.
   */
  nearTtl?: number
  /** Seconds since the epoch. Default: the system's clock. */
  clock?: Clock
}

/**
 * A near cache in front of a far one, for example memory in front of Cloudflare KV. What another instance
 * deleted is still read here for at most `nearTtl`; no entry lives longer than asked.
 *
 * @example
 * const cache = tiered(memoryCache(), cloudflareKv(env.CACHE))
 */
export function tiered(near: Cache, far: Cache, options: TieredOptions = {}): MarkedCache {
  const { nearTtl, clock } = readOptions('tiered', options, {
    nearTtl: seconds({ min: 0, max: 86_400 }).default(60),
    clock: func().default(systemClock),
  })
  cache().required(near, 'near')
  cache().required(far, 'far')
  return {
    kind: 'cache',
    get: async (key) => {
      const now = clock()
      const close = unstamp(await near.get(key), now)
      if (close !== undefined) return close.value
      const text = await far.get(key)
      const found = unstamp(text, now)
      if (found === undefined) return undefined
      await near.put(key, text!, { ttl: Math.min(nearTtl, found.until - now) })
      return found.value
    },
    put: async (key, value, { ttl }) => {
      const text = stamp(value, clock() + ttl)
      await Promise.all([near.put(key, text, { ttl: Math.min(nearTtl, ttl) }), far.put(key, text, { ttl })])
    },
    delete: async (key) => {
      await Promise.all([near.delete(key), far.delete(key)])
    },
  }
}
