import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { cloudflareKv } from '../../src/cache/cloudflare-kv.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { expiring } from '../../src/store/contract.ts'

const { KV } = env as unknown as { KV: KVNamespace }

test('cache: Cloudflare KV takes a life of 5 s, and the entry ends when asked', async () => {
  let now = 1000
  const cache = cloudflareKv(KV, { clock: () => now })
  await cache.put('a', '{"x": "é"}', { ttl: 5 })
  expect(await cache.get('a')).toBe('{"x": "é"}')
  now = 1005
  expect(await cache.get('a')).toBeUndefined()
  expect(await KV.get('a')).not.toBeNull()
  await cache.delete('a')
  expect(await KV.get('a')).toBeNull()
})

test('ST5: neither the binding nor the cache on it is taken for a store', () => {
  expect(() => expiring(KV as never, () => 0)).toThrow(ConfigurationError)
  expect(() => expiring(cloudflareKv(KV) as never, () => 0)).toThrow(
    /^`store` must be a store, .*; got a cache/,
  )
})
