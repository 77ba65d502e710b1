import { ConfigurationError, UnavailableError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { randomToken } from '../../lib/random.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { Sealer } from '../../lib/sealer.ts'
import { expiring, type ExpiringStore } from '../../store/contract.ts'
import { update } from '../../store/update.ts'
import type { Clock, Store } from '../../types.ts'
import type { ClientStorage } from '../types.ts'

/**
 * Seconds after which a lock that did not change counts as abandoned, and after which a holder that lives
 * changes it.
 */
const lease = 30
const renewal = 10
/** Milliseconds between two looks at a lock that another caller holds. */
const pause = 50
/** Seconds after which a lock may be collected, far above what the clocks of two machines differ by. */
const garbage = 86_400
/** The last writer wins, so each try lets at least one of them through. */
const attempts = 100

/**
 * Client storage on a `Store`, for a server that is itself a client and runs in several instances.
 *
 * @param store The store; several clients may share it.
 * @param options.secret Values are sealed with it (AES-256-GCM). At least 32 bytes, or a list: the first
 *   seals, all open. So a dump of the store contains nothing usable.
 * @param options.clock Seconds since the epoch. Measures how long this process has seen a lock unchanged; the
 *   clocks of several machines are never compared.
 */
export function storeStorage(
  store: Store,
  options: { secret: string | readonly string[]; clock?: Clock },
): ClientStorage {
  const secrets = typeof options.secret === 'string' ? [options.secret] : options.secret
  if (secrets.length === 0 || secrets.some((secret) => utf8(secret).length < 32))
    throw new ConfigurationError(
      'secret',
      'needs at least 32 bytes, for example 43 random base64url characters',
    )
  const { clock } = resolveRuntime(options.clock === undefined ? {} : { clock: options.clock })
  const records = expiring(store, clock)
  const sealer = new Sealer(secrets)

  /** By key, while work runs under its lock: the version that the value had then. */
  const fences = new Map<string, string | undefined>()
  const fenced = (key: string): boolean => fences.has(key)

  return {
    get: async (key) => {
      const record = await records.get(key)
      return record && (await sealer.open('seal', `client-storage ${key}`, record.value))
    },
    set: async (key, value, ends = {}) => {
      const sealed = await sealer.seal('seal', `client-storage ${key}`, value)
      if (!fenced(key)) return overwrite(records, key, { value: sealed, ...ends })
      const version = await records.put(key, sealed, { ...ends, ifVersion: fences.get(key) ?? null })
      if (version === undefined) throw tookOver()
      fences.set(key, version)
    },
    delete: async (key) => {
      if (!fenced(key)) return void (await records.delete(key))
      const ifVersion = fences.get(key)
      if (ifVersion !== undefined && !(await records.delete(key, { ifVersion }))) throw tookOver()
      fences.set(key, undefined)
    },
    exclusively: async (key, work) => {
      const holder = await acquire(records, `${key}-lock`)
      // A person may be busy. On Workers the timer ends with the request; if the store fails, so does the
      // lease.
      const alive = setInterval(
        () => void renew(records, `${key}-lock`, holder).catch(() => undefined),
        renewal * 1000,
      )
      try {
        fences.set(key, (await records.get(key))?.version)
        return await work()
      } finally {
        clearInterval(alive)
        fences.delete(key)
        await release(records, `${key}-lock`, holder)
      }
    },
  }
}

/** The work took longer than its lease, and what it would write may rest on what is no longer so. */
const tookOver = (): UnavailableError =>
  new UnavailableError('Another process took over, because this one held the lock for too long')

const overwrite = (
  records: ExpiringStore,
  key: string,
  write: { value: string; expiresAt?: number },
): Promise<void> => update(records, key, () => ({ write, result: undefined }), { attempts })

/**
 * Waits for the lock. One that stays unchanged for a whole lease, by the clock of the waiter, was left by a
 * holder that died.
 */
async function acquire(records: ExpiringStore, key: string): Promise<string> {
  const holder = randomToken(12)
  let seen: { version: string; since: number } | undefined
  for (;;) {
    const acquired = await update<boolean>(records, key, (found) => {
      const now = records.clock()
      if (found !== undefined && found.version !== seen?.version)
        seen = { version: found.version, since: now }
      const free = found === undefined || now - seen!.since >= lease
      return free ? { write: { value: holder, expiresAt: now + garbage }, result: true } : { result: false }
    })
    if (acquired) return holder
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

const renew = (records: ExpiringStore, key: string, holder: string): Promise<void> =>
  update(records, key, (found) => ({
    ...(found?.value === holder ? { write: { value: holder, expiresAt: records.clock() + garbage } } : {}),
    result: undefined,
  }))

const release = (records: ExpiringStore, key: string, holder: string): Promise<void> =>
  update(records, key, (found) => ({
    ...(found?.value === holder ? { write: null } : {}),
    result: undefined,
  }))
