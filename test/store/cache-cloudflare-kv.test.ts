import { describe, expect, test } from 'vitest'
import { cloudflareKv, type KvNamespaceLike } from '../../src/cache/cloudflare-kv.ts'
import { forgiving } from '../../src/cache/contract.ts'
import { memoryCache } from '../../src/cache/memory.ts'
import { tiered } from '../../src/cache/tiered.ts'
import { ConfigurationError } from '../../src/errors.ts'
import type { Cache } from '../../src/types.ts'

/** KV as it is documented: it refuses less than 60 s, and its own clock is not ours. */
function fakeKv() {
  const entries = new Map<string, string>()
  const lives: number[] = []
  const namespace: KvNamespaceLike = {
    get: (key) => Promise.resolve(entries.get(key) ?? null),
    put: async (key, value, { expirationTtl }) => {
      if (!Number.isInteger(expirationTtl) || expirationTtl < 60)
        throw new Error('KV PUT failed: 400 Invalid expiration_ttl')
      lives.push(expirationTtl)
      entries.set(key, value)
    },
    delete: async (key) => void entries.delete(key),
  }
  return { namespace, entries, lives }
}

describe('cloudflareKv', () => {
  test('cache: an entry never lives longer than asked, although KV keeps it for 60 s', async () => {
    let now = 1000
    const { namespace, lives, entries } = fakeKv()
    const cache = cloudflareKv(namespace, { clock: () => now })
    await cache.put('a', 'x y', { ttl: 5 })
    await cache.put('b', 'y', { ttl: 90.5 })
    expect(lives).toEqual([60, 91])
    now = 1004.9
    expect(await cache.get('a')).toBe('x y')
    now = 1005
    expect(await cache.get('a')).toBeUndefined()
    expect(entries.has('a')).toBe(true)
    expect(await cache.get('b')).toBe('y')
    await cache.put('b', 'z', { ttl: 0 })
    expect(entries.has('b')).toBe(false)
  })

  test('cache: what somebody else wrote there is a miss', async () => {
    const { namespace, entries } = fakeKv()
    const cache = cloudflareKv(namespace, { clock: () => 1 })
    for (const text of ['', 'value', ' value', 'x value', 'NaN value', '{"a":1}', '-5 value']) {
      entries.set('a', text)
      expect(await cache.get('a')).toBeUndefined()
    }
    expect(await cache.get('absent')).toBeUndefined()
  })

  test('cache: a wrong binding or option is a ConfigurationError', () => {
    expect(() => cloudflareKv(undefined as never)).toThrow(ConfigurationError)
    expect(() => cloudflareKv({} as never)).toThrow(
      '`namespace` must be a KV binding, for example env.CACHE; got object',
    )
    expect(() => cloudflareKv(fakeKv().namespace, { ttl: 5 } as never)).toThrow(ConfigurationError)
  })
})

describe('tiered', () => {
  function setup() {
    const time = { now: 1000 }
    const clock = (): number => time.now
    const far = memoryCache({ clock })
    const reads: string[] = []
    const counted: Cache = { ...far, get: (key) => (reads.push(key), far.get(key)) }
    const instance = (): Cache => tiered(memoryCache({ clock }), counted, { clock })
    return { time, reads, one: instance(), two: instance() }
  }

  test('cache: the far cache is asked once, then the near one answers', async () => {
    const { reads, one, two } = setup()
    await one.put('a', 'x', { ttl: 300 })
    expect([await one.get('a'), await two.get('a'), await two.get('a')]).toEqual(['x', 'x', 'x'])
    expect(reads).toEqual(['a'])
    expect(await one.get('absent')).toBeUndefined()
  })

  test('cache: an entry that came from the far cache keeps its end', async () => {
    const { time, one, two } = setup()
    await one.put('a', 'x', { ttl: 50 })
    time.now += 40
    expect(await two.get('a')).toBe('x')
    time.now += 10
    expect([await one.get('a'), await two.get('a')]).toEqual([undefined, undefined])
  })

  test('cache: what was deleted elsewhere is read for nearTtl at most', async () => {
    const { time, one, two } = setup()
    await one.put('a', 'x', { ttl: 300 })
    await two.get('a')
    await one.delete('a')
    expect(await one.get('a')).toBeUndefined()
    time.now += 59
    expect(await two.get('a')).toBe('x')
    time.now += 1
    expect(await two.get('a')).toBeUndefined()
  })

  test('cache: wrong options are a ConfigurationError', () => {
    expect(() => tiered(memoryCache(), memoryCache(), { nearTTL: 5 } as never)).toThrow(/"nearTtl"/)
    expect(() => tiered(memoryCache(), memoryCache(), { nearTtl: -1 })).toThrow(ConfigurationError)
  })
})

test('cache: forgiving makes a miss of every failure, and reports it', async () => {
  const failed: string[] = []
  const report = (error: unknown, where: string): void =>
    void failed.push(`${where}: ${(error as Error).message}`)
  const fail = (): Promise<never> => Promise.reject(new Error('429'))
  const cache = forgiving(
    {
      get: fail,
      put: fail,
      delete: () => {
        throw new Error('at once')
      },
    },
    report,
  )
  expect(await cache.get('a')).toBeUndefined()
  expect(await cache.put('a', 'x', { ttl: 60 })).toBeUndefined()
  expect(await cache.delete('a')).toBeUndefined()
  expect(failed).toEqual(['cache.get: 429', 'cache.put: 429', 'cache.delete: at once'])
  const working = forgiving(memoryCache(), report)
  await working.put('a', 'x', { ttl: 60 })
  expect(await working.get('a')).toBe('x')
  expect(failed).toHaveLength(3)
})
