// Upstash's own HTTP client against its REST interface, imitated in front of a real Redis.
import { Redis } from '@upstash/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redis } from '../../src/store/redis.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { freshKey } from './store.suite.ts'
import { startUpstash, type UpstashServer } from '../support/store-upstash.ts'

const url = process.env['REDIS_URL']!

let server: UpstashServer
beforeAll(async () => {
  server = await startUpstash(url)
})
afterAll(() => server.close())
const open = ({ url, token }: UpstashServer, retries = 0): Redis =>
  new Redis({ url, token, retry: { retries, backoff: () => 1 }, enableTelemetry: false })

storeAndFlowSuite("Redis by Upstash's HTTP client", () => ({
  connect: () => redis(open(server)),
  outage: async () => {
    const dying = await startUpstash(url)
    const store = redis(open(dying))
    await dying.close()
    return store
  },
}))

describe("Upstash's HTTP client", () => {
  test('ST4: a write that the client sends again after a lost answer is told that it won', async () => {
    const key = freshKey()
    const store = redis(open(server, 3))
    server.loseNextAnswer()
    const version = await store.put(key, 'mine', { ifVersion: null })
    expect(version).toEqual(expect.any(String))
    expect(server.commands.filter((words) => words.includes(version!))).toHaveLength(2)
    expect(await store.get(key)).toEqual({ value: 'mine', version })
  })

  test('ST: everything is a script, which Upstash carries out at the primary', () => {
    expect(new Set(server.commands.map(([name]) => name?.toUpperCase()))).toEqual(new Set(['EVAL']))
  })

  test('ST: check() works over HTTP', async () => {
    expect(await redis(open(server)).check()).toEqual([])
  })

  test('ST4: a refused token is an error', async () => {
    const store = redis(open({ ...server, token: 'wrong' }))
    await expect(store.get(freshKey())).rejects.toThrow('WRONGPASS')
  })
})
