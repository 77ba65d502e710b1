import { describe, expect, test, vi } from 'vitest'
import { cloudflareKv } from '../../src/cache/cloudflare-kv.ts'
import { memoryCache } from '../../src/cache/memory.ts'
import { tiered } from '../../src/cache/tiered.ts'
import { ConfigurationError } from '../../src/errors.ts'
import {
  collectAfter,
  expiring,
  garbageMargin,
  newVersion,
  partitionOf,
  whileBusy,
} from '../../src/store/contract.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { postgres } from '../../src/store/postgres.ts'
import type { Store } from '../../src/types.ts'

const namespace = {
  get: () => Promise.resolve(null),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(),
}

test.each([
  ['postgres://localhost/app', 'got string'],
  [undefined, 'it is required'],
  [{}, 'got object'],
  [Promise.resolve({ query: () => undefined }), 'got a promise: await it'],
])('U13 postgres(%j) says what it needs: %s', (client, got) => {
  expect(() => postgres(client as never)).toThrow(
    `\`client\` must be a pg Pool or Client, the sql of postgres, or a PGlite; ${got}`,
  )
})

describe('expiring', () => {
  test('ST5: a cache is refused where a store is asked for, by the types and at construction', () => {
    const clock = (): number => 0
    // @ts-expect-error: a cache is no store
    expect(() => expiring(cloudflareKv(namespace), clock)).toThrow(ConfigurationError)
    // @ts-expect-error: a cache is no store
    expect(() => expiring(memoryCache(), clock)).toThrow(
      /^`store` must be a store, .*; got a cache. A cache cannot hold codes and grants/,
    )
    // @ts-expect-error: a cache is no store
    expect(() => expiring(tiered(memoryCache(), memoryCache()), clock)).toThrow(/two racers could both win/)
  })

  test('ST5: a bare KV namespace is refused', () => {
    const kv = { ...namespace, getWithMetadata: () => Promise.resolve(null), list: () => Promise.resolve([]) }
    expect(() => expiring(kv as never, () => 0)).toThrow(/^`store` must be a store, .*; got a cache/)
  })

  test.each([[undefined], [null], ['memory'], [{}], [{ get: () => undefined, put: () => undefined }]])(
    'ST5: what is no store at all is refused: %j',
    (store) => {
      expect(() => expiring(store as never, () => 0)).toThrow(
        /^`store` must be a store with get, put and delete; (?:got |it is required)/,
      )
    },
  )

  test('ST3: a record that is collected between the write and the read is written anew', async () => {
    const store = memoryStore()
    await store.put('a:b', 'old', { ifVersion: null, expiresAt: 1 })
    const collecting: Store = {
      ...store,
      get: async (key) => {
        await store.delete(key)
        return store.get(key)
      },
    }
    expect(await expiring(collecting, () => 2).put('a:b', 'new', { ifVersion: null })).toBeDefined()
    expect((await store.get('a:b'))?.value).toBe('new')
  })

  test('ST3: an expired record costs a read and a second write, a live one a read, a new one nothing more', async () => {
    const calls: string[] = []
    const store = memoryStore()
    const counting: Store = {
      get: (key) => (calls.push('get'), store.get(key)),
      put: (...parameters) => (calls.push('put'), store.put(...parameters)),
      delete: (...parameters) => (calls.push('delete'), store.delete(...parameters)),
    }
    let now = 0
    const judged = expiring(counting, () => now)
    const create = async (): Promise<string[]> => {
      calls.length = 0
      await judged.put('a:b', 'x', { ifVersion: null, expiresAt: 10 })
      return [...calls]
    }
    expect(await create()).toEqual(['put'])
    expect(await create()).toEqual(['put', 'get'])
    now = 10
    expect(await create()).toEqual(['put', 'get', 'put'])
  })

  test('ST4: an error of the store comes through', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error('down'))
    const judged = expiring({ get: fail, put: fail, delete: fail }, () => 0)
    await expect(judged.get('a:b')).rejects.toThrow('down')
    await expect(judged.put('a:b', 'x', { ifVersion: null })).rejects.toThrow('down')
    await expect(judged.delete('a:b')).rejects.toThrow('down')
  })
})

describe('what drivers share', () => {
  test('a version has 96 random bits and no space', () => {
    const versions = Array.from({ length: 1000 }, newVersion)
    expect(new Set(versions).size).toBe(1000)
    for (const version of versions) expect(version).toMatch(/^\d{1,10}-\d{1,10}-\d{1,10}$/)
  })

  test('the partition is what stands before the first colon', () => {
    expect(['a:b', 'a:b:c', 'a', 'a:'].map(partitionOf)).toEqual(['a', 'a', 'a', 'a'])
  })

  test('ST3: the platform collects relative to its caller, with a margin, and never what does not expire', () => {
    const clock = (): number => 1000
    expect(collectAfter(1060, clock)).toBe(60 + garbageMargin)
    expect(collectAfter(1, clock)).toBe(garbageMargin)
    expect(collectAfter(undefined, clock)).toBeUndefined()
    expect(collectAfter(Number.MAX_SAFE_INTEGER, clock)).toBeUndefined()
  })

  test('"busy" is tried again and ends some time; anything else is not tried again', async () => {
    const isBusy = (error: unknown): boolean => (error as Error).message === 'busy'
    const failing = (...messages: string[]) => {
      let calls = 0
      const work = (): string => {
        const message = messages[calls++]
        if (message !== undefined) throw new Error(message)
        return `after ${calls}`
      }
      return { work, calls: () => calls }
    }
    expect(await whileBusy(failing('busy', 'busy', 'busy').work, isBusy)).toBe('after 4')
    const broken = failing('busy', 'broken', 'busy')
    await expect(whileBusy(broken.work, isBusy)).rejects.toThrow('broken')
    expect(broken.calls()).toBe(2)
    vi.useFakeTimers()
    try {
      const stuck = failing(...(Array(500).fill('busy') as string[]))
      const ended = expect(whileBusy(stuck.work, isBusy)).rejects.toThrow('busy')
      await vi.advanceTimersByTimeAsync(10_000)
      await ended
      expect(stuck.calls()).toBe(100)
    } finally {
      vi.useRealTimers()
    }
  })
})
