import { UnavailableError } from '../errors.ts'
import { sha256 } from '../lib/hash.ts'
import { attribute, type ResolvedRuntime } from '../lib/runtime.ts'
import { expiring, type ExpiringStore } from '../store/contract.ts'
import type { Store, TollgateEvent } from '../types.ts'

/** The store as one issuer sees it. */
export interface RecordStore extends ExpiringStore {
  /** Reports a record that cannot be read: its kind and what identifies it, without its content. */
  reportDamage(
    kind: string,
    about: Pick<TollgateEvent, 'grantId' | 'subject' | 'clientId' | 'received'>,
  ): void
}

/**
 * The store of one issuer. Keys begin with a hash of the issuer, so that several issuers on one store share
 * no record. Expired records read as absent. Every failure, and a call of more than `timeout` milliseconds,
 * is an UnavailableError.
 */
export function scopedStore(
  store: Store,
  issuer: string,
  { clock, event }: Pick<ResolvedRuntime, 'clock' | 'event'>,
  timeout = 5000,
): RecordStore {
  const inner = expiring(store, clock)
  let hash: Promise<string> | undefined
  const keyOf = async (key: string): Promise<string> =>
    `${(await (hash ??= sha256(issuer, 'issuer'))).slice(0, 12)}-${key}`
  const available = async <T>(where: string, work: (key: string) => Promise<T>, key: string): Promise<T> => {
    const full = await keyOf(key)
    let timer: ReturnType<typeof setTimeout> | undefined
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new UnavailableError('The store takes too long')), timeout)
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
    reportDamage: (kind, about) =>
      event({ type: 'record.damaged', level: 'alert', issuer, detail: kind, ...about }),
    get: (key) => available('store.get', (full) => inner.get(full), key),
    put: (key, value, options) => available('store.put', (full) => inner.put(full, value, options), key),
    delete: (key, options) => available('store.delete', (full) => inner.delete(full, options), key),
  }
}
