import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { garbageMargin } from '../../src/store/contract.ts'
import { durableObject, type TollgateStore } from '../../src/store/durable-object.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { freshKey, pause } from './store.suite.ts'

const { TOLLGATE } = env as unknown as { TOLLGATE: DurableObjectNamespace<TollgateStore> }
const partitionOf = (key: string): string => key.split(':')[0]!
const stubOf = (key: string) => TOLLGATE.getByName(partitionOf(key))
const tablesOf = (key: string) =>
  runInDurableObject(
    stubOf(key),
    (_, { storage }) => storage.sql.exec('SELECT name FROM sqlite_master').toArray().length,
  )

storeAndFlowSuite('Durable Objects', () => ({
  connect: () => durableObject(TOLLGATE),
  // The object refuses every call, as it does while Cloudflare moves it.
  outage: () =>
    durableObject({
      getByName: () => {
        const fail = (): Promise<never> => Promise.reject(new Error('Network connection lost.'))
        return { get: fail, put: fail, delete: fail }
      },
    }),
}))

describe('Durable Objects', () => {
  test('ST: one object for each partition', async () => {
    const store = durableObject(TOLLGATE)
    const [one, two] = [freshKey('a'), freshKey('b')]
    await store.put(one, '1', { ifVersion: null })
    await store.put(`${one}2`, '1', { ifVersion: null })
    await store.put(two, '2', { ifVersion: null })
    const keys = (key: string) =>
      runInDurableObject(stubOf(key), (_, state) => [...state.storage.kv.list()].map(([name]) => name))
    expect(await keys(one)).toEqual([one, `${one}2`])
    expect(await keys(two)).toEqual([two])
  })

  test('ST: reads, failed writes and failed deletes take no space: whoever guesses grant ids makes no objects', async () => {
    const store = durableObject(TOLLGATE)
    const key = freshKey()
    expect(await store.get(key)).toBeUndefined()
    expect(await store.put(key, 'x', { ifVersion: 'stale' })).toBeUndefined()
    expect(await store.delete(key)).toBe(false)
    expect(await tablesOf(key)).toBe(0)
    await store.put(key, 'x', { ifVersion: null })
    expect(await tablesOf(key)).toBeGreaterThan(0)
  })

  test('ST3: the alarm collects what expired more than an hour ago, and then the object', async () => {
    let now = Date.now() / 1000
    const store = durableObject(TOLLGATE, { clock: () => now })
    const key = freshKey()
    const long = `${key}-long`
    const start = Date.now()
    await store.put(long, 'x', { ifVersion: null, expiresAt: now + 5000 })
    await store.put(key, 'x', { ifVersion: null, expiresAt: now + 60 })
    const alarm = () => runInDurableObject(stubOf(key), (_, state) => state.storage.getAlarm())
    const first = await alarm()
    // Relative to the platform's clock: 60 s and the margin from now.
    expect(first! - start).toBeGreaterThanOrEqual((60 + garbageMargin) * 1000 - 1)
    expect(first! - start).toBeLessThan((61 + garbageMargin) * 1000)

    // Nothing is collected before its time.
    await runDurableObjectAlarm(stubOf(key))
    expect(await store.get(key)).toBeDefined()
    expect(await alarm()).toBe(first)

    // Long expired for the caller's clock: due at once but for the margin, which the test takes away.
    const age = (name: string) =>
      runInDurableObject(stubOf(key), (_, { storage }) =>
        storage.kv.put(name, { ...storage.kv.get<object>(name), collectAt: Date.now() - 1 }),
      )
    await age(key)
    await runDurableObjectAlarm(stubOf(key))
    expect(await store.get(key)).toBeUndefined()
    expect(await store.get(long)).toBeDefined()
    expect(await alarm()).toBeGreaterThan(first!)

    await age(long)
    await runDurableObjectAlarm(stubOf(key))
    expect(await alarm()).toBeNull()
    expect(await tablesOf(key)).toBe(0)
    now += 1
    expect(await store.put(key, 'again', { ifVersion: null, expiresAt: now })).toBeDefined()
    expect(await alarm()).not.toBeNull()
  })

  test('ST: a caller whose clock is behind or ahead loses nothing', async () => {
    for (const clock of [() => 1, () => 9_000_000_000]) {
      const key = freshKey()
      await durableObject(TOLLGATE, { clock }).put(key, 'x', { ifVersion: null, expiresAt: 60 })
      const alarm = await runInDurableObject(stubOf(key), (_, state) => state.storage.getAlarm())
      expect(alarm! - Date.now()).toBeGreaterThan((garbageMargin - 60) * 1000)
    }
  })

  test('ST4: an object that dies in the middle of writes leaves the last write that it acknowledged, or a later one', async () => {
    const store = durableObject(TOLLGATE)
    const key = freshKey()
    let acknowledged = 0
    let died = 0
    for (let round = 0; round < 5; round++) {
      let version = (await store.get(key))?.version ?? null
      let alive = true
      const writing = (async () => {
        while (alive) {
          const written = await store.put(key, `${acknowledged + 1}`.padEnd(60_000), { ifVersion: version })
          expect(written).toBeDefined()
          version = written!
          acknowledged++
        }
      })()
      const ended = writing.catch((error: Error) => expect(error.message).toContain('killed'))
      await pause(5 + round)
      await runInDurableObject(stubOf(key), (_, state) => state.abort('killed')).catch(() => died++)
      alive = false
      await ended
      const value = Number((await store.get(key))?.value)
      expect([acknowledged, acknowledged + 1]).toContain(value)
      acknowledged = value
    }
    expect(died).toBe(5)
    expect(acknowledged).toBeGreaterThan(5)
  })

  test('ST: every call makes a stub of its own, because a stub belongs to its request', async () => {
    const made: string[] = []
    const store = durableObject({ getByName: (name) => (made.push(name), TOLLGATE.getByName(name)) })
    expect(made).toEqual([])
    const key = freshKey()
    await store.put(key, 'x', { ifVersion: null })
    await store.get(key)
    await store.delete(key)
    expect(made).toEqual(Array(3).fill(partitionOf(key)))
  })

  test('durableObject: a wrong binding is a ConfigurationError', () => {
    expect(() => durableObject(undefined as never)).toThrow(ConfigurationError)
    expect(() => durableObject({} as never)).toThrow(
      /^`namespace` must be a Durable Object binding, .*; got object/,
    )
  })
})
