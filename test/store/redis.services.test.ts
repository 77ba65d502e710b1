import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { garbageMargin } from '../../src/store/contract.ts'
import { redis, type RedisClient } from '../../src/store/redis.ts'
import { startProxy } from './fault-proxy.ts'
import { serverSuite } from './server.suite.ts'
import { freshKey } from './store.suite.ts'

const url = process.env['REDIS_URL']!

serverSuite('Redis by redis', 'redis', 'ioredis', url)
serverSuite('Redis by ioredis', 'ioredis', 'redis', url)

describe('Redis', () => {
  const client = createClient({ url })
  beforeAll(async () => {
    await client.connect()
  })
  afterAll(() => client.destroy())

  test('ST: one string for each record; the partition is the hash tag', async () => {
    const key = freshKey('a:b')
    const [partition] = key.split(':')
    await redis(client, { prefix: 'mine:' }).put(key, 'value', { ifVersion: null, expiresAt: 4e9 })
    const raw = await client.get(`mine:{${partition}}:a:b`)
    expect(raw).toMatch(/^\d{1,10}-\d{1,10}-\d{1,10} 4000000000 value$/)
    expect(await redis(client).get(key)).toBeUndefined()
  })

  test('ST3: the time to live is relative to the clock, plus a margin; none without an expiry', async () => {
    const store = redis(client, { clock: () => 1000, prefix: '' })
    const ttl = async (key: string, expiresAt?: number): Promise<number> => {
      const held = await store.get(key)
      const options = { ifVersion: held?.version ?? null, ...(expiresAt === undefined ? {} : { expiresAt }) }
      await store.put(key, 'x', options)
      return client.ttl(`{${key.split(':')[0]}}:record`)
    }
    const key = freshKey()
    expect(Math.abs((await ttl(key, 1060)) - (60 + garbageMargin))).toBeLessThanOrEqual(2)
    // A clock that is far ahead of the record's does not make it vanish.
    expect(Math.abs((await ttl(key, 1)) - garbageMargin)).toBeLessThanOrEqual(2)
    expect(await ttl(key)).toBe(-1)
    expect(await ttl(freshKey(), 1e15)).toBe(-1)
  })

  test.each(['garbage', 'garb\tage', 'version 4000000000', 'version nothing at all'])(
    'F7: a damaged record is handed out, so that it can be told and written over: %o',
    async (text) => {
      const key = freshKey()
      const store = redis(client, { prefix: '' })
      await client.set(`{${key.split(':')[0]}}:record`, text)
      const { version } = (await store.get(key))!
      expect(version).toBe(text.split(' ')[0])
      expect(await store.put(key, 'whole', { ifVersion: version })).toEqual(expect.any(String))
      expect(await store.get(key)).toMatchObject({ value: 'whole' })
    },
  )

  test('ST4: a client that sends a write again after a reconnect is told that it won', async () => {
    const proxy = await startProxy(new URL(url))
    const again = new IoRedis(`redis://127.0.0.1:${proxy.port}`)
    const key = freshKey()
    const store = redis(again)
    await store.get(key)
    proxy.cutAnswerAfter(1)
    const version = await store.put(key, 'mine', { ifVersion: null })
    expect(version).toEqual(expect.any(String))
    expect(await redis(client).get(key)).toEqual({ value: 'mine', version })
    again.disconnect()
    await proxy.close()
  })

  test('ST: check() warns of a policy that evicts', async () => {
    const store = redis(client)
    const policy = (value: string): Promise<unknown> => client.configSet('maxmemory-policy', value)
    try {
      await policy('noeviction')
      expect(await store.check()).toEqual([])
      for (const evicting of ['allkeys-lru', 'volatile-ttl']) {
        await policy(evicting)
        expect(await store.check()).toMatchObject([{ level: 'warning', code: 'redis.evicting-policy' }])
      }
    } finally {
      await policy('noeviction')
    }
  })

  test('ST: check() says so where the server does not tell its policy', async () => {
    const silent: RedisClient = { eval: () => Promise.reject(new Error('NOPERM')) }
    expect(await redis(silent).check()).toMatchObject([
      { code: 'redis.evicting-policy', message: expect.stringContaining('unknown') },
    ])
  })

  test('redis: a wrong client is a ConfigurationError', () => {
    expect(() => redis(undefined as never)).toThrow(ConfigurationError)
    expect(() => redis({} as never)).toThrow(
      /^`client` must be a client of redis, ioredis or Upstash; got object/,
    )
    expect(() => redis(client, { prefixx: 'a' } as never)).toThrow(/^`prefixx` is not an option/)
    expect(() => redis(client, { clock: 7 } as never)).toThrow(/^`clock` must be a function; got number/)
  })
})
