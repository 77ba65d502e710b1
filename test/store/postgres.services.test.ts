import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../src/store/postgres.ts'
import { serverSuite } from './server.suite.ts'
import { freshKey } from './store.suite.ts'

const url = process.env['POSTGRES_URL']!

serverSuite('PostgreSQL by pg', 'pg', 'postgres', url)
serverSuite('PostgreSQL by postgres', 'postgres', 'pg', url)

describe('PostgreSQL', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = new pg.Pool({ connectionString: url, max: 20 })
  })
  afterAll(() => pool.end())

  test('ST: the table is made at the first use, also by many at once', async () => {
    for (let round = 0; round < 5; round++) {
      const store = postgres(pool, { table: `made "${freshKey()}` })
      const versions = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.put(`a:${i}`, `${i}`, { ifVersion: null })),
      )
      expect(new Set(versions).size).toBe(20)
      expect((await store.get('a:7'))?.value).toBe('7')
    }
  })

  test.each(['repeatable read', 'serializable'])(
    'ST5: one winner each where the default isolation is %s',
    async (level) => {
      const strict = new pg.Pool({
        connectionString: url,
        max: 10,
        options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
      })
      const store = postgres(strict)
      for (let round = 0; round < 20; round++) {
        const key = freshKey()
        const created = await Promise.all(
          Array.from({ length: 20 }, (_, i) => store.put(key, `${i}`, { ifVersion: null })),
        )
        const [version, ...more] = created.filter((each) => each !== undefined)
        expect(more).toEqual([])
        const written = await Promise.all(
          Array.from({ length: 20 }, (_, i) => store.put(key, `${i}`, { ifVersion: version! })),
        )
        expect(written.filter((each) => each !== undefined)).toHaveLength(1)
      }
      await strict.end()
    },
  )
})
