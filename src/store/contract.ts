import { ConfigurationError } from '../errors.ts'
import type { Awaitable, Clock, Store, StoreRecord } from '../types.ts'

export type { Store, StoreRecord } from '../types.ts'

/** A store whose expired records read as absent. Made by {@link expiring}. */
export interface ExpiringStore extends Store {
  /** The clock that decides what has expired. */
  readonly clock: Clock
}

/** A store that does not collect its expired records by itself. */
export interface SweptStore extends Store {
  /**
   * Deletes records that expired more than an hour before `now` (seconds since the epoch), at most 1000 at
   * a time, and returns how many. Housekeeping only: an expired record reads as absent whether or not it is
   * still there.
   */
  sweep(now: number): Promise<number>
}

/**
 * Seconds after which an expired record is collected. Clocks of machines differ, and the caller's clock
 * decides what has expired.
 */
export const garbageMargin = 3600
/** How many records one sweep deletes. */
export const sweepLimit = 1000

const keyAlphabet = /^[A-Za-z0-9:_-]{1,200}$/
const maxValueBytes = 60_000
// PostgreSQL stores no U+0000, and a lone surrogate cannot be written as UTF-8.
const unstorable = /[\0\p{Surrogate}]/u
const busyAttempts = 100
const encoder = new TextEncoder()

/**
 * Applies expiry: an expired record reads as absent, and `ifVersion: null` over one becomes a write against
 * its version.
 *
 * @throws ConfigurationError if the store is not one, for example a cache, which could let two racers win.
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

/** Puts the checks of keys, values and options in front of a driver, and marks it as a store. */
export function checked<T extends Store>(driver: T): T & { readonly kind: 'store' } {
  return {
    ...driver,
    // Refused at construction if it is passed as a cache.
    kind: 'store',
    get: async (key: string) => driver.get(checkKey(key)),
    put: async (key: string, value: string, options: Parameters<Store['put']>[2]) => {
      checkKey(key)
      checkValue(value)
      checkVersion(options.ifVersion, null)
      if (!Number.isFinite(options.expiresAt ?? 0))
        throw new TypeError('expiresAt is a number of seconds since the epoch')
      return driver.put(key, value, options)
    },
    delete: async (key: string, options?: Parameters<Store['delete']>[1]) => {
      checkVersion(options?.ifVersion, undefined)
      return driver.delete(checkKey(key), options)
    },
  }
}

/** Throws a TypeError unless the key is 1 to 200 characters of `[A-Za-z0-9:_-]`. */
export function checkKey(key: string): string {
  // The key is not quoted: it may come from outside.
  if (typeof key !== 'string' || !keyAlphabet.test(key))
    throw new TypeError('A store key has 1 to 200 characters of A-Z a-z 0-9 : _ -')
  return key
}

/** Throws a RangeError above 60 000 bytes of UTF-8, a TypeError for what is not well-formed text. */
export function checkValue(value: string): void {
  if (typeof value !== 'string' || unstorable.test(value))
    throw new TypeError('A store value is well-formed text without U+0000')
  if (value.length > maxValueBytes || encoder.encode(value).length > maxValueBytes)
    throw new RangeError(`A store value has at most ${maxValueBytes} bytes of UTF-8; this one has more`)
}

function checkVersion(version: unknown, none: null | undefined): void {
  if (version !== none && (typeof version !== 'string' || version === ''))
    throw new TypeError('ifVersion is a version that this store gave, or null for "no record"')
}

/**
 * The version of a record: 96 random bits, so that none is used twice for a key, even after delete and
 * recreate.
 */
export const newVersion = (): string => crypto.getRandomValues(new Uint32Array(3)).join('-')

/** What lies together: the key up to its first colon. */
export const partitionOf = (key: string): string => key.split(':', 1)[0]!

/** A record as a driver hands it out. */
export const recordOf = (value: string, version: string, expiresAt?: number | null): StoreRecord =>
  expiresAt === undefined || expiresAt === null ? { value, version } : { value, version, expiresAt }

/**
 * Seconds from now after which the platform may collect a record: relative, so that an injected clock that
 * differs from the platform's cannot make live records vanish; with a margin. `undefined`: never.
 */
export function collectAfter(expiresAt: number | undefined, clock: Clock): number | undefined {
  if (expiresAt === undefined) return undefined
  const ttl = Math.max(0, expiresAt - clock()) + garbageMargin
  return ttl < 1e9 ? ttl : undefined
}

/**
 * Tries again while the backend answers "busy", which means that nothing happened; up to some five seconds.
 */
export async function whileBusy<T>(
  work: () => Awaitable<T>,
  isBusy: (error: unknown) => boolean,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === busyAttempts || !isBusy(error)) throw error
    }
    const jitter = crypto.getRandomValues(new Uint8Array(1))[0]! / 256
    await new Promise((resolve) => setTimeout(resolve, Math.min(2 ** attempt, 50) * (0.5 + jitter)))
  }
}

/**
 * Checks what a driver is made from: the database's client, by the methods that are called, and the
 * driver's options, by their types. By hand, because the tables of lib/options.ts would be half of a
 * driver.
 */
export function checkDriver(
  [name, client, what]: readonly [name: string, client: unknown, what: string],
  methods: readonly string[],
  options: object = {},
  types: Readonly<Record<string, 'string' | 'function'>> = {},
): void {
  if (!methods.every((method) => typeof Object(client)[method] === 'function'))
    throw wrong(name, what, client)
  for (const [option, value] of Object.entries(options)) {
    const type = types[option]
    if (type === undefined)
      throw new ConfigurationError(
        option,
        `is not an option; the options are ${Object.keys(types).join(', ')}`,
      )
    if (value !== undefined && typeof value !== type) throw wrong(option, `a ${type}`, value)
  }
}

const wrong = (name: string, what: string, value: unknown): ConfigurationError =>
  new ConfigurationError(
    name,
    `must be ${what}; ${value === undefined ? 'it is required' : `got ${value instanceof Promise ? 'a promise: await it' : typeof value}`}`,
  )

function requireStore(store: Store): void {
  checkDriver(['store', store, 'a store with get, put and delete'], ['get', 'put', 'delete'])
  // In TypeScript neither compiles. A bare KV namespace has `getWithMetadata`.
  const { kind, getWithMetadata } = store as { kind?: unknown; getWithMetadata?: unknown }
  if (kind === 'cache' || getWithMetadata !== undefined)
    throw new ConfigurationError(
      'store',
      'must be a store, for example durableObject(namespace); got a cache. A cache cannot hold codes and grants: two racers could both win',
    )
}
