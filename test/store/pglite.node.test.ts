import { PGlite } from '@electric-sql/pglite'
import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { postgres } from '../../src/store/postgres.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { sweepsInPieces } from './store.suite.ts'

storeAndFlowSuite('PGlite', async () => {
  const db = await PGlite.create()
  return {
    // One process, one connection: that is what PGlite is.
    connect: () => postgres(db),
    outage: async () => {
      const closed = await PGlite.create()
      await closed.close()
      return postgres(closed)
    },
    close: () => db.close(),
  }
})

test('postgres: a wrong client is a ConfigurationError', () => {
  expect(() => postgres(undefined as never)).toThrow(ConfigurationError)
  expect(() => postgres({} as never)).toThrow(/^`client` must be a pg Pool/)
  const client = { query: () => Promise.resolve({ rows: [] }) }
  expect(() => postgres(client, { tabel: 'a' } as never)).toThrow(/^`tabel` is not an option/)
})

test('ST3: PostgreSQL is swept in pieces of 1000', async () => {
  const db = await PGlite.create()
  await sweepsInPieces(postgres(db))
  await db.close()
})
