import {
  checked,
  garbageMargin,
  recordOf,
  checkDriver,
  sweepLimit,
  type SweptStore,
  newVersion,
} from './contract.ts'

export type { SweptStore } from './contract.ts'

/** Cloudflare's D1 binding, as far as this driver uses it. */
export interface D1Like {
  withSession(constraint: 'first-primary'): {
    prepare(sql: string): {
      bind(...parameters: unknown[]): { run<T>(): Promise<{ results: T[]; meta: { changes?: number } }> }
    }
  }
}

/** Options of {@link d1}. */
export interface D1Options {
  /** Name of the table, which is made at the first use. Default `tollgate`. */
  table?: string
}

/**
 * A store in Cloudflare D1. Every call is a session of its own that begins at the primary, so that no
 * replica answers.
 *
 * @example
 * const store = d1(env.DB)
 */
export function d1(db: D1Like, options: D1Options = {}): SweptStore {
  checkDriver(['db', db, 'a D1 binding, for example env.DB'], ['withSession'], options, { table: 'string' })
  const table = `"${(options.table ?? 'tollgate').replaceAll('"', '""')}"`
  const send = <T>(
    sql: string,
    parameters: unknown[],
  ): Promise<{ results: T[]; meta: { changes?: number } }> =>
    db
      .withSession('first-primary')
      .prepare(sql)
      .bind(...parameters)
      .run<T>()
  const query: typeof send = async (sql, parameters) => {
    try {
      return await send(sql, parameters)
    } catch (error) {
      if (!/no such table/.test(String(error))) throw error
    }
    await send(
      `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL, expires_at REAL)`,
      [],
    )
    return send(sql, parameters)
  }
  const write = async (sql: string, parameters: unknown[]): Promise<number> => {
    const { changes } = (await query(sql, parameters)).meta
    if (changes === undefined) throw new Error('D1 did not say what it changed')
    return changes
  }

  return checked({
    get: async (key) => {
      const select = `SELECT value, version, expires_at FROM ${table} WHERE key = ?`
      const [row] = (await query<Row>(select, [key])).results
      return row && recordOf(row.value, row.version, row.expires_at)
    },
    put: async (key, value, { ifVersion, expiresAt = null }) => {
      const version = newVersion()
      const insert = `INSERT INTO ${table} (key, value, version, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`
      const update = `UPDATE ${table} SET value = ?, version = ?, expires_at = ? WHERE key = ? AND version = ?`
      const changes =
        ifVersion === null
          ? await write(insert, [key, value, version, expiresAt])
          : await write(update, [value, version, expiresAt, key, ifVersion])
      return changes === 1 ? version : undefined
    },
    delete: async (key, { ifVersion } = {}) => {
      const remove = `DELETE FROM ${table} WHERE key = ?`
      const changes =
        ifVersion === undefined
          ? await write(remove, [key])
          : await write(`${remove} AND version = ?`, [key, ifVersion])
      return changes === 1
    },
    sweep: (now) =>
      write(
        `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE expires_at < ? LIMIT ${sweepLimit})`,
        [now - garbageMargin],
      ),
  })
}

interface Row {
  value: string
  version: string
  expires_at: number | null
}
