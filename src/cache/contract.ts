import type { Cache } from '../types.ts'

export type { Cache } from '../types.ts'

/** A cache that says so at run time: where a store is asked for, it is refused at construction. */
export interface MarkedCache extends Cache {
  readonly kind: 'cache'
}

/** A cache out of order is a cache without entries: every failure reads as a miss, and a write is lost. */
export function forgiving(cache: Cache): MarkedCache {
  const ignore = (): undefined => undefined
  return {
    kind: 'cache',
    get: async (key) => attempt(() => cache.get(key)),
    put: async (key, value, options) => attempt(() => cache.put(key, value, options)).then(ignore),
    delete: async (key) => attempt(() => cache.delete(key)).then(ignore),
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch {
    return undefined
  }
}
