import { expect, test } from 'vitest'
import { TokenCache, type Verified } from '../../src/resource-server/guard/token-cache.ts'

const entry = (token: string): Verified => ({
  token,
  auth: {} as never,
  carried: new Set(),
  until: 1,
  revalidate: undefined,
  reportAccepted: () => undefined,
})

test('tokens with the same end are told apart by the whole', () => {
  const cache = new TokenCache(10)
  const end = 'e'.repeat(32)
  cache.set(entry(`alice.${end}`))
  expect(cache.get(`mallory.${end}`)).toBeUndefined()
  expect(cache.get(end)).toBeUndefined()
  expect(cache.get(`alice.${end}`)?.token).toBe(`alice.${end}`)
})

test('short tokens have no end but themselves', () => {
  const cache = new TokenCache(10)
  cache.set(entry('a'))
  expect([cache.get('a')?.token, cache.get('b')]).toEqual(['a', undefined])
})

test('never more than its size, and what is used stays', () => {
  const cache = new TokenCache(10)
  cache.set(entry('kept'))
  let known = 0
  for (let i = 0; i < 1000; i++) {
    cache.set(entry(`token-${i}`))
    expect(cache.get('kept')?.token).toBe('kept')
  }
  for (let i = 0; i < 1000; i++) if (cache.get(`token-${i}`) !== undefined) known++
  expect(known).toBeLessThanOrEqual(10)
  expect(known).toBeGreaterThan(0)
})

test('what is deleted is gone, wherever it lay', () => {
  const cache = new TokenCache(2)
  cache.set(entry('old'))
  cache.set(entry('new'))
  for (const token of ['old', 'new']) {
    cache.delete(token)
    expect(cache.get(token)).toBeUndefined()
  }
})
