import { ConfigurationError } from '../errors.ts'
import {
  checked,
  garbageMargin,
  recordOf,
  checkDriver,
  sweepLimit,
  whileBusy,
  type SweptStore,
  newVersion,
} from './contract.ts'

export type { SweptStore } from './contract.ts'

/**
 * What `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite` and better-sqlite3's `Database` have in
 * common.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}

/** A prepared statement of {@link SqliteDatabase}. */
export interface SqliteStatement {
  get(...parameters: (string | number | null)[]): unknown
  run(...parameters: (string | number | null)[]): { changes: number | bigint }
}

/** Options of {@link sqlite}. */
export interface SqliteOptions {
  /** Name of the table, which is made at the first use. Default `tollgate`. */
  table?: string
  /**
   * `wal`: sets the file's journal to write-ahead, which writes several times faster; a file that cannot
   * have it stays as it is. `keep`: the journal stays as it is. Default `wal`.
   */
  journal?: 'wal' | 'keep'
}

/**
 * A store in a SQLite file, for one machine: any number of processes may share the file. The connection is
 * used by nothing else, because a transaction left open on it would take the writes with it.
 *
 * @example
 * import { DatabaseSync } from 'node:sqlite'
 * const store = sqlite(new DatabaseSync('tollgate.db'))
 */
export function sqlite(db: SqliteDatabase, options: SqliteOptions = {}): SweptStore {
  checkDriver(
    ['db', db, 'a database of node:sqlite, bun:sqlite or better-sqlite3'],
    ['exec', 'prepare'],
    options,
    { table: 'string', journal: 'string' },
  )
  const { table = 'tollgate', journal = 'wal' } = options
  if (journal !== 'wal' && journal !== 'keep')
    throw new ConfigurationError('journal', `must be "wal" or "keep"; got ${JSON.stringify(journal)}`)
  let prepared: Statements | undefined
  const run = <T>(work: (statements: Statements) => T): Promise<T> =>
    whileBusy(() => work((prepared ??= prepare(db, table, journal))), isBusy)

  return checked({
    get: (key) =>
      run(({ select }) => {
        // node:sqlite and better-sqlite3 return undefined if there is no row, Bun returns null.
        const row = select.get(key) as Row | undefined | null
        return row ? recordOf(row.value, row.version, row.expires_at) : undefined
      }),
    put: (key, value, { ifVersion, expiresAt = null }) =>
      run(({ insert, update }) => {
        const version = newVersion()
        // `run`, not `get` with RETURNING: only a statement that ran to its end reports a commit that failed.
        const { changes } =
          ifVersion === null
            ? insert.run(key, value, version, expiresAt)
            : update.run(value, version, expiresAt, key, ifVersion)
        return Number(changes) === 1 ? version : undefined
      }),
    delete: (key, { ifVersion } = {}) =>
      run(({ remove, removeVersion }) => {
        const { changes } = ifVersion === undefined ? remove.run(key) : removeVersion.run(key, ifVersion)
        return Number(changes) === 1
      }),
    sweep: (now) => run(({ sweep }) => Number(sweep.run(now - garbageMargin).changes)),
  })
}

interface Row {
  value: string
  version: string
  expires_at: number | null
}

type Statements = Record<
  'select' | 'insert' | 'update' | 'remove' | 'removeVersion' | 'sweep',
  SqliteStatement
>

function prepare(db: SqliteDatabase, name: string, journal: 'wal' | 'keep'): Statements {
  const table = `"${name.replaceAll('"', '""')}"`
  if (journal === 'wal') setWal(db)
  db.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL, expires_at REAL)`,
  )
  return {
    select: db.prepare(`SELECT value, version, expires_at FROM ${table} WHERE key = ?`),
    insert: db.prepare(
      `INSERT INTO ${table} (key, value, version, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
    ),
    update: db.prepare(
      `UPDATE ${table} SET value = ?, version = ?, expires_at = ? WHERE key = ? AND version = ?`,
    ),
    remove: db.prepare(`DELETE FROM ${table} WHERE key = ?`),
    removeVersion: db.prepare(`DELETE FROM ${table} WHERE key = ? AND version = ?`),
    sweep: db.prepare(
      `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE expires_at < ? LIMIT ${sweepLimit})`,
    ),
  }
}

/**
 * Stays with the file. A file system without shared memory, a read-only file or another process at work
 * keeps the old journal.
 */
function setWal(db: SqliteDatabase): void {
  try {
    db.exec('PRAGMA journal_mode = WAL')
  } catch {
    // Slower, and no less safe.
  }
}

const isBusy = (error: unknown): boolean => /database (table )?is locked/.test(String(error))
