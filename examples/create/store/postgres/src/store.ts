// Grants in PostgreSQL. The table is made at the first use.
import pg from 'pg'
import type { Store } from 'tollgate'
import { postgres } from 'tollgate/store/postgres'
import { setting } from './settings.ts'

export function createStore(): Store {
  const pool = new pg.Pool({
    connectionString: setting('DATABASE_URL'),
    connectionTimeoutMillis: 4000,
    // A connection that carries nothing is given up.
    query_timeout: 4000,
  })
  // Otherwise a server that restarts ends this program.
  pool.on('error', (error) => console.error(error.message))
  const store = postgres(pool)
  // Expired records.
  setInterval(() => store.sweep(Date.now() / 1000).catch(() => undefined), 600_000)
  return store
}
