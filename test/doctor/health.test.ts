import { expect, test } from 'vitest'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { health } from '../../src/doctor/health.ts'
import { createResourceServer, type ResourceServerOptions } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { createTestIssuer, testClock } from '../../src/testing/index.ts'
import type { Fetch, Store } from '../../src/types.ts'
import { recording, signedOut } from '../support/as.ts'

const resource = 'https://notes.test/mcp'
const issuer = 'https://issuer.test'

function guardOf(options: Partial<ResourceServerOptions> = {}) {
  const clock = testClock()
  const keys = createTestIssuer({ resource, clock })
  return createResourceServer({
    resource,
    authorizationServers: [issuer],
    clock,
    fetch: keys.fetch,
    ...options,
  })
}

function serverOf(inner: Store = memoryStore()) {
  const clock = testClock()
  const store = recording(inner, clock)
  const as = createAuthorizationServer({
    issuer: 'https://notes.test/oauth',
    secret: 'a deployment secret for tests, of forty bytes',
    store,
    resources: { [resource]: { scopes: {} } },
    signIn: signedOut,
    clock,
  })
  return { as, store, clock }
}

test('a guard and an authorization server that work are ok', async () => {
  const { as } = serverOf()
  expect(await health(guardOf(), as)).toEqual({
    ok: true,
    checks: [
      { name: 'clock', ok: true },
      { name: 'keys', of: resource, ok: true },
      { name: 'store', of: 'https://notes.test/oauth', ok: true },
      { name: 'signing-key', of: 'https://notes.test/oauth', ok: true },
    ],
  })
})

test('the check costs one read of the store, and no request while the key set is fresh', async () => {
  const { as, store } = serverOf()
  let requests = 0
  const keys = createTestIssuer({ resource })
  const fetch: Fetch = (...args) => {
    requests++
    return keys.fetch(...args)
  }
  const rs = guardOf({ fetch })
  await health(rs, as)
  const [before, asked] = [store.calls.length, requests]
  expect(asked).toBe(2)
  for (let i = 0; i < 5; i++) expect((await health(rs, as)).ok).toBe(true)
  expect(requests).toBe(asked)
  expect(store.calls.slice(before).map(({ method }) => method)).toEqual(['get', 'get', 'get', 'get', 'get'])
})

test('an issuer out of reach is not ok, with the reason; tokens are verified from known keys meanwhile', async () => {
  const down: Fetch = () => Promise.reject(new Error('connect ECONNREFUSED with a secret'))
  const found = await health(guardOf({ fetch: down }))
  expect(found.ok).toBe(false)
  expect(found.checks[1]).toMatchObject({ name: 'keys', of: resource, ok: false })
  expect(found.checks[1]!.detail).toContain('issuer.test')
  expect(JSON.stringify(found)).not.toContain('a secret')

  const clock = testClock()
  const keys = createTestIssuer({ resource, clock })
  let isDown = false
  const rs = guardOf({ clock, fetch: (...args) => (isDown ? down(...args) : keys.fetch(...args)) })
  expect((await health(rs)).ok).toBe(true)
  isDown = true
  clock.advance(3600)
  // stale-if-error: the guard still serves.
  expect((await health(rs)).ok).toBe(true)
  clock.advance(86_400)
  expect((await health(rs)).ok).toBe(false)
})

test('of several issuers each has to be there', async () => {
  const good = createTestIssuer({ resource, issuer: 'https://good.test' })
  const rs = guardOf({
    authorizationServers: ['https://good.test', 'https://bad.test'],
    fetch: (input, init) =>
      String(input).startsWith('https://good.test')
        ? good.fetch(input, init)
        : Promise.reject(new Error('down')),
  })
  expect((await health(rs)).checks[1]).toMatchObject({
    ok: false,
    detail: expect.stringContaining('bad.test'),
  })
})

test('a verifier that cannot say is not asked', async () => {
  const verify = customVerifier({ issuer, verify: () => Promise.reject(new Error('asked')) })
  const rs = guardOf({ authorizationServers: [verify] })
  expect((await health(rs)).ok).toBe(true)
})

test('a store out of reach is not ok, and no detail of the driver is told', async () => {
  const { as, store } = serverOf()
  store.before = () => {
    throw new Error('password authentication failed for postgres://user:secret@db')
  }
  const found = await health(as)
  expect(found).toMatchObject({
    ok: false,
    checks: [
      { name: 'store', ok: false, detail: 'The store is out of reach' },
      { name: 'signing-key', ok: false },
    ],
  })
  expect(JSON.stringify(found)).not.toContain('secret')
})

test('a store that hangs is not ok in bounded time', async () => {
  const { as, store } = serverOf()
  store.before = () => new Promise(() => undefined)
  const found = await health(as)
  expect(found.checks.map(({ ok, detail }) => [ok, detail])).toEqual([
    [false, 'no answer in time'],
    [false, 'no answer in time'],
  ])
})

test.each([1_800_000_000_000, 12, Number.NaN])('a clock that says %d is not ok', async (now) => {
  const rs = guardOf({ clock: () => now })
  const { ok, checks } = await health(rs)
  expect(ok).toBe(false)
  expect(checks[0]).toMatchObject({ name: 'clock', ok: false })
  expect(checks[0]!.detail).toContain('must be in seconds since the epoch')
})

test('a wrong argument is a ConfigurationError, and the only rejection', async () => {
  await expect(health()).rejects.toThrow('must be what createResourceServer() or createAuthorizationServer()')
  await expect(health({} as never)).rejects.toThrow('parts[0]')
})
