// F4: lines that look open and carry nothing, as after a firewall that forgot them. The settings are those of docs/storage.md, with
// shorter times.
import { connect as openSocket } from 'node:net'
import { Redis as IoRedis } from 'ioredis'
import pg from 'pg'
import openPostgres from 'postgres'
import { createClient } from 'redis'
import { expect, test } from 'vitest'
import { scopedStore } from '../../src/authorization-server/scoped-store.ts'
import type { Store } from '../../src/store/contract.ts'
import { postgres } from '../../src/store/postgres.ts'
import { redis } from '../../src/store/redis.ts'
import { startProxy } from './fault-proxy.ts'
import { freshKey } from './store.suite.ts'

const timeout = 400
const redisUrl = process.env['REDIS_URL']!
const postgresUrl = process.env['POSTGRES_URL']!

interface Opened {
  store: Store
  close(): unknown
}

const clients: Record<string, [url: string, open: (url: string) => Promise<Opened>]> = {
  redis: [
    redisUrl,
    async (url) => {
      const client = createClient({
        url,
        pingInterval: timeout / 2,
        socket: { socketTimeout: timeout, reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2000) },
      })
      client.on('error', () => undefined)
      await client.connect()
      return { store: redis(client), close: () => client.destroy() }
    },
  ],
  ioredis: [
    redisUrl,
    async (url) => {
      const client = new IoRedis(url, { socketTimeout: timeout })
      client.on('error', () => undefined)
      return { store: redis(client), close: () => client.disconnect() }
    },
  ],
  pg: [
    postgresUrl,
    async (url) => {
      const pool = new pg.Pool({
        connectionString: url,
        max: 3,
        connectionTimeoutMillis: timeout,
        query_timeout: timeout,
      })
      pool.on('error', () => undefined)
      return { store: postgres(pool), close: () => pool.end() }
    },
  ],
  postgres: [
    postgresUrl,
    async (url) => {
      const sql = openPostgres(url, {
        max: 3,
        connect_timeout: 4,
        onnotice: () => undefined,
        socket: ({ host, port }: { host: string[]; port: number[] }) => {
          const socket = openSocket(port[0]!, host[0]!)
          return socket.setTimeout(timeout, () => socket.destroy(new Error('timed out')))
        },
      } as Parameters<typeof openPostgres>[1])
      return { store: postgres(sql), close: () => sql.end({ timeout: 1 }) }
    },
  ],
}

test.each(Object.entries(clients))(
  'F4 half-open lines of %s are replaced: some 503, then it works again',
  async (_, [url, open]) => {
    const proxy = await startProxy(new URL(url))
    const address = new URL(url)
    address.host = `127.0.0.1:${proxy.port}`
    const { store: driver, close } = await open(address.href)
    const clock = (): number => Date.now() / 1000
    const store = scopedStore(driver, 'https://as.test', { clock, event: () => undefined }, 3 * timeout)
    const key = freshKey()
    const version = await store.put(key, 'before', { ifVersion: null })
    // Every line of a pool has been used.
    await Promise.all(Array.from({ length: 3 }, () => store.get(key)))
    proxy.halfOpen()
    const answers: string[] = []
    while (answers.at(-1) !== 'before' && answers.length < 12) {
      const found = await store.get(key).catch(() => undefined)
      answers.push(found?.value ?? 'unavailable')
    }
    expect(answers.at(-1)).toBe('before')
    expect(await store.put(key, 'after', { ifVersion: version! })).toEqual(expect.any(String))
    await close()
    await proxy.close()
  },
)
