import { systemClock } from '../lib/clock.ts'
import { func, methods, readOptions } from '../lib/options.ts'
import type { Clock } from '../types.ts'
import { stamp, unstamp, type MarkedCache } from './contract.ts'

export type { MarkedCache } from './contract.ts'

/** Cloudflare's KV binding, as far as this cache uses it. */
export interface KvNamespaceLike {
  get(key: string): Promise<string | null>
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>
  delete(key: string): Promise<void>
}

/** Options of {@link cloudflareKv}. */
export interface CloudflareKvOptions {
  /** Seconds since the epoch. Default: the system's clock. */
  clock?: Clock
}

/** KV refuses a shorter time to live, in seconds. */
const floor = 60

/**
 * A cache in Cloudflare KV, shared by every location. KV is eventually consistent: what was written or
 * deleted elsewhere may be seen a minute later. No store can be made of it. An entry never lives longer
 * than asked, although KV keeps everything for at least 60 s.
 *
 * @example
 * const cache = cloudflareKv(env.CACHE)
 */
export function cloudflareKv(namespace: KvNamespaceLike, options: CloudflareKvOptions = {}): MarkedCache {
  methods(['get', 'put', 'delete'], 'a KV binding, for example env.CACHE').required(namespace, 'namespace')
  const { clock } = readOptions('cloudflareKv', options, { clock: func().default(systemClock) })
  return {
    kind: 'cache',
    get: async (key) => unstamp(await namespace.get(key), clock())?.value,
    put: async (key, value, { ttl }) => {
      if (!(ttl > 0)) return namespace.delete(key)
      const expirationTtl = Math.max(floor, Math.ceil(ttl))
      await namespace.put(key, stamp(value, clock() + ttl), { expirationTtl })
    },
    delete: (key) => namespace.delete(key),
  }
}
