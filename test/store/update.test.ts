// The one conditional write: what it does when another caller is first, and when the answer of the store is lost.
import { expect, test } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { expiring, type ExpiringStore } from '../../src/store/contract.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { update } from '../../src/store/update.ts'
import { recording, type RecordingStore } from '../support/as.ts'

const key = 'part:record'

function setUp(): { inner: RecordingStore; store: ExpiringStore; set: (value: string) => Promise<void> } {
  const clock = (): number => 1000
  const inner = recording(memoryStore(), clock)
  const store = expiring(inner, clock)
  const set = async (value: string): Promise<void> => {
    await store.put(key, value, { ifVersion: (await store.get(key))?.version ?? null })
  }
  return { inner, store, set }
}

/** Appends one letter to the record, and notes what was judged. */
const append =
  (letter: string, seen: unknown[] = []) =>
  (found: { value: string } | undefined, mayStand: boolean) => {
    seen.push([found?.value, mayStand])
    const value = (found?.value ?? '') + letter
    return { write: { value }, result: value }
  }

/** Fails once at the given point of the next put. */
function failOnce(inner: RecordingStore, point: 'before' | 'after', meanwhile?: () => Promise<void>): void {
  inner[point] = async ({ method }) => {
    if (method !== 'put') return
    inner[point] = () => undefined
    await meanwhile?.()
    throw new Error('connection lost')
  }
}

test('a record is made, and changed', async () => {
  const { store } = setUp()
  expect(await update(store, key, append('a'))).toBe('a')
  expect(await update(store, key, append('b'))).toBe('ab')
  expect((await store.get(key))?.value).toBe('ab')
})

test('a verdict without a write leaves the record as it is', async () => {
  const { store, inner, set } = setUp()
  await set('a')
  inner.calls.length = 0
  expect(await update(store, key, (found) => ({ result: found?.value }))).toBe('a')
  expect(inner.calls.map(({ method }) => method)).toEqual(['get'])
})

test('null deletes the record, and does nothing if there is none', async () => {
  const { store, inner, set } = setUp()
  await set('a')
  const remove = (): Promise<string> => update(store, key, () => ({ write: null, result: 'gone' }))
  expect(await remove()).toBe('gone')
  expect(await store.get(key)).toBeUndefined()
  inner.calls.length = 0
  expect(await remove()).toBe('gone')
  expect(inner.calls.map(({ method }) => method)).toEqual(['get'])
})

test('a record that changed between read and write is judged anew', async () => {
  const { store, inner, set } = setUp()
  inner.before = async ({ method }) => {
    if (method !== 'put') return
    inner.before = () => undefined
    await set('x')
  }
  const seen: unknown[] = []
  expect(await update(store, key, append('a', seen))).toBe('xa')
  expect(seen).toEqual([
    [undefined, false],
    ['x', false],
  ])
})

test.each([1, 5, 7])('after %i lost writes: UnavailableError', async (attempts) => {
  const { store, set } = setUp()
  const seen: unknown[] = []
  const judge = async (found: { value: string } | undefined) => {
    seen.push(found?.value)
    await set(`${seen.length}`)
    return { write: { value: 'never' }, result: 'never' }
  }
  await expect(update(store, key, judge, { attempts })).rejects.toThrow(UnavailableError)
  expect(seen).toHaveLength(attempts)
  expect((await store.get(key))?.value).toBe(`${attempts}`)
})

test('T8 F3 the answer is lost, and the write stands: its result counts, and nothing is judged again', async () => {
  const { store, inner } = setUp()
  failOnce(inner, 'after')
  const seen: unknown[] = []
  expect(await update(store, key, append('a', seen))).toBe('a')
  expect(seen).toEqual([[undefined, false]])
  expect(inner.written).toHaveLength(1)
})

test('the answer is lost, and nothing was written: it is judged and written again', async () => {
  const { store, inner } = setUp()
  failOnce(inner, 'before')
  const seen: unknown[] = []
  expect(await update(store, key, append('a', seen))).toBe('a')
  expect(seen).toEqual([
    [undefined, false],
    [undefined, true],
  ])
})

test('the answer is lost, and another caller has written since: judge learns that its own write may have come before', async () => {
  const { store, inner, set } = setUp()
  failOnce(inner, 'after', () => set('other'))
  const seen: unknown[] = []
  expect(await update(store, key, append('a', seen))).toBe('othera')
  expect(seen).toEqual([
    [undefined, false],
    ['other', true],
  ])
})

test('the same value with another expiry is not the write of this call', async () => {
  const { store, inner } = setUp()
  failOnce(inner, 'before', async () => {
    await store.put(key, 'a', { ifVersion: null, expiresAt: 3000 })
  })
  const seen: unknown[] = []
  const judge = (found: { value: string } | undefined, mayStand: boolean) => {
    seen.push([found?.value, mayStand])
    return { write: { value: 'a', expiresAt: 2000 }, result: 'a' }
  }
  await update(store, key, judge)
  expect(seen).toEqual([
    [undefined, false],
    ['a', true],
  ])
  expect((await store.get(key))?.expiresAt).toBe(2000)
})

test('the second exception is passed on', async () => {
  const { store, inner } = setUp()
  inner.before = ({ method }) => {
    if (method === 'put') throw new Error('down')
  }
  await expect(update(store, key, append('a'))).rejects.toThrow('down')
  expect(inner.calls.filter(({ method }) => method === 'put')).toHaveLength(2)
})

test('what judge throws is passed on, and nothing is written', async () => {
  const { store, inner } = setUp()
  const judge = (): never => {
    throw new TypeError('refused')
  }
  await expect(update(store, key, judge)).rejects.toThrow('refused')
  expect(inner.written).toEqual([])
})
