import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { garbageMargin } from '../../src/store/contract.ts'
import { denoKv, type DenoKvAtomic, type DenoKvLike } from '../../src/store/deno-kv.ts'
import { connect, type Connection } from '../support/store-connect.ts'
import { killMidWrite, raceInTwoProcesses } from '../support/store-processes.ts'
import { storeAndFlowSuite } from './flow.suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollgate-deno-kv-'))
const path = join(folder, 'store.kv')
const opened: Connection[] = []
afterAll(() => {
  for (const each of opened) each.close()
  rmSync(folder, { recursive: true, force: true })
})
const open = async (): Promise<Connection> => {
  const connection = await connect('deno-kv', path)
  opened.push(connection)
  return connection
}

storeAndFlowSuite('Deno KV', () => ({
  connect: async () => (await open()).store,
  outage: async () => {
    const { store, close } = await connect('deno-kv', path)
    close()
    return store
  },
}))

describe('two Deno processes on one Deno KV', () => {
  test.each([false, true])(
    'ST5: one winner in each round; delay between read and write: %s',
    async (delay) => {
      await raceInTwoProcesses(['deno-kv'], path, (await open()).store, delay)
    },
  )

  test('ST4: a process killed while it writes leaves the old or the new record', async () => {
    await killMidWrite('deno-kv', path, async () => (await open()).store)
  })
})

describe('Deno KV', () => {
  /** Records what is sent, without a database: what Deno KV does with it shows after an hour at the earliest. */
  const recording = (commit: () => Promise<{ ok: true; versionstamp: string }>) => {
    const lives: (number | undefined)[] = []
    const atomic: DenoKvAtomic = {
      check: () => atomic,
      set: (_key, _value, options) => {
        lives.push(options?.expireIn)
        return atomic
      },
      delete: () => atomic,
      commit,
    }
    const kv: DenoKvLike = { get: () => Promise.reject(new Error('not asked')), atomic: () => atomic }
    return { kv, lives }
  }
  const done = { ok: true, versionstamp: '0'.repeat(20) } as const

  test('ST3: the time to live is relative to the clock, plus a margin; none without an expiry', async () => {
    const { kv, lives } = recording(() => Promise.resolve(done))
    const store = denoKv(kv, { clock: () => 1000 })
    await store.put('a:b', 'x', { ifVersion: null, expiresAt: 1060 })
    await store.put('a:b', 'x', { ifVersion: null, expiresAt: 1 })
    await store.put('a:b', 'x', { ifVersion: null })
    expect(lives).toEqual([(60 + garbageMargin) * 1000, garbageMargin * 1000, undefined])
  })

  test('ST: "database is locked" is retried, any other error is not', async () => {
    const answers = ['database is locked', 'database is locked', 'disk I/O error', 'never asked for']
    let asked = 0
    const { kv } = recording(() => Promise.reject(new Error(answers[asked++])))
    await expect(denoKv(kv).put('a:b', 'x', { ifVersion: null })).rejects.toThrow('disk I/O error')
    expect(asked).toBe(3)
  })

  test('denoKv: a wrong object is a ConfigurationError', () => {
    expect(() => denoKv(undefined as never)).toThrow(ConfigurationError)
    expect(() => denoKv({} as never)).toThrow(/^`kv` must be an opened Deno KV; got object/)
  })
})
