// How a test, or a second process of it, gets a connection to a real backend. Each call is a connection of its own.
import type { Store } from '../../src/store/contract.ts'
import { denoKv, type DenoKvLike } from '../../src/store/deno-kv.ts'
import { postgres } from '../../src/store/postgres.ts'
import { redis } from '../../src/store/redis.ts'
import { sqlite, type SqliteDatabase } from '../../src/store/sqlite.ts'

export interface Connection {
  store: Store
  close(): unknown
}

/** `address` is a file or a URL. None of the clients connects again by itself: a test sees what really happened. */
export type Driver = keyof typeof connectors

export const connect = (driver: Driver, address: string): Promise<Connection> => connectors[driver](address)

const connectors = {
  'node:sqlite': async (file: string): Promise<Connection> => {
    const { DatabaseSync } = await import('node:sqlite')
    return closing(new DatabaseSync(file))
  },
  'better-sqlite3': async (file: string): Promise<Connection> => {
    const name = 'better-sqlite3'
    const { default: Database } = (await import(name)) as { default: new (file: string) => ClosingDatabase }
    return closing(new Database(file))
  },
  'bun:sqlite': async (file: string): Promise<Connection> => {
    const name = 'bun:sqlite'
    const { Database } = (await import(name)) as { Database: new (file: string) => ClosingDatabase }
    return closing(new Database(file))
  },
  'deno-kv': async (file: string): Promise<Connection> => {
    const { Deno } = globalThis as unknown as { Deno: { openKv(file: string): Promise<ClosingKv> } }
    const kv = await Deno.openKv(file)
    return { store: denoKv(kv), close: () => kv.close() }
  },
  redis: async (url: string): Promise<Connection> => {
    const { createClient } = await import('redis')
    const client = createClient({ url, socket: { reconnectStrategy: false }, disableOfflineQueue: true })
    client.on('error', () => undefined)
    await client.connect()
    return { store: redis(client), close: () => client.isOpen && client.destroy() }
  },
  ioredis: async (url: string): Promise<Connection> => {
    const { Redis } = await import('ioredis')
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, enableOfflineQueue: false })
    client.on('error', () => undefined)
    await client.connect()
    return { store: redis(client), close: () => client.disconnect() }
  },
  pg: async (url: string): Promise<Connection> => {
    const { default: pg } = await import('pg')
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    pool.on('error', () => undefined)
    await pool.query('SELECT 1')
    return { store: postgres(pool), close: () => pool.end() }
  },
  postgres: async (url: string): Promise<Connection> => {
    const { default: open } = await import('postgres')
    const sql = open(url, { max: 1, onnotice: () => undefined })
    await sql`select 1`
    return { store: postgres(sql), close: () => sql.end({ timeout: 1 }) }
  },
}

type ClosingDatabase = SqliteDatabase & { close(): void }
type ClosingKv = DenoKvLike & { close(): void }

function closing(db: ClosingDatabase): Connection {
  return { store: sqlite(db), close: () => db.close() }
}
