import { defined } from '../../lib/defined.ts'
import { func, readOptions } from '../../lib/options.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import type { Clock } from '../../types.ts'
import type { ClientStorage } from '../types.ts'
import { createWorkQueue } from './work-queue.ts'

/** How many values that expire are kept for one owner. */
const maxExpiring = 1000

/**
 * Storage in this process's memory, which is lost when the process ends. Values that expire, such as pending
 * authorizations, are dropped after their time; over 1000 of one user, that user's oldest.
 *
 * @param options.clock Seconds since the epoch. Default: the system's clock.
 */
export function memoryStorage(options: { clock?: Clock } = {}): ClientStorage {
  const { clock } = resolveRuntime(defined(readOptions('memoryStorage', options, { clock: func() })))
  const values = new Map<string, string>()
  /** In the order in which they were written. */
  const expiring = new Map<string, { expiresAt: number; owned: Set<string> }>()
  const owners = new Map<string, Set<string>>()
  const drop = (key: string): void => {
    values.delete(key)
    expiring.get(key)?.owned.delete(key)
    expiring.delete(key)
  }
  const dropExpired = (): void => {
    for (const [key, { expiresAt }] of expiring) {
      if (expiresAt > clock()) break
      drop(key)
    }
    for (const [owner, owned] of owners) if (owned.size === 0) owners.delete(owner)
  }
  return {
    get: async (key) => values.get(key),
    async set(key, value, { expiresAt, owner = '' } = {}) {
      drop(key)
      values.set(key, value)
      if (expiresAt === undefined) return
      dropExpired()
      const owned = owners.get(owner) ?? new Set()
      owners.set(owner, owned.add(key))
      expiring.set(key, { expiresAt, owned })
      // Denial of service: who abandons authorizations drops only their own pending ones.
      const [oldest] = owned
      if (owned.size > maxExpiring) drop(oldest!)
    },
    delete: async (key) => drop(key),
    exclusively: createWorkQueue(),
  }
}
