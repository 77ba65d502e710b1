import { systemClock } from '../lib/clock.ts'
import type { Clock, Store } from '../types.ts'
import { checked, collectAfter, recordOf, checkDriver, whileBusy } from './contract.ts'

/** `Deno.Kv`, as far as this driver uses it. */
export interface DenoKvLike {
  get(key: string[]): Promise<{ value: unknown; versionstamp: string | null }>
  atomic(): DenoKvAtomic
}

/** One conditional write of {@link DenoKvLike}. */
export interface DenoKvAtomic {
  check(check: { key: string[]; versionstamp: string | null }): DenoKvAtomic
  set(key: string[], value: unknown, options?: { expireIn?: number }): DenoKvAtomic
  delete(key: string[]): DenoKvAtomic
  commit(): Promise<{ ok: true; versionstamp: string } | { ok: false }>
}

/** Options of {@link denoKv}. */
export interface DenoKvOptions {
  /** First part of every key. Default `tollgate`. */
  prefix?: string
  /** Seconds since the epoch, only for the time to live. Default: the system's clock. */
  clock?: Clock
}

/**
 * A store in Deno KV, on Deno Deploy or in a local file. A record's version is its versionstamp, which the
 * whole database shares and never repeats.
 *
 * @example
 * const store = denoKv(await Deno.openKv())
 */
export function denoKv(kv: DenoKvLike, options: DenoKvOptions = {}): Store {
  checkDriver(['kv', kv, 'an opened Deno KV'], ['get', 'atomic'], options, {
    prefix: 'string',
    clock: 'function',
  })
  const { prefix = 'tollgate', clock = systemClock } = options

  return checked<Store>({
    get: async (key) => {
      const { value, versionstamp } = await whileBusy(() => kv.get([prefix, key]), isBusy)
      if (versionstamp === null) return undefined
      const { bytes, expiresAt } = value as Stored
      return recordOf(decoder.decode(bytes), versionstamp, expiresAt)
    },
    put: async (name, value, { ifVersion, expiresAt }) => {
      const key = [prefix, name]
      const versionstamp = ifVersion === null || versionstamps.test(ifVersion) ? ifVersion : never
      const stored: Stored = { bytes: encoder.encode(value), expiresAt }
      const ttl = collectAfter(expiresAt, clock)
      const write = kv
        .atomic()
        .check({ key, versionstamp })
        .set(key, stored, ttl === undefined ? {} : { expireIn: Math.ceil(ttl * 1000) })
      const result = await whileBusy(() => write.commit(), isBusy)
      return result.ok ? result.versionstamp : undefined
    },
    delete: async (name, { ifVersion } = {}) => {
      const key = [prefix, name]
      for (;;) {
        const { versionstamp } = await whileBusy(() => kv.get(key), isBusy)
        if (versionstamp === null || (ifVersion ?? versionstamp) !== versionstamp) return false
        const remove = kv.atomic().check({ key, versionstamp }).delete(key)
        const { ok } = await whileBusy(() => remove.commit(), isBusy)
        // Another caller wrote in between: too late only if this version was asked for.
        if (ok || ifVersion !== undefined) return ok
      }
    },
  })
}

/**
 * Bytes: a string with one wide character takes two bytes for each of its characters, above what Deno KV
 * takes.
 */
interface Stored {
  bytes: Uint8Array
  expiresAt: number | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** Deno KV throws for any other form instead of reporting that no record has this version. */
const versionstamps = /^[0-9a-f]{20}$/
const never = 'f'.repeat(20)
const isBusy = (error: unknown): boolean => /database is locked/.test(String(error))
