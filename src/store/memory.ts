import type { StoreRecord } from '../types.ts'
import { checked, garbageMargin, recordOf, sweepLimit, type SweptStore, newVersion } from './contract.ts'

export type { SweptStore } from './contract.ts'

/**
 * A store in this process's memory: for tests, demos and a server that may forget everything when it ends.
 * Several instances of a server do not see each other's records.
 */
export function memoryStore(): SweptStore {
  const records = new Map<string, StoreRecord>()
  return checked({
    get: async (key) => {
      const record = records.get(key)
      return record && { ...record }
    },
    put: async (key, value, { ifVersion, expiresAt }) => {
      if ((records.get(key)?.version ?? null) !== ifVersion) return undefined
      const version = newVersion()
      records.set(key, recordOf(value, version, expiresAt))
      return version
    },
    delete: async (key, options) => {
      const version = records.get(key)?.version
      if (options?.ifVersion !== undefined && options.ifVersion !== version) return false
      return records.delete(key)
    },
    sweep: async (now) => {
      let swept = 0
      for (const [key, { expiresAt }] of records) {
        if (swept === sweepLimit) break
        if (expiresAt === undefined || expiresAt >= now - garbageMargin) continue
        records.delete(key)
        swept++
      }
      return swept
    },
  })
}
