import { describe, expect, test } from 'vitest'
import {
  createClient,
  credentialsFromEnvironment,
  memoryStorage,
  type ClientStorage,
} from '../../src/client/index.ts'
import { storeStorage } from '../../src/client/storage/store-storage.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { createWorld, resource } from '../support/client-world.ts'

const secret = 'a secret of at least thirty-two bytes'
const kinds: [string, () => ClientStorage][] = [
  ['memory', memoryStorage],
  ['store', () => storeStorage(memoryStore(), { secret })],
]

describe.each(kinds)('the %s storage', (_, create) => {
  test('keeps, replaces and forgets', async () => {
    const storage = create()
    expect(await storage.get('a:tokens')).toBeUndefined()
    await storage.set('a:tokens', '1')
    await storage.set('a:tokens', '2')
    expect(await storage.get('a:tokens')).toBe('2')
    await storage.delete('a:tokens')
    await storage.delete('a:tokens')
    expect(await storage.get('a:tokens')).toBeUndefined()
  })

  test('one key at a time, other keys meanwhile; a failure frees it', async () => {
    const storage = create()
    let inside = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 1))
      inside--
    }
    await Promise.all(Array.from({ length: 10 }, () => storage.exclusively('k', work)))
    expect(most).toBe(1)
    await expect(storage.exclusively('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const result = await storage.exclusively('k', () => storage.exclusively('other', async () => 7))
    expect(result).toBe(7)
  })
})

test('the store storage seals what it writes, and binds it to its key', async () => {
  const store = memoryStore()
  const storage = storeStorage(store, { secret })
  await storage.set('a:tokens', 'a very secret token')
  const record = await store.get('a:tokens')
  expect(record!.value).not.toContain('secret')
  await store.put('b:tokens', record!.value, { ifVersion: null })
  expect(await storage.get('b:tokens')).toBeUndefined()
  expect(
    await storeStorage(store, { secret: ['another secret of thirty-two bytes!', secret] }).get('a:tokens'),
  ).toBe('a very secret token')
  expect(() => storeStorage(store, { secret: 'short' })).toThrow('secret')
})

test('the store storage: an abandoned lock is free after its lease', async () => {
  const store = memoryStore()
  let now = 1000
  const storage = storeStorage(store, { secret, clock: () => now })
  void storage.exclusively('k', () => new Promise(() => undefined))
  let entered = false
  const waiter = storage.exclusively('k', async () => {
    entered = true
  })
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(entered).toBe(false)
  now += 31
  await waiter
  expect(entered).toBe(true)
})

test('T18 clocks of two machines that differ by more than the lease: one holder', async () => {
  const store = memoryStore()
  let now = 1000
  const one = storeStorage(store, { secret, clock: () => now })
  for (const skew of [31, -31, 5000]) {
    const other = storeStorage(store, { secret, clock: () => now + skew })
    const key = `k${skew + 100}`
    void one.exclusively(key, () => new Promise(() => undefined))
    let entered = false
    const waiter = other.exclusively(key, async () => {
      entered = true
    })
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(entered, `${skew}`).toBe(false)
    // Each machine measures the lease with its own clock.
    now += 31
    await waiter
  }
})

test('T18 a holder that was too slow writes and deletes nothing after another has taken over', async () => {
  const store = memoryStore()
  let now = 1000
  const [slow, other] = [0, 1].map(() => storeStorage(store, { secret, clock: () => now })) as [
    ClientStorage,
    ClientStorage,
  ]
  await slow.set('k', 'first')
  for (const late of [() => slow.set('k', 'late'), () => slow.delete('k')]) {
    let resume = (): void => undefined
    const stalled = new Promise<void>((resolve) => (resume = resolve))
    let holds = (): void => undefined
    const held = new Promise<void>((resolve) => (holds = resolve))
    const work = slow.exclusively('k', async () => {
      holds()
      await stalled
      await late()
    })
    await held
    const next = other.exclusively('k', async () => other.set('k', 'second'))
    await new Promise((resolve) => setTimeout(resolve, 120))
    now += 31
    await next
    resume()
    await expect(work).rejects.toMatchObject({ status: 503 })
    expect(await slow.get('k')).toBe('second')
  }
  // The next turn is a fresh one.
  await slow.exclusively('k', async () => slow.set('k', 'third'))
  expect(await other.get('k')).toBe('third')
})

