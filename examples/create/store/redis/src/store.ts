// Grants in Redis. It must not evict records: `maxmemory-policy noeviction`.
import { createClient } from 'redis'
import type { Store } from 'tollgate'
import { redis } from 'tollgate/store/redis'
import { setting } from './settings.ts'

export function createStore(): Store {
  const client = createClient({
    url: setting('REDIS_URL'),
    // A connection that looks open and carries nothing is given up.
    pingInterval: 2000,
    socket: { socketTimeout: 4000, reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2000) },
  })
  client.on('error', (error) => console.error(error.message))
  client.connect().catch(() => undefined)
  return redis(client)
}
