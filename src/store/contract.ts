import { ConfigurationError } from '../errors.ts'
import type { Clock, Store, StoreRecord } from '../types.ts'

export type { Store, StoreRecord } from '../types.ts'

/** A store whose expired records read as absent. Made by {@link expiring}. */
export interface ExpiringStore extends Store {
  /** The one clock that judges. */
  readonly clock: Clock
}

/** A store that does not collect its expired records by itself. */
export interface SweptStore extends Store {
  /**
   * Deletes records that expired more than 60 s before `now` (seconds since the epoch), at most 1000 at a time, and
   * tells how many. Housekeeping only: an expired record reads as absent whether or not it is still there.
   */
  sweep(now: number): Promise<number>
}

/** Clocks of several machines differ; nothing that one of them still takes for live is collected. Seconds. */
export const garbageMargin = 60
/** How many records one sweep deletes. */
export const sweepLimit = 1000

const keyAlphabet = /^[A-Za-z0-9:_-]{1,200}$/
const maxValueBytes = 60_000
// PostgreSQL stores no U+0000, and a surrogate without its half has no UTF-8.
const unstorable = /[\0\p{Surrogate}]/u
const encoder = new TextEncoder()

/**
 * Judges time: an expired record reads as absent, and `ifVersion: null` over one becomes a write against its version.
 *
 * @throws ConfigurationError where the store is none, for example a cache, which could let two racers win.
 */
export function expiring(store: Store, clock: Clock): ExpiringStore {
  requireStore(store)
  const expired = ({ expiresAt }: StoreRecord): boolean => expiresAt !== undefined && expiresAt <= clock()
  return {
    clock,
    get: async (key) => {
      const record = await store.get(key)
      return record === undefined || expired(record) ? undefined : record
    },
    put: async (key, value, options) => {
      const version = await store.put(key, value, options)
      if (version !== undefined || options.ifVersion !== null) return version
      const record = await store.get(key)
      if (record !== undefined && !expired(record)) return undefined
      // Expired, or collected between the write and the read.
      return store.put(key, value, { ...options, ifVersion: record?.version ?? null })
    },
    delete: (key, options) => store.delete(key, options),
  }
}

/** Puts the checks of keys and values in front of a driver. */
export function checked<T extends Store>(driver: T): T {
  return {
    ...driver,
    get: async (key: string) => {
      checkKey(key)
      return driver.get(key)
    },
    put: async (key: string, value: string, options: Parameters<Store['put']>[2]) => {
      checkKey(key)
      checkValue(value)
      checkExpiry(options.expiresAt)
      return driver.put(key, value, options)
    },
    delete: async (key: string, options?: Parameters<Store['delete']>[1]) => {
      checkKey(key)
      return driver.delete(key, options)
    },
  }
}

/** Throws a TypeError unless the key is 1 to 200 characters of `[A-Za-z0-9:_-]`. */
export function checkKey(key: string): void {
  // The key is not quoted: it may come from outside.
  if (typeof key !== 'string' || !keyAlphabet.test(key))
    throw new TypeError('A store key has 1 to 200 characters of A-Z a-z 0-9 : _ -')
}

/** Throws a RangeError above 60 000 bytes of UTF-8, a TypeError for what is not well-formed text. */
export function checkValue(value: string): void {
  if (typeof value !== 'string' || unstorable.test(value))
    throw new TypeError('A store value is well-formed text without U+0000')
  const bytes = value.length > maxValueBytes ? value.length : encoder.encode(value).length
  if (bytes > maxValueBytes)
    throw new RangeError(`A store value has at most ${maxValueBytes} bytes of UTF-8; this one has more`)
}

function checkExpiry(expiresAt: number | undefined): void {
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    throw new TypeError('expiresAt is a number of seconds since the epoch')
}

/** What lies together: the key up to its first colon. */
export const partitionOf = (key: string): string => key.split(':', 1)[0]!

/** 96 random bits: never used twice for a key, also not after delete and recreate. */
export const newVersion = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(3)), (word) => word.toString(36)).join('-')

function requireStore(store: Store): void {
  const given = store as Partial<Record<string, unknown>> | null | undefined
  const methods = ['get', 'put', 'delete'].every((name) => typeof given?.[name] === 'function')
  if (!methods) throw new ConfigurationError('store', 'needs an object with get, put and delete')
  // In TypeScript neither compiles; `getWithMetadata` is how a bare KV namespace looks.
  if (given?.['kind'] === 'cache' || typeof given?.['getWithMetadata'] === 'function')
    throw new ConfigurationError(
      'store',
      'a cache cannot hold codes and grants, because two racers could both win; use a store, for example durableObject(namespace)',
    )
}
