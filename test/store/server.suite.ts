// What a store on a real server must stand beyond the contract: other processes, and a line that breaks.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { newIssuer } from './tokens.suite.ts'
import { ok, refusal, Rig } from '../support/as.ts'
import { connect, type Connection, type Driver } from '../support/store-connect.ts'
import { raceInTwoProcesses } from '../support/store-processes.ts'
import { startProxy, type Proxy } from './fault-proxy.ts'
import { storeAndFlowSuite } from './flow.suite.ts'
import { freshKey } from './store.suite.ts'

/** `driver` for one process, and another client library for the other one. */
export function serverSuite(title: string, driver: Driver, otherDriver: Driver, url: string): void {
  const opened: Connection[] = []
  let proxy: Proxy
  beforeAll(async () => {
    proxy = await startProxy(new URL(url))
  })
  afterAll(async () => {
    for (const each of opened) await each.close()
    await proxy.close()
  })
  const open = async (address = url): Promise<Connection> => {
    const connection = await connect(driver, address)
    opened.push(connection)
    return connection
  }
  const throughProxy = (): Promise<Connection> => {
    const address = new URL(url)
    address.host = `127.0.0.1:${proxy.port}`
    return connect(driver, address.href)
  }

  storeAndFlowSuite(title, () => ({
    connect: async () => (await open()).store,
    outage: async () => {
      const dying = await startProxy(new URL(url))
      const address = new URL(url)
      address.host = `127.0.0.1:${dying.port}`
      const { store } = await connect(driver, address.href)
      await dying.close()
      return store
    },
  }))

  describe(`two processes on ${title}`, () => {
    test.each([false, true])(
      'ST5: one winner in each round; delay between read and write: %s',
      async (delay) => {
        await raceInTwoProcesses([driver, otherDriver], url, (await open()).store, delay)
      },
    )
  })

  describe(`a broken line to ${title}`, () => {
    const [old, new_] = ['o'.repeat(60_000), 'n'.repeat(60_000)]

    test.each([1, 40, 100, 400, 1000, 16_384, 30_000, 59_000, 60_000])(
      'ST4: cut after %i bytes of a write: an error, and the old or the new record',
      async (bytes) => {
        const direct = (await open()).store
        const key = freshKey()
        const version = await direct.put(key, old, { ifVersion: null })
        const { store, close } = await throughProxy()
        proxy.cutRequestAfter(bytes)
        await expect(store.put(key, new_, { ifVersion: version! })).rejects.toThrow()
        await close()
        const record = await direct.get(key)
        expect([old, new_].includes(record!.value)).toBe(true)
        expect(record!.value === old).toBe(record!.version === version)
      },
    )

    test('ST4: the answer lost, the write stands: an error, and reading again shows the own value', async () => {
      const direct = (await open()).store
      const key = freshKey()
      const ifVersion = await direct.put(key, old, { ifVersion: null })
      const { store, close } = await throughProxy()
      proxy.cutAnswerAfter(60_000)
      await expect(store.put(key, new_, { ifVersion: ifVersion! })).rejects.toThrow()
      await close()
      const record = await direct.get(key)
      expect(record?.value === new_).toBe(true)
      expect(await direct.put(key, 'again', { ifVersion: ifVersion! })).toBeUndefined()
      expect((await direct.get(key))?.version).toBe(record?.version)
    })
  })

  describe(`a stalled line to ${title}`, () => {
    test('T8: a write that is carried out long after it was sent is refused, by the clock of the server', async () => {
      const { store } = await open()
      const key = freshKey()
      const version = await store.put(key, 'old', { ifVersion: null })
      await store.get(key)
      const now = performance.now()
      const earlier = vi.spyOn(performance, 'now').mockReturnValue(now - 6000)
      const late = store.put(key, 'late', { ifVersion: version! })
      earlier.mockRestore()
      expect(await late).toBeUndefined()
      expect(await store.get(key)).toEqual({ value: 'old', version })
      expect(await store.put(key, 'new', { ifVersion: version! })).toEqual(expect.any(String))
    })

    test('T8: a refresh that stalls for 36 s between read and write: 503, and the retry at another instance rotates', async () => {
      const { store } = await throughProxy()
      const r = new Rig({ issuer: newIssuer(), store })
      r.now = Math.floor(Date.now() / 1000)
      const other = r.twin({ store: (await open()).store })
      const { refresh_token: token } = await r.tokens()
      let release: (() => void) | undefined
      r.store.before = ({ method }) => {
        if (method === 'put') release ??= proxy.holdRequests()
      }
      expect(await refusal(await r.refresh(token))).toBe('503 temporarily_unavailable')
      r.store.before = () => undefined
      release!()
      // Behind the write on the same line.
      await store.get(freshKey())
      r.now += 36
      const next = await ok(await r.refresh(token, {}, other))
      await ok(await r.refresh(next.refresh_token))
      const seen = r.events.map(({ type }) => type).filter((type) => type.startsWith('refresh.'))
      expect(seen).toEqual([])
    })
  })
}
