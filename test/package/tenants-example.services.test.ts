// examples/postgres-tenants as its user starts it: two instances on a real PostgreSQL, which take turns.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect, test } from 'vitest'
import { startBalancer, startExample, type Closable } from '../support/example-program.ts'
import { install } from '../support/runtime-next.ts'
import { tenantsSuite } from './tenants.suite.ts'

const folder = join(import.meta.dirname, '../../examples/postgres-tenants')
const name = 'tenants_example'
const url = new URL(`/${name}`, process.env['POSTGRES_URL'])
const pool = new pg.Pool({ connectionString: url.href })

const script = async (file: string, ...args: string[]): Promise<string> => {
  const env = { ...process.env, POSTGRES_URL: url.href }
  return (await promisify(execFile)(process.execPath, [join(folder, file), ...args], { env })).stdout
}

tenantsSuite(async () => {
  await install('examples/postgres-tenants')
  const admin = new pg.Client({ connectionString: process.env['POSTGRES_URL'] })
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  await script('migrate.ts')
  await script('migrate.ts')
  // What the sweep must find, and what it must leave.
  await pool.query(`INSERT INTO tollgate VALUES ('test:old', '', '1', 1), ('test:kept', '', '1', NULL)`)
  const balancer = await startBalancer()
  const env = {
    POSTGRES_URL: url.href,
    PUBLIC_URL: balancer.url.origin,
    TOLLGATE_SECRET: 'a secret for tests, long enough to be one',
  }
  const instances: Closable[] = []
  for (let i = 0; i < 2; i++)
    instances.push(await startExample('postgres-tenants/server.ts', 'Documents at ', env))
  balancer.targets = instances.map((each) => each.url)
  return {
    origin: balancer.url.origin,
    database: pool,
    async close() {
      await balancer.close()
      for (const each of instances) await each.close()
      await pool.end()
    },
  }
})

test('ST3 what has expired is swept', async () => {
  const { rows } = await pool.query(`SELECT key FROM tollgate WHERE key LIKE 'test:%'`)
  expect(rows).toEqual([{ key: 'test:kept' }])
})

test('SI6 add-user adds the tenant and prints the password, of which only the hash is stored', async () => {
  const password = (await script('add-user.ts', 'hooli', 'erin', '--read-only')).trim()
  expect(password).toMatch(/^[\w-]{24}$/)
  const { rows } = await pool.query(`SELECT * FROM users WHERE tenant = 'hooli'`)
  expect(rows).toEqual([expect.objectContaining({ name: 'erin', may_write: false })])
  expect(JSON.stringify(rows)).not.toContain(password)
  await expect(script('add-user.ts', 'hooli')).rejects.toThrow('<tenant> <user>')
})

test('SI6 add-user changes a user who is there only with --replace', async () => {
  const read = async (): Promise<unknown[]> =>
    (await pool.query(`SELECT * FROM users WHERE tenant = 'umbrella'`)).rows
  await expect(script('add-user.ts', 'umbrella', 'ada', '--replace')).rejects.toThrow('There is no user ada')
  await script('add-user.ts', 'umbrella', 'ada', '--read-only')
  const before = await read()
  const failed = await script('add-user.ts', 'umbrella', 'ada').catch((error) => error)
  expect([failed.code, failed.stdout]).toEqual([1, ''])
  expect(failed.stderr).toContain('is not changed: --replace')
  expect(await read()).toEqual(before)
  await script('add-user.ts', 'umbrella', 'ada', '--replace')
  expect(await read()).toEqual([expect.objectContaining({ name: 'ada', may_write: true })])
  expect(await read()).not.toEqual(before)
  await expect(script('add-user.ts', 'Umbrella Inc', 'ada')).rejects.toThrow('got "Umbrella Inc"')
})

test('ST5 a program without its database or its tables says so in one sentence, and does not start', async () => {
  const postgres = process.env['POSTGRES_URL']!
  for (const [database, says] of [
    [postgres, 'A table is missing in the database of POSTGRES_URL: run "npm run migrate".'],
    [new URL('/no_such_database', postgres).href, 'does not exist): see POSTGRES_URL.'],
    ['postgres://127.0.0.1:1/none', 'ECONNREFUSED 127.0.0.1:1): see POSTGRES_URL.'],
  ] as const)
    for (const [file, ...args] of [
      ['add-user.ts', 'acme', 'alice'],
      ['server.ts'],
      ['migrate.ts'],
    ] as const) {
      if (file === 'migrate.ts' && database === postgres) continue
      const env = { ...process.env, POSTGRES_URL: database, PORT: '0' }
      const run = promisify(execFile)(process.execPath, [join(folder, file), ...args], { env })
      const { code, stderr } = await run.then(
        () => ({ code: 0, stderr: '' }),
        (error: { code: number; stderr: string }) => error,
      )
      expect([file, code], stderr).toEqual([file, 1])
      expect(stderr).toContain(says)
      expect(stderr.trim()).not.toContain('\n')
    }
})
