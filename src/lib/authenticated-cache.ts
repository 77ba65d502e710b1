import type { Cache } from '../types.ts'
import type { Sealer } from './sealer.ts'

/**
 * A cache in which only the holders of the secret can put an entry (cache poisoning): each entry is sealed,
 * and bound to its key and to its owner, for example an issuer. Whatever does not open reads as absent.
 * Someone who can write to the cache can still bring an older entry back, so an entry says itself until
 * when it counts.
 */
export function authenticatedCache(cache: Cache, sealer: Sealer, owner: string): Cache {
  const contextOf = (key: string): string => JSON.stringify([owner, key])
  return {
    async get(key) {
      const sealed = await cache.get(key)
      return sealed === undefined ? undefined : sealer.open('cache', contextOf(key), sealed)
    },
    async put(key, value, options) {
      await cache.put(key, await sealer.seal('cache', contextOf(key), value), options)
    },
    delete: (key) => cache.delete(key),
  }
}
