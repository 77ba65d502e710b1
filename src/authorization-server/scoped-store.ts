import { UnavailableError } from '../errors.ts'
import { sha256 } from '../lib/hash.ts'
import { attribute } from '../lib/runtime.ts'
import { expiring, type ExpiringStore } from '../store/contract.ts'
import type { Clock, Store } from '../types.ts'

/**
 * The store as one issuer sees it: keys carry a hash of the issuer, so that several issuers on one store share nothing; expired
 * records read as absent; and whatever goes wrong, or takes longer than `patience` milliseconds, is an UnavailableError.
 */
export function scopedStore(store: Store, issuer: string, clock: Clock, patience = 5000): ExpiringStore {
  const inner = expiring(store, clock)
  let hash: Promise<string> | undefined
  const keyOf = async (key: string): Promise<string> =>
    `${(await (hash ??= sha256(issuer, 'issuer'))).slice(0, 12)}-${key}`
  const available = async <T>(where: string, work: (key: string) => Promise<T>, key: string): Promise<T> => {
    const full = await keyOf(key)
    let timer: ReturnType<typeof setTimeout> | undefined
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new UnavailableError('The store takes too long')), patience)
    })
    try {
      return await Promise.race([work(full), tooLong])
    } catch (cause) {
      throw attribute(new UnavailableError('The store is out of reach', { cause }), where, cause)
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    clock,
    get: (key) => available('store.get', (full) => inner.get(full), key),
    put: (key, value, options) => available('store.put', (full) => inner.put(full, value, options), key),
    delete: (key, options) => available('store.delete', (full) => inner.delete(full, options), key),
  }
}
