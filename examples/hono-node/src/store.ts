// Grants in a SQLite file, for one machine.
import { DatabaseSync } from 'node:sqlite'
import type { Store } from 'tollgate'
import { sqlite } from 'tollgate/store/sqlite'
import { env } from './host.ts'

export function createStore(): Store {
  const store = sqlite(new DatabaseSync(env['DATABASE'] || 'tollgate.db'))
  // Expired records.
  setInterval(() => store.sweep(Date.now() / 1000).catch(() => undefined), 600_000).unref()
  return store
}
