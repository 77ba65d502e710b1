// examples/postgres-tenants in this process, on PGlite.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { expect, test, vi } from 'vitest'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { postgres } from '../../src/store/postgres.ts'
import { listen } from '../support/example-program.ts'
import { install } from '../support/runtime-next.ts'
import { load, tenantsSuite } from './tenants.suite.ts'

type Handler = (request: Request) => Promise<Response>

tenantsSuite(async () => {
  await install('examples/postgres-tenants')
  const schema = join(import.meta.dirname, '../../examples/postgres-tenants/schema.sql')
  const database = await PGlite.create()
  await database.exec(readFileSync(schema, 'utf8'))
  const { createTenants } = (await load('tenants.ts')) as { createTenants: (settings: object) => Handler }
  let handler: Handler
  const { url, close } = await listen(toNodeHandler((request) => handler(request)))
  handler = createTenants({
    database,
    store: postgres(database),
    secret: 'a secret for tests, long enough to be one',
    publicUrl: url.origin,
    clientAddress: () => '192.0.2.1',
  })
  return {
    origin: url.origin,
    database,
    async close() {
      await close()
      await database.close()
    },
  }
})

test('ST5 without the database the answer is 503, and shows nothing of it', async () => {
  await install('examples/postgres-tenants')
  const { createTenants } = (await load('tenants.ts')) as { createTenants: (settings: object) => Handler }
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const handler = createTenants({
    database: { query: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432')) },
    store: memoryStore(),
    secret: 'a secret for tests, long enough to be one',
    publicUrl: 'https://documents.example.com',
  })
  const response = await handler(new Request('https://documents.example.com/t/acme/mcp', { method: 'POST' }))
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await response.text()).toBe('Not available now')
  expect(logged).toHaveBeenCalledOnce()
  logged.mockRestore()
})
