import { expect, test } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import { ConfigurationError } from '../../src/errors.ts'

test('cache: an entry lives as long as asked, by the injected clock', async () => {
  let now = 1000
  const cache = memoryCache({ clock: () => now })
  await cache.put('a', 'x', { ttl: 60 })
  now = 1059.9
  expect(await cache.get('a')).toBe('x')
  now = 1060
  expect(await cache.get('a')).toBeUndefined()
  await cache.put('a', 'y', { ttl: 1 })
  expect(await cache.get('a')).toBe('y')
  await cache.put('a', 'z', { ttl: 0 })
  expect(await cache.get('a')).toBeUndefined()
})

test('cache: delete, absent keys and the empty string', async () => {
  const cache = memoryCache()
  expect(await cache.get('a')).toBeUndefined()
  await cache.delete('a')
  await cache.put('a', '', { ttl: 60 })
  expect(await cache.get('a')).toBe('')
  await cache.delete('a')
  expect(await cache.get('a')).toBeUndefined()
})

test('cache: above its size the entry unused for longest goes', async () => {
  const cache = memoryCache({ size: 2 })
  await cache.put('a', '1', { ttl: 60 })
  await cache.put('b', '2', { ttl: 60 })
  await cache.get('a')
  await cache.put('c', '3', { ttl: 60 })
  expect(await Promise.all(['a', 'b', 'c'].map((key) => cache.get(key)))).toEqual(['1', undefined, '3'])
})

test('cache: wrong options are a ConfigurationError', () => {
  for (const size of [0, -1, 1.5, NaN, '5'])
    expect(() => memoryCache({ size: size as number })).toThrow(ConfigurationError)
  expect(() => memoryCache({ sise: 5 } as never)).toThrow(/did you mean "size"/)
  expect(() => memoryCache({ clock: 5 } as never)).toThrow('`clock` must be a function; got 5')
})
