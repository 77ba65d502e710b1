import { ConfigurationError } from '../errors.ts'
import { utf8 } from '../lib/bytes.ts'
import { randomToken } from '../lib/random.ts'
import { resolveRuntime } from '../lib/runtime.ts'
import { Keyring } from '../lib/seal.ts'
import { expiring, type ExpiringStore } from '../store/contract.ts'
import type { Clock, Store } from '../types.ts'
import type { ClientStorage } from './storage.ts'

/** Seconds after which a lock counts as abandoned: longer than all requests of a refresh together. */
const lease = 30
/** Milliseconds between two looks at a lock that somebody else holds. */
const pause = 50

/**
 * Client storage on a `Store`, for a server that is itself a client and runs in several instances.
 *
 * @param store The store; several clients may share it.
 * @param options.secret Values are sealed with it (AES-256-GCM). At least 32 bytes, or a list: the first seals, all
 *   open. So a dump of the store contains nothing usable.
 * @param options.clock Seconds since the epoch. Only the lock's lease is judged by it.
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
  const keyring = new Keyring(secrets)

  return {
    get: async (key) => {
      const record = await records.get(key)
      return record && (await keyring.open('seal', `client-storage ${key}`, record.value))
    },
    set: async (key, value, ends = {}) =>
      write(records, key, await keyring.seal('seal', `client-storage ${key}`, value), ends),
    delete: async (key) => {
      await records.delete(key)
    },
    exclusively: (key, work) => underLease(records, `${key}-lock`, work),
  }
}

/** The last writer wins: whoever must not lose holds the lock. */
async function write(
  records: ExpiringStore,
  key: string,
  value: string,
  ends: { expiresAt?: number },
): Promise<void> {
  for (;;) {
    const ifVersion = (await records.get(key))?.version ?? null
    if ((await records.put(key, value, { ...ends, ifVersion })) !== undefined) return
  }
}

async function underLease<T>(records: ExpiringStore, key: string, work: () => Promise<T>): Promise<T> {
  const holder = randomToken(12)
  let version: string | undefined
  while (version === undefined) {
    version = await records.put(key, holder, { ifVersion: null, expiresAt: records.clock() + lease })
    if (version === undefined) await new Promise((resolve) => setTimeout(resolve, pause))
  }
  try {
    return await work()
  } finally {
    await records.delete(key, { ifVersion: version })
  }
}