test('T18 one of two that hold the same lock takes what is there once', async () => {
  const store = memoryStore()
  let now = 1000
  const storages = [0, 1].map(() => storeStorage(store, { secret, clock: () => now }))
  await storages[0]!.set('k', 'once')
  let resume = (): void => undefined
  const stalled = new Promise<void>((resolve) => (resume = resolve))
  const take = (storage: ClientStorage): Promise<string | undefined> =>
    storage.exclusively('k', async () => {
      const value = await storage.get('k')
      await stalled
      if (value !== undefined) await storage.delete('k')
      return value
    })
  const taken = storages.map((each) => take(each).catch(() => undefined))
  await new Promise((resolve) => setTimeout(resolve, 120))
  now += 31
  await new Promise((resolve) => setTimeout(resolve, 120))
  resume()
  expect((await Promise.all(taken)).filter((each) => each === 'once')).toHaveLength(1)
})

test('stdio: credentials from the environment, secrets not enumerable, newlines cut, nonsense refused', () => {
  const credentials = credentialsFromEnvironment({
    MCP_ACCESS_TOKEN: 'token\n',
    MCP_CLIENT_ID: 'id',
    MCP_CLIENT_SECRET: 'a b',
    MCP_SCOPE: 'read  write',
  })
  expect(credentials.accessToken).toBe('token')
  expect(credentials.headers()).toEqual({ authorization: 'Bearer token' })
  expect(credentials.clientSecret).toBeUndefined()
  expect(credentials.scopes).toEqual(['read', 'write'])
  expect(JSON.stringify(credentials)).toBe('{"clientId":"id","scopes":["read","write"]}')
  expect(credentialsFromEnvironment({ X_ACCESS_TOKEN: 't' }, { prefix: 'X_' }).accessToken).toBe('t')
  expect(credentialsFromEnvironment({ MCP_ACCESS_TOKEN: 'a\r\nb' }).headers()).toEqual({})
})

test('what expires is bounded in memory, oldest first; what does not stays', async () => {
  const storage = memoryStorage({ clock: () => 0 })
  await storage.set('first:tokens', 'kept')
  for (let i = 0; i < 1010; i++) await storage.set(`${i}:flow`, 'x', { expiresAt: 1 })
  expect(await storage.get('first:tokens')).toBe('kept')
  expect(await storage.get('9:flow')).toBeUndefined()
  expect(await storage.get('10:flow')).toBe('x')
  await storage.delete('10:flow')
  await storage.set('last:flow', 'x', { expiresAt: 1 })
  expect(await storage.get('11:flow')).toBe('x')
})

test('one user who abandons authorizations evicts only values of that user', async () => {
  const storage = memoryStorage({ clock: () => 0 })
  await storage.set('first:flow', 'x', { expiresAt: 600, owner: 'user' })
  for (let i = 0; i < 1010; i++) await storage.set(`${i}:flow`, 'x', { expiresAt: 600, owner: 'other' })
  expect(await storage.get('first:flow')).toBe('x')
  expect(await storage.get('9:flow')).toBeUndefined()
  expect(await storage.get('10:flow')).toBe('x')
})

test('what has expired is dropped from memory at the next write, of any user', async () => {
  let now = 0
  const storage = memoryStorage({ clock: () => now })
  await storage.set('a:flow', 'x', { expiresAt: 600, owner: 'user' })
  await storage.set('b:flow', 'x', { expiresAt: 900, owner: 'user' })
  now = 600
  await storage.set('c:flow', 'x', { expiresAt: 1200, owner: 'other' })
  expect(await storage.get('a:flow')).toBeUndefined()
  expect(await storage.get('b:flow')).toBe('x')
})

test('a pending authorization is stored under its user', async () => {
  const world = createWorld()
  const storage = memoryStorage({ clock: world.clock })
  const owners: (string | undefined)[] = []
  const client = createClient({
    fetch: world.fetch,
    clock: world.clock,
    subject: 'user',
    redirect: 'https://app.test/callback',
    storage: {
      ...storage,
      set: async (key, value, options) => {
        if (options?.expiresAt !== undefined) owners.push(options.owner)
        return storage.set(key, value, options)
      },
    },
  })
  await client.authorize(resource)
  expect(owners).toEqual(['user'])
})

test('the store storage: what expires is gone then, and is told to the store', async () => {
  const store = memoryStore()
  const ends: (number | undefined)[] = []
  let now = 1000
  const storage = storeStorage(
    {
      ...store,
      put: (key, value, options) => (ends.push(options.expiresAt), store.put(key, value, options)),
    },
    { secret: 'a secret for tests, long enough to be one', clock: () => now },
  )
  await storage.set('a:flow', 'x', { expiresAt: 1600 })
  await storage.set('a:tokens', 'y')
  expect(ends).toEqual([1600, undefined])
  expect(await storage.get('a:flow')).toBe('x')
  now = 1601
  expect(await storage.get('a:flow')).toBeUndefined()
  expect(await storage.get('a:tokens')).toBe('y')
})
