// What a cached verdict rests on, and what ends it: key, epoch, block, revocation; and reads that are older than what is known.
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { afterEach, expect, test, vi } from 'vitest'
import { signJwt } from '../../src/authorization-server/token/jwt.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { createResourceServer } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { apiKeyVerifier, hashApiKey, type ApiKey } from '../../src/resource-server/verify/api-keys.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import { payload, RES_A, resources, Rig, type Call } from '../support/as.ts'
import { issuer, post, resourceA, start, verdict, world } from '../support/guard.ts'
import { onWorkers } from '../support/platform.ts'

afterEach(() => {
  vi.useRealTimers()
})

const configured = async (): Promise<Partial<AuthorizationServerOptions>> => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return { keys: { jwks: [await exportJWK(privateKey)] } }
}

const kinds: [string, () => Promise<Partial<AuthorizationServerOptions>>][] = [
  ['JWTs', async () => ({})],
  ['JWTs with keys of the configuration', configured],
  ['JWTs whose grants are asked for', async () => ({ checkRevocation: 600 })],
  [
    'opaque tokens',
    async () => ({ resources: { [RES_A]: { ...resources[RES_A], accessTokens: 'opaque' } } }),
  ],
]

test.each(kinds)(
  'S4 revokeAll(): %s that the guard knows die at once, and new ones live',
  async (_, options) => {
    const rig = new Rig(await options())
    const { access_token: token } = await rig.tokens()
    expect([await rig.call(token), await rig.call(token)]).toEqual([200, 200])
    await rig.as.revokeAll()
    expect([await rig.call(token), await rig.call(token)]).toEqual([401, 401])
    const fresh = await rig.as.handle(new Request(rig.path('jwks')))
    expect(fresh?.status).toBe(200)
    rig.now += 300
    expect(await rig.call((await rig.tokens()).access_token)).toBe(200)
  },
)

test.each(kinds)('S4 revokeAll() on another instance: %s die after 300 s', async (_, options) => {
  const rig = new Rig(await options())
  const { access_token: token } = await rig.tokens()
  expect(await rig.call(token)).toBe(200)
  await rig.twin().revokeAll()
  rig.now += 300
  expect(await rig.call(token)).toBe(401)
})

test('S4 a known JWT costs no store read until the key ring is 300 s old, and then one', async () => {
  const rig = new Rig()
  const { access_token: token } = await rig.tokens()
  await rig.call(token)
  const before = rig.store.calls.length
  rig.now += 299
  await rig.call(token)
  expect(rig.store.calls.length).toBe(before)
  rig.now += 1
  for (let i = 0; i < 10; i++) expect(await rig.call(token)).toBe(200)
  expect(rig.store.calls.length).toBe(before + 1)
})

test('S4 the store is down: a known JWT is honoured for an hour after the last look, then 503', async () => {
  const rig = new Rig({ resources: { [RES_A]: { ...resources[RES_A], lifetime: 3600 } } })
  await rig.get(rig.path('jwks'))
  rig.now += 100
  const { access_token: token } = await rig.tokens()
  rig.store.before = () => Promise.reject(new Error('down'))
  rig.now += 3499
  expect(await rig.call(token)).toBe(200)
  rig.now += 1
  expect(await rig.call(token)).toBe(503)
})

test('S4 a forged token: none that outlives the longest lifetime, and a known one dies with the key', async () => {
  const rig = new Rig()
  const { access_token: honest } = await rig.tokens()
  // Whoever has the key of this ring can do so.
  const key = await rig.context.keys.active()
  const forge = (exp: number): Promise<string> => signJwt({ ...payload(honest), exp }, key)
  expect(await rig.call(await forge(rig.now + 10 * 31_536_000))).toBe(401)
  expect(await rig.call(await forge(rig.now + 3661))).toBe(401)
  const forged = await forge(rig.now + 3600)
  expect(await rig.call(forged)).toBe(200)
  await rig.as.revokeAll()
  expect(await rig.call(forged)).toBe(401)
})

