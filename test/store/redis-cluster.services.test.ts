import { Cluster } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { describe, expect, test } from 'vitest'
import { redis } from '../../src/store/redis.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { type StoreHarness } from './store.suite.ts'

const urls = (process.env['REDIS_CLUSTER_URLS'] ?? '').split(' ')
const [, , replica] = urls

// Both clients are told to read from replicas where they may.
storeAndFlowSuite('a Redis cluster by redis', (): StoreHarness => {
  const closing: (() => unknown)[] = []
  const connect = async () => {
    const cluster = createCluster({ rootNodes: urls.map((url) => ({ url })), useReplicas: true })
    cluster.on('error', () => undefined)
    await cluster.connect()
    closing.push(() => cluster.destroy())
    return cluster
  }
  return {
    connect: async () => redis(await connect()),
    outage: async () => {
      const cluster = await connect()
      closing.pop()!()
      return redis(cluster)
    },
    close: () => closing.forEach((close) => close()),
  }
})

storeAndFlowSuite('a Redis cluster by ioredis', (): StoreHarness => {
  const closing: (() => unknown)[] = []
  const connect = async () => {
    const nodes = urls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }))
    const cluster = new Cluster(nodes, { scaleReads: 'slave', lazyConnect: true })
    cluster.on('error', () => undefined)
    await cluster.connect()
    closing.push(() => cluster.disconnect())
    return cluster
  }
  return {
    connect: async () => redis(await connect()),
    outage: async () => {
      const cluster = await connect()
      closing.pop()!()
      return redis(cluster)
    },
    close: () => closing.forEach((close) => close()),
  }
})

describe('a Redis cluster', () => {
  const ask = async (url: string, section: string): Promise<string> => {
    const client = await createClient({ url }).connect()
    const info = await client.info(section)
    client.destroy()
    return info
  }

  test('ST5: the records lie on both primaries, and no replica was read', async () => {
    for (const url of urls.slice(0, 2)) {
      expect(await ask(url, 'commandstats')).toContain('cmdstat_eval:')
      expect(await ask(url, 'keyspace')).toContain('db0:keys=')
    }
    const atReplica = await ask(replica!, 'commandstats')
    expect(atReplica).toContain('cmdstat_set:')
    expect(atReplica).not.toMatch(/cmdstat_(eval|get)/)
  })

  test('ST5: check() tells of a replica', async () => {
    const client = await createClient({ url: replica!, readonly: true }).connect()
    expect(await redis(client).check()).toContainEqual(
      expect.objectContaining({ level: 'error', code: 'redis.replica' }),
    )
    client.destroy()
  })
})
