import { systemClock } from '../lib/clock.ts'
import { DurableObject } from 'cloudflare:workers'
import type { Clock, Store, StoreRecord } from '../types.ts'
import { checked, collectAfter, partitionOf, recordOf, checkDriver, newVersion } from './contract.ts'

/**
 * The binding of a namespace whose class is {@link TollgateStore}; `env.TOLLGATE.jurisdiction('eu')` is one
 * too.
 */
export interface DurableObjectNamespaceLike {
  getByName(name: string): unknown
}

/** Options of {@link durableObject}. */
export interface DurableObjectOptions {
  /** Seconds since the epoch, only for the time to live. Default: the system's clock. */
  clock?: Clock
}

/**
 * A store in Cloudflare Durable Objects: one object for each partition, so a user's grant lies near the
 * user and no object is busy with others.
 *
 * @example
 * const store = durableObject(env.TOLLGATE)
 */
export function durableObject(
  namespace: DurableObjectNamespaceLike,
  options: DurableObjectOptions = {},
): Store {
  checkDriver(
    ['namespace', namespace, 'a Durable Object binding, for example env.TOLLGATE'],
    ['getByName'],
    options,
    { clock: 'function' },
  )
  const { clock = systemClock } = options
  // One for each call: a stub belongs to the request that made it.
  const stub = (key: string): Stub => namespace.getByName(partitionOf(key)) as Stub

  return checked<Store>({
    get: async (key) => {
      const record = await stub(key).get(key)
      return record && recordOf(record.value, record.version, record.expiresAt)
    },
    put: async (key, value, { ifVersion, expiresAt }) =>
      stub(key).put(key, recordOf(value, newVersion(), expiresAt), ifVersion, collectAfter(expiresAt, clock)),
    delete: async (key, { ifVersion } = {}) => stub(key).delete(key, ifVersion),
  })
}

type Stub = Pick<TollgateStore, 'get' | 'put' | 'delete'>

interface Held extends StoreRecord {
  /** Milliseconds since the epoch, by this object's clock. */
  collectAt?: number
}

/** What is used of a Durable Object's storage. */
interface Storage {
  kv: {
    get<T>(key: string): T | undefined
    put<T>(key: string, value: T): void
    delete(key: string): boolean
    list<T>(): Iterable<[string, T]>
  }
  getAlarm(): Promise<number | null>
  setAlarm(milliseconds: number): Promise<void>
  deleteAll(): Promise<void>
}

/**
 * The class of the objects. The Worker exports it: `export { TollgateStore } from
 * 'tollgate/store/durable-object'`.
 */
export class TollgateStore extends DurableObject {
  /** Read this way, the class compiles without Cloudflare's types, too: Deno and JSR have none. */
  get #storage(): Storage {
    return (this as unknown as { ctx: { storage: Storage } }).ctx.storage
  }

  async get(key: string): Promise<StoreRecord | undefined> {
    return this.#storage.kv.get<Held>(key)
  }

  /** Between the read and the write nothing is awaited, so no other call comes in between. */
  async put(
    key: string,
    record: StoreRecord,
    ifVersion: string | null,
    ttl: number | undefined,
  ): Promise<string | undefined> {
    const { kv } = this.#storage
    if ((kv.get<Held>(key)?.version ?? null) !== ifVersion) return undefined
    if (ttl === undefined) kv.put<Held>(key, record)
    else {
      const collectAt = Math.ceil(Date.now() + ttl * 1000)
      kv.put<Held>(key, { ...record, collectAt })
      await this.#wakeAt(collectAt)
    }
    return record.version
  }

  async delete(key: string, ifVersion: string | undefined): Promise<boolean> {
    const { kv } = this.#storage
    // Asked first, because deleting nothing would already make a database.
    const version = kv.get<Held>(key)?.version
    return version !== undefined && (ifVersion ?? version) === version && kv.delete(key)
  }

  /** Collects what is long expired. An object without records takes no space. */
  async alarm(): Promise<void> {
    const { kv } = this.#storage
    const records = [...kv.list<Held>()]
    const isGarbage = ({ collectAt }: Held): boolean => collectAt !== undefined && collectAt <= Date.now()
    const kept = records.filter(([, record]) => !isGarbage(record))
    if (kept.length === 0) return this.#storage.deleteAll()
    for (const [key, record] of records) if (isGarbage(record)) kv.delete(key)
    const next = Math.min(...kept.map(([, { collectAt }]) => collectAt ?? Infinity))
    if (next < Infinity) await this.#wakeAt(next)
  }

  async #wakeAt(milliseconds: number): Promise<void> {
    const alarm = await this.#storage.getAlarm()
    if (alarm === null || alarm > milliseconds) await this.#storage.setAlarm(milliseconds)
  }
}
