// Tenants and users in PostgreSQL.
import pg from 'pg'
import { hashPassword, type PasswordUser } from 'tollgate/sign-in/password'

/** A `Pool` of `pg`. */
export interface Database {
  query(sql: string, parameters: unknown[]): Promise<{ rows: unknown[] }>
}

export interface Tenant {
  name: string
  title: string
  revision: number
}

export function connect(connectionString: string): pg.Pool {
  // A line that carries nothing is given up after 4 s.
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 4000, query_timeout: 4000 })
  // Without a listener, a server that restarts would end this process.
  pool.on('error', (error) => console.error(`PostgreSQL: ${error.message}`))
  return pool
}

/** Undefined for an unknown and for a closed tenant. */
export async function findTenant(database: Database, name: string): Promise<Tenant | undefined> {
  const sql = 'SELECT name, title, revision FROM tenants WHERE name = $1 AND NOT closed'
  const { rows } = await database.query(sql, [name])
  return rows[0] as Tenant | undefined
}

/** For `passwordSignIn`. */
export async function usersOf(database: Database, tenant: string): Promise<Record<string, PasswordUser>> {
  const sql = 'SELECT name, password_hash, may_write FROM users WHERE tenant = $1'
  const { rows } = await database.query(sql, [tenant])
  const users = rows as { name: string; password_hash: string; may_write: boolean }[]
  return Object.fromEntries(
    users.map(({ name, password_hash: hash, may_write }) => [
      name,
      { hash, scopes: ['documents:read', ...(may_write ? ['documents:write'] : [])] },
    ]),
  )
}

export interface NewUser {
  tenant: string
  name: string
  password: string
  mayWrite: boolean
}

/** Adds a user, and the tenant if it is new. False: there is such a user, and nothing is changed. */
export async function addUser(database: Database, user: NewUser): Promise<boolean> {
  await database.query('INSERT INTO tenants (name, title) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    user.tenant,
  ])
  const { rows } = await database.query(
    `INSERT INTO users (tenant, name, password_hash, may_write) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING RETURNING name`,
    await valuesOf(user),
  )
  return rows.length > 0
}

/** Gives a user another password and other rights. False: there is no such user. */
export async function replaceUser(database: Database, user: NewUser): Promise<boolean> {
  const { rows } = await database.query(
    `UPDATE users SET password_hash = $3, may_write = $4 WHERE tenant = $1 AND name = $2 RETURNING name`,
    await valuesOf(user),
  )
  return rows.length > 0
}

const valuesOf = async ({ tenant, name, password, mayWrite }: NewUser): Promise<unknown[]> => [
  tenant,
  name,
  await hashPassword(password),
  mayWrite,
]

/** Rejects if the database cannot be reached, or a table is not there. */
export async function checkTables(database: Database): Promise<void> {
  await database.query('SELECT FROM tenants, users, documents, tollgate LIMIT 0', [])
}

/** For the terminal, in one sentence. */
export function explain(error: unknown): string {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (code === '42P01') return 'A table is missing in the database of POSTGRES_URL: run "npm run migrate".'
  return `PostgreSQL cannot be used (${message || code}): see POSTGRES_URL.`
}
