import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  createClient,
  memoryStorage,
  type ClientOptions,
  type ClientStorage,
} from '../../src/client/index.ts'
import { storeStorage } from '../../src/client/storage/store-storage.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { createWorld, issuer, resource, type World } from '../support/client-world.ts'

const secret = 'a secret of at least thirty-two bytes'
const kinds: [string, (clock: () => number) => ClientStorage][] = [
  ['memory', () => memoryStorage()],
  ['store', (clock) => storeStorage(memoryStore(), { secret, clock })],
]

afterEach(() => vi.useRealTimers())

/** A user who approves when told to, and the open pages. */
function waitingUser(world: World): { redirect: ClientOptions['redirect']; pages: (() => void)[] } {
  const pages: (() => void)[] = []
  const listen = world.redirect.listen
  let port = 3000
  return {
    pages,
    redirect: {
      // Each program listens on a port of its own.
      listen: async (handle, options) => {
        const { uri, close } = await listen(handle, options)
        return { uri: uri.replace('3000', String(port++)), close }
      },
      open: async (url, request) => {
        await new Promise<void>((resolve) => pages.push(resolve))
        return world.redirect.open(url, request)
      },
    },
  }
}

describe.each(kinds)('U10 programs that share the %s storage', (_, createStorage) => {
  test('U10 three start without tokens: one page, one registration, one exchange', async () => {
    const world = createWorld()
    const { redirect, pages } = waitingUser(world)
    const storage = createStorage(world.clock)
    const answers = Array.from({ length: 3 }, () =>
      createClient({ fetch: world.fetch, clock: world.clock, redirect: redirect!, storage }).fetch(resource),
    )
    await vi.waitFor(() => expect(pages).toHaveLength(1))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(pages).toHaveLength(1)
    pages[0]!()
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(world.opened).toHaveLength(1)
    expect(world.to(`${issuer}/register`)).toHaveLength(1)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })

  test('U10 two that need more scopes at once: one page', async () => {
    const world = createWorld()
    const storage = createStorage(world.clock)
    const options = { fetch: world.fetch, clock: world.clock, redirect: world.redirect, storage }
    const clients = [createClient(options), createClient(options)]
    await clients[0]!.fetch(resource)
    world.needed = ['read', 'write']
    await Promise.all(clients.map((client) => client.fetch(resource)))
    expect(world.opened.map((url) => url.searchParams.get('scope'))).toEqual(['read', 'read write'])
  })

  test('U10 tokens that the server has withdrawn are not what the others take', async () => {
    const world = createWorld()
    const storage = createStorage(world.clock)
    world.issueRefresh = false
    const options = { fetch: world.fetch, clock: world.clock, redirect: world.redirect, storage }
    const clients = [createClient(options), createClient(options)]
    await clients[0]!.fetch(resource)
    world.tokens.clear()
    const answers = await Promise.all(clients.map((client) => client.fetch(resource)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(world.opened).toHaveLength(2)
  })

  test('U10 one whose user refuses: the next one asks', async () => {
    const world = createWorld()
    const storage = createStorage(world.clock)
    world.tamper = (callback) => {
      if (world.opened.length > 1) return
      callback.searchParams.delete('code')
      callback.searchParams.set('error', 'access_denied')
    }
    const options = { fetch: world.fetch, clock: world.clock, redirect: world.redirect, storage }
    const answers = await Promise.allSettled([1, 2].map(() => createClient(options).fetch(resource)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(world.opened).toHaveLength(2)
  })

  test('U10 no program waits longer than the user has to approve', async () => {
    const fakes = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const
    vi.useFakeTimers({ toFake: [...fakes], shouldAdvanceTime: true })
    const world = createWorld()
    const { redirect, pages } = waitingUser(world)
    const shared = createStorage(world.clock)
    let waiting = 0
    const storage: ClientStorage = {
      ...shared,
      exclusively: (key, work) => {
        if (key.endsWith(':authorization')) waiting++
        return shared.exclusively(key, work)
      },
    }
    const start = (authorizationTimeout: number): Promise<Response> =>
      createClient({
        ...{ fetch: world.fetch, clock: world.clock, redirect: redirect!, storage, authorizationTimeout },
      }).fetch(resource)
    // A program that waits for the user far longer than others do.
    const first = start(3600)
    await vi.waitFor(() => expect(pages).toHaveLength(1), { timeout: 5000 })
    const second = start(600)
    await vi.waitFor(() => expect(waiting).toBe(2), { timeout: 5000 })
    await vi.advanceTimersByTimeAsync(500_000)
    expect(pages).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(101_000)
    await vi.waitFor(() => expect(pages).toHaveLength(2), { timeout: 5000 })
    pages[1]!()
    expect((await second).status).toBe(200)
    pages[0]!()
    expect((await first).status).toBe(200)
  })

  test('U10 work that is alive holds the lock as long as it takes, and so does work that waits behind it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    let now = 1000
    const storage = createStorage(() => now)
    const order: string[] = []
    let end!: () => void
    const held = new Promise<void>((resolve) => (end = resolve))
    const turns = [
      storage.exclusively('k', () => held),
      storage.exclusively('k', async () => order.push('second')),
      storage.exclusively('k', async () => order.push('third')),
    ]
    const pass = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        now++
        await vi.advanceTimersByTimeAsync(1000)
      }
    }
    await pass(61)
    expect(order).toEqual([])
    end()
    await pass(1)
    await Promise.all(turns)
    expect(order.toSorted()).toEqual(['second', 'third'])
  })
})
