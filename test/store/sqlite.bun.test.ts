import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { connect, type Connection } from '../support/store-connect.ts'
import { killMidWrite, raceInTwoProcesses } from '../support/store-processes.ts'
import { storeAndFlowSuite } from './flow.suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollgate-bun-'))
const path = join(folder, 'store.db')
const opened: Connection[] = []
afterAll(() => {
  for (const each of opened) each.close()
  rmSync(folder, { recursive: true, force: true })
})
const open = async (): Promise<Connection> => {
  const connection = await connect('bun:sqlite', path)
  opened.push(connection)
  return connection
}

storeAndFlowSuite('a SQLite file by bun:sqlite', () => ({
  connect: async () => (await open()).store,
  outage: async () => {
    const { store, close } = await connect('bun:sqlite', path)
    close()
    return store
  },
}))

describe('two Bun processes on a SQLite file', () => {
  test.each([false, true])(
    'ST5: one winner in each round; delay between read and write: %s',
    async (delay) => {
      await raceInTwoProcesses(['bun:sqlite'], path, (await open()).store, delay)
    },
  )

  test('ST4: a process killed while it writes leaves the old or the new record', async () => {
    await killMidWrite('bun:sqlite', path, async () => (await open()).store)
  })
})
