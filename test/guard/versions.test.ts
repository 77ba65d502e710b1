// What version 1 of the guard wrote into a shared cache is read for ever. An entry of another version counts as absent.
import { expect, test } from 'vitest'
import { resolveRuntime } from '../../src/lib/runtime.ts'
import { answerCodec } from '../../src/resource-server/verify/introspection/verifier.ts'
import { KeySetCache, keySetCodec } from '../../src/resource-server/verify/key-set-cache.ts'
import type { Cache } from '../../src/types.ts'
import { introspectionAnswer, keySet } from '../fixtures/v1/guard.ts'

const versions = (text: string): string[] =>
  ['"v":2', '"v":0', '"v":"1"', '"w":1'].map((v) => text.replace('"v":1', v))

test('a key set: read, written and read again; another version is absent', async () => {
  let text = keySet
  const cache: Cache = {
    get: async () => text,
    put: async (_key, value) => void (text = value),
    delete: async () => undefined,
  }
  const it = new KeySetCache(
    cache,
    'https://as.test',
    undefined,
    resolveRuntime({ clock: () => 1_800_000_001 }),
  )
  const known = await it.read()
  expect(known).toMatchObject({ at: 1_800_000_000, freshUntil: 1_800_000_600, truncated: false })
  expect(known!.keys.map(({ kid }) => kid)).toEqual(['k1'])
  await it.write(known!, 60)
  expect(JSON.parse(text)).toEqual(JSON.parse(keySet))
  for (const other of versions(keySet)) {
    text = other
    expect([other, await it.read()]).toEqual([other, undefined])
    expect(keySetCodec.decode(other)).toBeUndefined()
  }
})

test('an introspection answer: read and written; another version is absent', () => {
  const answer = answerCodec.decode(introspectionAnswer)
  expect(answer).toMatchObject({ until: 1_800_000_060, claims: { sub: 'alice' } })
  expect(answerCodec.encode(answer!)).toBe(introspectionAnswer)
  for (const other of versions(introspectionAnswer))
    expect([other, answerCodec.decode(other)]).toEqual([other, undefined])
})
