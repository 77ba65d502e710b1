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
import { writeDeadlines } from './deadline.ts'

export type { SweptStore } from './contract.ts'

/** A `Pool` or `Client` of `pg`, the `sql` of `postgres`, or a PGlite. */
export type PostgresClient =
  | { query(sql: string, parameters: unknown[]): Promise<{ rows: unknown[] }> }
  // The parameters' own type is the library's.
  | { unsafe(sql: string, parameters: never[]): PromiseLike<Iterable<unknown>> }

/** Options of {@link postgres}. */
export interface PostgresOptions {
  /** Name of the table, which is made at the first use. Default `tollgate`. */
  table?: string
}

/**
 * A store in PostgreSQL. The client is connected to the primary, never to a replica. One statement a call,
 * so a pooler in between does no harm.
 *
 * @example
 * import pg from 'pg'
 * const store = postgres(new pg.Pool({ connectionString }))
 */
export function postgres(client: PostgresClient, options: PostgresOptions = {}): SweptStore {
  const method = 'unsafe' in Object(client) ? 'unsafe' : 'query'
  const what = 'a pg Pool or Client, the sql of postgres, or a PGlite'
  checkDriver(['client', client, what], [method], options, { table: 'string' })
  const send = sender(client)
  const table = `"${(options.table ?? 'tollgate').replaceAll('"', '""')}"`
  const query = async (sql: string, parameters: unknown[]): Promise<unknown[]> => {
    try {
      return await whileBusy(() => send(sql, parameters), isBusy)
    } catch (error) {
      if (codeOf(error) !== undefinedTable) throw error
    }
    await create(send, table)
    return send(sql, parameters)
  }

  const deadlines = writeDeadlines()

  return checked({
    get: async (key) => {
      const select = `SELECT value, version, expires_at, ${now} AS now FROM ${table} WHERE key = $1`
      const [row] = (await query(select, [key])) as Row[]
      if (row === undefined) return undefined
      deadlines.answered(key, row.now)
      return recordOf(row.value, row.version, row.expires_at)
    },
    put: async (key, value, { ifVersion, expiresAt = null }) => {
      const version = newVersion()
      const insert = `INSERT INTO ${table} (key, value, version, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING RETURNING 1`
      const update = `UPDATE ${table} SET value = $2, version = $3, expires_at = $4 WHERE key = $1 AND version = $5 AND ($6::float8 IS NULL OR ${now} <= $6) RETURNING 1`
      const parameters = [key, value, version, expiresAt]
      const rows = await (ifVersion === null
        ? query(insert, parameters)
        : query(update, [...parameters, ifVersion, deadlines.deadline(key) ?? null]))
      return rows.length === 1 ? version : undefined
    },
    delete: async (key, { ifVersion } = {}) => {
      const remove = `DELETE FROM ${table} WHERE key = $1 AND ($2::text IS NULL OR version = $2) RETURNING 1`
      return (await query(remove, [key, ifVersion ?? null])).length === 1
    },
    sweep: async (now) => {
      const sweep = `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE expires_at < $1 LIMIT ${sweepLimit}) AND expires_at < $1 RETURNING 1`
      return (await query(sweep, [now - garbageMargin])).length
    },
  })
}

interface Row {
  value: string
  version: string
  expires_at: number | null
  /** The server's time, in milliseconds. */
  now: number
}

/** When the statement runs, not when its transaction began. */
const now = '(extract(epoch from clock_timestamp()) * 1000)::float8'

type Send = (sql: string, parameters: unknown[]) => Promise<unknown[]>

function sender(client: PostgresClient): Send {
  return 'unsafe' in client
    ? async (sql, parameters) => [...(await client.unsafe(sql, parameters as never[]))]
    : async (sql, parameters) => (await client.query(sql, parameters)).rows
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const undefinedTable = '42P01'
const uniqueViolation = '23505'
const duplicateTable = '42P07'
const duplicateObject = '42710'
const serializationFailure = '40001'

async function create(send: Send, table: string): Promise<void> {
  try {
    await send(
      `CREATE TABLE IF NOT EXISTS ${table} (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at double precision)`,
      [],
    )
  } catch (error) {
    // IF NOT EXISTS does not wait for another caller that makes the table at the same moment.
    if (![uniqueViolation, duplicateTable, duplicateObject].includes(codeOf(error) ?? '')) throw error
  }
}

const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code
// Only if the deployment's default isolation is above "read committed".
const isBusy = (error: unknown): boolean => codeOf(error) === serializationFailure
