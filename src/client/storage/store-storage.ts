import { UnavailableError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import { func, readOptions, secrets } from '../../lib/options.ts'
import { randomToken } from '../../lib/random.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { Sealer } from '../../lib/sealer.ts'
import { expiring, type ExpiringStore } from '../../store/contract.ts'
import { update } from '../../store/update.ts'
import type { Clock, Store } from '../../types.ts'
import type { ClientStorage } from '../types.ts'

/** Seconds after which an unchanged lock counts as abandoned, and after which its holder changes it. */
const lease = 30
const renewal = 10
/** Milliseconds between two reads of a lock that another caller holds. */
const pause = 50
/**
 * Seconds after which the store may drop a lock, far above the difference between the clocks of two machines.
 */
const lockExpiry = 86_400
/** The last writer wins, so each try lets at least one of them through. */
const attempts = 100

/** Options of {@link storeStorage}. */
export interface StoreStorageOptions {
  /**
   * Encrypts the values (AES-256-GCM), so that a dump of the store contains nothing usable. At least 32
   * bytes, or a list: the first encrypts, all decrypt. Required.
   */
  secret: string | readonly string[]
  /**
   * Seconds since the epoch. Measures how long this process has seen a lock unchanged; the clocks of several
   * machines are never compared. Default: the system's clock.
   */
  clock?: Clock
}

/**
 * Client storage on a `Store`, for a server that is itself a client and runs in several instances.
 *
 * @param store The store; several clients may share it.
 * @param options See {@link StoreStorageOptions}. Throws ConfigurationError for an unknown or unusable
 *   option.
 */
export function storeStorage(store: Store, options: StoreStorageOptions): ClientStorage {
  const { secret, clock: given } = readOptions('storeStorage', options, {
    secret: secrets().required,
    clock: func(),
  })
  const { clock } = resolveRuntime(defined({ clock: given }))
  const records = expiring(store, clock)
  const sealer = new Sealer(secret)

  /** The version that the value of a key had when work began under its lock. */
  const versions = new Map<string, string | undefined>()

  return {
    get: async (key) => {
      const record = await records.get(key)
      return record && (await sealer.open('seal', `client-storage ${key}`, record.value))
    },
    set: async (key, value, { expiresAt } = {}) => {
      const expiry = defined({ expiresAt })
      const sealed = await sealer.seal('seal', `client-storage ${key}`, value)
      if (!versions.has(key)) return overwrite(records, key, { value: sealed, ...expiry })
      const version = await records.put(key, sealed, { ...expiry, ifVersion: versions.get(key) ?? null })
      if (version === undefined) throw lostLock()
      versions.set(key, version)
    },
    delete: async (key) => {
      if (!versions.has(key)) return void (await records.delete(key))
      const ifVersion = versions.get(key)
      if (ifVersion !== undefined && !(await records.delete(key, { ifVersion }))) throw lostLock()
      versions.set(key, undefined)
    },
    exclusively: async (key, work) => {
      const lock = await acquireLock(records, `${key}-lock`)
      // A user may be busy. On Workers the timer stops with the request; if the store fails, the lock is
      // lost.
      const timer = setInterval(() => void lock.renew().catch(() => undefined), renewal * 1000)
      try {
        versions.set(key, (await records.get(key))?.version)
        return await work()
      } finally {
        clearInterval(timer)
        versions.delete(key)
        await lock.release()
      }
    },
  }
}

/** The work took longer than its lease: what it would write may be outdated. */
const lostLock = (): UnavailableError =>
  new UnavailableError('Another process took over, because this one held the lock for too long')

const overwrite = (
  records: ExpiringStore,
  key: string,
  write: { value: string; expiresAt?: number },
): Promise<void> => update(records, key, () => ({ write, result: undefined }), { attempts })

interface Lock {
  renew(): Promise<void>
  release(): Promise<void>
}

/**
 * Waits for the lock. One that stays unchanged for a whole lease, by the clock of the waiter, was left by a
 * holder that died, or by a version that this one does not know.
 */
async function acquireLock(records: ExpiringStore, key: string): Promise<Lock> {
  // Compared, never read.
  const value = JSON.stringify({ v: 1, holder: randomToken(12) })
  const held = (): { value: string; expiresAt: number } => ({
    value,
    expiresAt: records.clock() + lockExpiry,
  })
  /** Changes the lock if it is still held. */
  const change = (write: () => ReturnType<typeof held> | null): Promise<void> =>
    update(records, key, (found) =>
      found?.value === value ? { write: write(), result: undefined } : { result: undefined },
    )
  let seen: { version: string; since: number } | undefined
  for (;;) {
    const acquired = await update<boolean>(records, key, (found) => {
      const now = records.clock()
      if (found !== undefined && found.version !== seen?.version)
        seen = { version: found.version, since: now }
      const isFree = found === undefined || now - seen!.since >= lease
      return isFree ? { write: held(), result: true } : { result: false }
    })
    if (acquired) return { renew: () => change(held), release: () => change(() => null) }
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}
