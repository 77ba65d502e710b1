import type { Store } from '../src/index.ts'
import type { Flags } from './conformance-flags.ts'
import { memoryStore } from '../src/store/memory.ts'
import { postgres } from '../src/store/postgres.ts'
import { redis } from '../src/store/redis.ts'
import { sqlite } from '../src/store/sqlite.ts'

interface OpenStore {
  store: Store
  close(): Promise<void>
}

/** The store that the flags name. Clients are loaded only where they are needed. */
export async function openStore({ store, storeUrl = '' }: Flags): Promise<OpenStore> {
  switch (store) {
    case 'memory':
      return { store: memoryStore(), close: async () => undefined }
    case 'sqlite': {
      const { DatabaseSync } = await import('node:sqlite')
      const database = new DatabaseSync(storeUrl)
      return { store: sqlite(database), close: async () => database.close() }
    }
    case 'redis': {
      const { Redis } = await import('ioredis')
      const client = new Redis(storeUrl, { socketTimeout: 4000 })
      client.on('error', () => undefined)
      return { store: redis(client), close: async () => client.disconnect() }
    }
    case 'postgres': {
      const { Pool } = (await import('pg')).default
      const pool = new Pool({
        connectionString: storeUrl,
        connectionTimeoutMillis: 4000,
        query_timeout: 4000,
      })
      // Connections that end while idle: the next request hears of it.
      pool.on('error', () => undefined)
      return { store: postgres(pool), close: () => pool.end() }
    }
  }
}
