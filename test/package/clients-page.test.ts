import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { page, path } from '../../scripts/clients-table.ts'
import { realClients } from '../authorization-server/clients/index.ts'

const root = join(import.meta.dirname, '../..')

test('docs/guide/clients.md is what the clients’ data say: node scripts/clients-table.ts', () => {
  expect(readFileSync(path, 'utf8')).toBe(page())
})

test('every file of the folder is in its list, and every test that drives a client exists', () => {
  const index = readFileSync(join(root, 'test/authorization-server/clients/index.ts'), 'utf8')
  const others = ['client.ts', 'index.ts', 'clients.test.ts']
  for (const file of readdirSync(join(root, 'test/authorization-server/clients')))
    if (!others.includes(file)) expect(index).toContain(`'./${file}'`)
  for (const { drivenBy } of realClients)
    if (drivenBy !== undefined) expect(existsSync(join(root, drivenBy)), drivenBy).toBe(true)
})