test('S4 G37 revokeAll() ends a stream that is open', async () => {
  const rig = new Rig()
  const { access_token: token } = await rig.tokens()
  const rs = createResourceServer({ resource: RES_A, authorizationServers: [rig.as], clock: () => rig.now })
  const handler = rs.protect(() => {
    const body = new ReadableStream({ start: (it) => it.enqueue(new TextEncoder().encode('data: 1\n\n')) })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const response = await handler(new Request(RES_A, { headers: { authorization: `Bearer ${token}` } }))
  const reader = response.body!.getReader()
  expect((await reader.read()).done).toBe(false)
  const next = reader.read()
  await rig.as.revokeAll()
  await vi.advanceTimersByTimeAsync(30_000)
  expect((await next).done).toBe(true)
})

test('S4 introspection, API keys and custom verifiers: a verdict ends with its time, and not later', async () => {
  let active = true
  const endpoint = `${issuer}/introspect`
  const authentication = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'x' } as const
  const key: ApiKey = { hash: await hashApiKey('notes_1'), subject: 'ada', scopes: [] }
  const servers = [
    introspectionVerifier({ issuer, endpoint }, { authentication, ttl: 60, negativeTtl: 0 }),
    apiKeyVerifier({ prefix: 'notes_', keys: () => (active ? key : undefined), ttl: 60 }),
    customVerifier({
      issuer,
      verify: () => (active ? { clientId: 'c', scopes: [] } : undefined),
      accepts: (token) => token.startsWith('custom_'),
      ttl: 60,
    }),
    customVerifier({
      issuer,
      verify: () => (active ? { clientId: 'c', scopes: [] } : undefined),
      accepts: (token) => token.startsWith('uncached_'),
    }),
  ]
  const cases: [token: string, ttl: number, server: (typeof servers)[number]][] = [
    ['opaque', 60, servers[0]!],
    ['notes_1', 60, servers[1]!],
    ['custom_1', 60, servers[2]!],
    ['uncached_1', 0, servers[3]!],
  ]
  for (const [token, ttl, server] of cases) {
    active = true
    const it = await world({ options: { authorizationServers: ['https://listed.test', server] } })
    it.outside.routes.set(endpoint, () =>
      Response.json({ active, aud: resourceA, sub: 'alice', client_id: 'c', exp: start + 900 }),
    )
    expect([token, (await it.call(post(token))).status]).toEqual([token, 200])
    active = false
    if (ttl > 0) {
      it.elapsed = ttl - 1
      expect([token, (await it.call(post(token))).status]).toEqual([token, 200])
    }
    it.elapsed = ttl
    expect([token, await verdict(await it.call(post(token)))]).toEqual([token, '401-tok'])
  }
})

/** The answer to the next read of such a key is held until `release` is called; the read itself has been done. */
function holdNext(rig: Rig, suffix: string): { read: Promise<void>; release: () => void } {
  let release: () => void = () => undefined
  let seen: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const read = new Promise<void>((resolve) => (seen = resolve))
  let first = true
  rig.store.after = ({ method, key }: Call) => {
    if (method !== 'get' || !key.endsWith(suffix) || !first) return undefined
    first = false
    seen()
    return gate
  }
  return { read, release: () => release() }
}

test('F1 a slow store: one read of the key ring for all callers, and 503 after 10 s', async () => {
  const rig = new Rig()
  const { access_token: token } = await rig.tokens()
  const cold = new Rig({ store: rig.store })
  const reads = (): number => rig.store.calls.filter(({ key }) => key.endsWith(':ring')).length
  const before = reads()
  rig.store.before = () => new Promise(() => undefined)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const statuses = Promise.all(Array.from({ length: 30 }, () => cold.call(token)))
  await vi.advanceTimersByTimeAsync(15_000)
  expect(new Set(await statuses)).toEqual(new Set([503]))
  expect(reads() - before).toBe(onWorkers ? 2 : 1)
  // The read that never ends is nobody's any more.
  vi.useRealTimers()
  rig.store.before = () => undefined
  expect(await cold.call(token)).toBe(200)
})

test('F1 a slow store: a key ring that is usable serves everyone but the caller that reads it again', async () => {
  const rig = new Rig()
  const { access_token: token } = await rig.tokens()
  expect(await rig.call(token)).toBe(200)
  rig.now += 300
  const held = holdNext(rig, ':ring')
  const leader = rig.call(token)
  await held.read
  expect(await Promise.all(Array.from({ length: 10 }, () => rig.call(token)))).toEqual(
    Array.from({ length: 10 }, () => 200),
  )
  held.release()
  expect(await leader).toBe(200)
})

const ringKids = async (rig: Rig): Promise<unknown[]> => {
  const response = (await rig.get(rig.path('jwks')))!
  return ((await response.json()) as { keys: { kid: unknown }[] }).keys.map(({ kid }) => kid)
}

test('S16 a read of the key ring in flight during revokeAll() does not bring the old one back', async () => {
  const rig = new Rig()
  const { access_token: token } = await rig.tokens()
  expect(await rig.call(token)).toBe(200)
  const old = await ringKids(rig)
  rig.now += 300
  const held = holdNext(rig, ':ring')
  const late = rig.call(token)
  await held.read
  await rig.as.revokeAll()
  held.release()
  expect(await late).toBe(401)
  expect(await rig.call(token)).toBe(401)
  expect(await ringKids(rig)).not.toEqual(expect.arrayContaining(old))
})

test('S16 a store that has lost a revocation brings nothing back; the instance that knows of it writes it back', async () => {
  const rig = new Rig()
  const { access_token: token, refresh_token: refresh } = await rig.tokens()
  const written = rig.store.written.find(({ key }) => key.endsWith(':ring'))!
  await rig.as.revokeAll()
  const { version } = (await rig.store.get(written.key))!
  await rig.store.put(written.key, written.value, { ifVersion: version })
  rig.now += 301
  expect(await rig.call(token)).toBe(401)
  expect((await rig.refresh(refresh)).status).toBe(400)
  rig.now += 3600
  expect((await rig.refresh(refresh, {}, rig.twin())).status).toBe(400)
  expect((await rig.refresh(refresh)).status).toBe(400)
  expect(await rig.call((await rig.tokens()).access_token)).toBe(200)
})

test('S16 a read in flight during block() does not lift the block', async () => {
  const rig = new Rig({ checkRevocation: 60 })
  const { access_token: token } = await rig.tokens()
  rig.now += 60
  const held = holdNext(rig, ':block')
  const late = rig.call(token)
  await held.read
  await rig.as.clients.block('pub')
  held.release()
  expect(await late).toBe(401)
  expect(await rig.call(token)).toBe(401)
})

test('S16 a read in flight during clients.put() does not bring the old client back', async () => {
  const rig = new Rig({ registration: 'stored' })
  const uris = async (): Promise<readonly string[] | undefined> =>
    (await rig.as.clients.get('own'))?.redirectUris
  await rig.twin().clients.put({ client_id: 'own', redirect_uris: ['https://a.test/cb'] })
  const held = holdNext(rig, ':client')
  const late = uris()
  await held.read
  await rig.as.clients.put({ client_id: 'own', redirect_uris: ['https://b.test/cb'] })
  held.release()
  await late
  expect(await uris()).toEqual(['https://b.test/cb'])
})

test('G22 a verifier or a key look-up of the application that never answers is 503 after 10 s', async () => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const servers = [
    [customVerifier({ issuer, verify: never })],
    [issuer, apiKeyVerifier({ prefix: 'notes_', keys: never })],
  ]
  for (const authorizationServers of servers) {
    const rs = createResourceServer({ resource: RES_A, authorizationServers })
    const handler = rs.protect(() => new Response('a tool ran'))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const answer = handler(new Request(RES_A, { headers: { authorization: 'Bearer notes_1' } }))
    await vi.advanceTimersByTimeAsync(15_000)
    expect((await answer).status).toBe(503)
    vi.useRealTimers()
  }
})
