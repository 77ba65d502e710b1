import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { sqlite } from '../../src/store/sqlite.ts'
import { connect, type Connection, type Driver } from '../support/store-connect.ts'
import { killMidWrite, raceInTwoProcesses } from '../support/store-processes.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { freshKey, sweepsInPieces } from './store.suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollgate-sqlite-'))
const opened: Connection[] = []
afterAll(() => {
  for (const each of opened) each.close()
  rmSync(folder, { recursive: true, force: true })
})

const journals = ['wal', 'delete'] as const
const drivers: Driver[] = ['node:sqlite', 'better-sqlite3']

/** A new file; the journal's mode stays with it. */
function file(name: string, journal: (typeof journals)[number]): string {
  const path = join(folder, `${name.replace(':', '-')}-${journal}.db`)
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA journal_mode = ${journal}`)
  db.close()
  return path
}

for (const driver of drivers) {
  for (const journal of journals) {
    const path = file(driver, journal)
    const open = async (): Promise<Connection> => {
      const connection = await connect(driver, path)
      opened.push(connection)
      return connection
    }

    storeAndFlowSuite(`a SQLite file by ${driver}, journal ${journal}`, () => ({
      connect: async () => (await open()).store,
      outage: async () => {
        const { store, close } = await connect(driver, path)
        close()
        return store
      },
    }))

    describe(`two processes on a SQLite file by ${driver}, journal ${journal}`, () => {
      test.each([false, true])(
        'ST5: one winner in each round; delay between read and write: %s',
        async (delay) => {
          await raceInTwoProcesses([driver], path, (await open()).store, delay)
        },
      )

      test('ST4: a process killed while it writes leaves the old or the new record', async () => {
        await killMidWrite(driver, path, async () => (await open()).store)
      })
    })
  }
}

test('ST5: two libraries in two processes on one SQLite file: one winner in each round', async () => {
  const path = file('both', 'wal')
  const connection = await connect('node:sqlite', path)
  opened.push(connection)
  await raceInTwoProcesses(['node:sqlite', 'better-sqlite3'], path, connection.store, true)
})

test('ST: "database is locked" is retried until the other one is done', async () => {
  const path = file('busy', 'wal')
  const { store, close } = await connect('node:sqlite', path)
  const key = freshKey()
  await store.get(key)
  const blocker = new DatabaseSync(path)
  blocker.exec('BEGIN IMMEDIATE')
  const written = store.put(key, 'value', { ifVersion: null })
  setTimeout(() => blocker.exec('COMMIT'), 200)
  expect(await written).toEqual(expect.any(String))
  expect((await store.get(key))?.value).toBe('value')
  blocker.close()
  close()
})

test('sqlite: a wrong database is a ConfigurationError, and constructing touches nothing', () => {
  expect(() => sqlite(undefined as never)).toThrow(ConfigurationError)
  expect(() => sqlite({} as never)).toThrow(/^`db` must be a database of node:sqlite/)
  const db = new DatabaseSync(':memory:')
  expect(() => sqlite(db, { tabel: 'a' } as never)).toThrow(
    /^`tabel` is not an option; the options are table, journal/,
  )
  expect(() => sqlite(db, { table: 7 } as never)).toThrow(/^`table` must be a string; got number/)
  sqlite(db)
  expect(db.prepare('SELECT count(*) AS tables FROM sqlite_master').get()).toEqual({ tables: 0 })
})

describe('the journal of a SQLite file', () => {
  const modeOf = (path: string): unknown => {
    const db = new DatabaseSync(path)
    const mode = db.prepare('PRAGMA journal_mode').get()
    db.close()
    return mode
  }

  test.each([
    ['the default', {}, 'wal'],
    ['wal', { journal: 'wal' }, 'wal'],
    ['keep', { journal: 'keep' }, 'delete'],
  ] as const)('sqlite: %s', async (name, options, expected) => {
    const path = file(`journal-${name}`, 'delete')
    const db = new DatabaseSync(path)
    await sqlite(db, options).put('a:b', '1', { ifVersion: null })
    db.close()
    expect(modeOf(path)).toEqual({ journal_mode: expected })
  })

  test('sqlite: a file that another process holds keeps its journal, and works', async () => {
    const path = file('journal-held', 'delete')
    const other = new DatabaseSync(path)
    other.exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)')
    setTimeout(() => other.exec('COMMIT'), 200)
    const db = new DatabaseSync(path)
    expect(await sqlite(db).put('a:b', '1', { ifVersion: null })).toEqual(expect.any(String))
    db.close()
    other.close()
  })

  test('sqlite: another journal is a ConfigurationError', () => {
    expect(() => sqlite(new DatabaseSync(':memory:'), { journal: 'off' as never })).toThrow(
      /^`journal` must be "wal" or "keep"; got "off"/,
    )
  })
})

test('sqlite: two tables in one database are two stores', async () => {
  const db = new DatabaseSync(':memory:')
  const [one, two] = [sqlite(db), sqlite(db, { table: 'the "other"' })]
  await one.put('a:b', '1', { ifVersion: null })
  expect(await two.get('a:b')).toBeUndefined()
  await two.put('a:b', '2', { ifVersion: null })
  expect((await one.get('a:b'))?.value).toBe('1')
})

test('ST3: SQLite is swept in pieces of 1000', () => sweepsInPieces(sqlite(new DatabaseSync(':memory:'))))
