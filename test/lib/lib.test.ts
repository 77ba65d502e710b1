import { expect, test } from 'vitest'
import { fromBase64url, base64url, utf8 } from '../../src/lib/bytes.ts'
import { constantTimeEqual } from '../../src/lib/equal.ts'
import { Lru } from '../../src/lib/lru.ts'
import { Sealer } from '../../src/lib/sealer.ts'
import { SingleFlight } from '../../src/lib/single-flight.ts'

test('base64url writes what atob reads, at every length', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length))
    const text = base64url(bytes)
    expect(text).toMatch(/^[\w-]*$/)
    expect(fromBase64url(text)).toEqual(bytes)
  }
})

test('base64url takes only its canonical form', () => {
  expect(base64url(utf8('a?>'))).toBe('YT8-')
  expect(fromBase64url('YT8-')).toEqual(utf8('a?>'))
  for (const wrong of ['YT8=', 'YT8+', 'Y', 'YT9', 'YQ==', ' YQ'])
    expect(fromBase64url(wrong), wrong).toBeUndefined()
})

test('constantTimeEqual compares whole strings', () => {
  expect(constantTimeEqual('abc', 'abc')).toBe(true)
  for (const other of ['', 'ab', 'abd', 'abcd', 'abcabc'])
    expect(constantTimeEqual(other, 'abc'), other).toBe(false)
  expect(constantTimeEqual('', '')).toBe(true)
})

test('Lru forgets what was unused for longest', () => {
  const lru = new Lru<number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  lru.get('a')
  lru.set('c', 3)
  expect([lru.get('a'), lru.get('b'), lru.get('c')]).toEqual([1, undefined, 3])
})

test('Sealer opens what it sealed, in the same context and purpose alone', async () => {
  const old = new Sealer(['o'.repeat(32)])
  const rotated = new Sealer(['n'.repeat(32), 'o'.repeat(32)])
  const sealed = await old.seal('seal', 'issuer|grant', 'secret')
  expect(await rotated.open('seal', 'issuer|grant', sealed)).toBe('secret')
  expect(await rotated.open('seal', 'issuer|other', sealed)).toBeUndefined()
  expect(await rotated.open('cookie', 'issuer|grant', sealed)).toBeUndefined()
  expect(await new Sealer(['x'.repeat(32)]).open('seal', 'issuer|grant', sealed)).toBeUndefined()
  const flipped = (sealed.startsWith('A') ? 'B' : 'A') + sealed.slice(1)
  expect(await old.open('seal', 'issuer|grant', flipped)).toBeUndefined()
})

test('SingleFlight shares one call, and a failed flight is not kept', async () => {
  const flights = new SingleFlight<number>()
  let calls = 0
  const work = async (): Promise<number> => {
    calls++
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (calls === 1) throw new Error('first fails')
    return calls
  }
  const first = await Promise.allSettled(Array.from({ length: 20 }, () => flights.run('k', work)))
  expect(first.every(({ status }) => status === 'rejected')).toBe(true)
  expect(calls).toBe(1)
  expect(await flights.run('k', work)).toBe(2)
})
