import { expect, test } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import type { Cache } from '../../src/index.ts'
import {
  good,
  issuer,
  jwksUri,
  key,
  post,
  rawToken,
  resourceB,
  start,
  token,
  verdict,
  world,
} from '../support/guard.ts'

const long = { exp: start + 1_000_000 }
const unknownKid = (i: number): Promise<string> =>
  rawToken({ alg: 'ES256', kid: `random-${i}`, typ: 'at+jwt' })

test('G20 a flood of unknown key ids costs one fetch a cooldown, and valid tokens pass', async () => {
  const it = await world()
  const flood = async (): Promise<string[]> => {
    const tokens = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => (i % 100 === 0 ? token({ jti: `${i}` }) : unknownKid(i))),
    )
    const responses = await Promise.all(tokens.map((each) => it.call(post(each))))
    return Promise.all(responses.map((each) => (each.status === 200 ? 'ok' : verdict(each))))
  }
  const expected = Array.from({ length: 1000 }, (_, i) => (i % 100 === 0 ? 'ok' : '401-tok'))
  expect(await flood()).toEqual(expected)
  expect(it.outside.count(jwksUri)).toBe(1)
  it.elapsed = 31
  expect(await flood()).toEqual(expected)
  expect(it.outside.count(jwksUri)).toBe(2)
})

test('G21 a new key is fetched once, a removed one is refused from then on, in the token cache too', async () => {
  const [k1, k2] = [await key('k1'), await key('k2')]
  const it = await world()
  const old = await token(long)
  const responses = await Promise.all(Array.from({ length: 200 }, () => it.call(post(old))))
  expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 200))
  expect(it.outside.count(jwksUri)).toBe(1)
  it.publish([k1.jwk, k2.jwk])
  it.elapsed = 31
  expect((await it.call(post(await token(long, {}, k2)))).status).toBe(200)
  expect(it.outside.count(jwksUri)).toBe(2)
  expect((await it.call(post(old))).status).toBe(200)
  it.publish([k2.jwk])
  it.elapsed = 31 + 599
  expect((await it.call(post(old))).status).toBe(200)
  it.elapsed = 31 + 600
  expect(await verdict(await it.call(post(old)))).toBe('401-tok')
  expect((await it.call(post(await token(long, {}, k2)))).status).toBe(200)
  expect(it.outside.count(jwksUri)).toBe(3)
})

test('G21 the same key id with other key material is another key', async () => {
  const it = await world()
  const old = await token(long)
  expect((await it.call(post(old))).status).toBe(200)
  it.publish([{ ...(await key('k2')).jwk, kid: 'k1' }])
  it.elapsed = 601
  expect(await verdict(await it.call(post(old)))).toBe('401-tok')
})

const outages: [string, () => Response | Promise<Response>][] = [
  ['500', () => new Response('no', { status: 500 })],
  ['a timeout', () => Promise.reject(new DOMException('slow', 'TimeoutError'))],
  ['HTML', () => new Response('<html>')],
  ['10 MB', () => new Response(`{"keys":[],"x":"${'x'.repeat(10_000_000)}"}`)],
  ['{}', () => Response.json({})],
  ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://10.0.0.1/jwks' } })],
]

test.each(outages)('G22 the key set answers %s', async (_, outage) => {
  const it = await world()
  it.outside.routes.set(jwksUri, outage)
  const text = await token(long)
  expect(await verdict(await it.call(post(text)))).toBe('503-closed')
  it.publish([(await key('k1')).jwk])
  it.elapsed = 1
  expect((await it.call(post(text))).status).toBe(200)
  it.outside.routes.set(jwksUri, outage)
  // Stale, and used because there is nothing better: for tokens that are known and for new ones.
  it.elapsed = 602
  const before = it.outside.count(jwksUri)
  expect((await it.call(post(text))).status).toBe(200)
  expect((await it.call(post(await token({ ...long, jti: '2' })))).status).toBe(200)
  expect(it.outside.count(jwksUri) - before).toBe(1)
  expect(await verdict(await it.call(post(await unknownKid(1))))).toBe('503-closed')
  it.elapsed = 601 + 86_399
  expect((await it.call(post(text))).status).toBe(200)
  it.elapsed = 601 + 86_400
  expect(await verdict(await it.call(post(text)))).toBe('503-closed')
  expect(await verdict(await it.call(post(await token({ ...long, jti: '3' }))))).toBe('503-closed')
  expect(it.outside.requests.filter((url) => url.includes('10.0.0.1'))).toEqual([])
  it.publish([(await key('k1')).jwk])
  it.elapsed += 30
  expect((await it.call(post(text))).status).toBe(200)
})

test('G22 a jwks_uri in a private network is not requested', async () => {
  const it = await world()
  for (const uri of ['http://169.254.169.254/jwks', 'https://10.0.0.1/jwks', 'http://localhost/jwks', 1]) {
    it.outside.routes.set(`${issuer}/.well-known/oauth-authorization-server`, () =>
      Response.json({ issuer, jwks_uri: uri }),
    )
    const asked = it.outside.requests.length
    expect(await verdict(await it.call(post(await token())))).toBe('503-closed')
    expect(it.outside.requests.length).toBeGreaterThan(asked)
    it.elapsed += 30
  }
  expect(it.outside.requests.filter((url) => !url.startsWith(issuer))).toEqual([])
})

test('RFC 9111 §5.2.2 the set is fresh as long as it says, within bounds', async () => {
  const cases: [control: string, age: string | undefined, fresh: number][] = [
    ['max-age=300', undefined, 300],
    ['public, max-age=300', '100', 200],
    ['max-age=1', undefined, 60],
    ['max-age=99999999', undefined, 86_400],
    ['no-store', undefined, 60],
    ['s-maxage=5', undefined, 600],
  ]
  for (const [control, age, fresh] of cases) {
    const it = await world()
    it.publish([(await key('k1')).jwk], { 'cache-control': control, ...(age === undefined ? {} : { age }) })
    const call = async (): Promise<number> => (await it.call(post(await token(long)))).status
    expect(await call()).toBe(200)
    it.elapsed = fresh - 1
    expect([control, await call(), it.outside.count(jwksUri)]).toEqual([control, 200, 1])
    it.elapsed = fresh
    expect([control, await call(), it.outside.count(jwksUri)]).toEqual([control, 200, 2])
  }
})

test('G25 a token that is known is refused from exp plus skew on', async () => {
  const it = await world()
  const text = await token({ exp: start + 60 })
  expect((await it.call(post(text))).status).toBe(200)
  it.elapsed = 64
  expect((await it.call(post(text))).status).toBe(200)
  it.elapsed = 65
  expect(await verdict(await it.call(post(text)))).toBe('401-tok')
  it.elapsed = 66
  expect(await verdict(await it.call(post(text)))).toBe('401-tok')
})

test('a token that is known costs no signature and no request, and what differs in one character is another token', async () => {
  const it = await world()
  const text = await token()
  await it.call(post(text))
  it.outside.routes.clear()
  expect((await it.call(post(text))).status).toBe(200)
  const [head, body, signature] = text.split('.') as [string, string, string]
  const other = body.startsWith('eyJpc3M') ? body.replace('eyJpc3M', 'eyJpc3N') : `x${body.slice(1)}`
  expect(await verdict(await it.call(post(`${head}.${other}.${signature}`)))).toBe('401-tok')
})

test('instances share the key set through the cache, and a cache that lies or fails changes nothing', async () => {
  const cache = memoryCache({ clock: () => start })
  const first = await world({ options: { cache } })
  const second = await world({ options: { cache } })
  expect((await first.call(post(await token()))).status).toBe(200)
  expect((await second.call(post(await token()))).status).toBe(200)
  expect(second.outside.requests).toEqual([])
  const lies = [
    'no json',
    '{"v":1,"keys":[],"at":1e12,"freshUntil":1e12}',
    `{"v":1,"keys":[],"at":${start},"freshUntil":1e15}`,
    '{"v":1,"keys":1,"at":1,"freshUntil":2}',
    '{"keys":1}',
    '[]',
  ]
  for (const lie of lies) {
    const lying: Cache = { get: async () => lie, put: async () => undefined, delete: async () => undefined }
    const it = await world({ options: { cache: lying } })
    expect([lie, (await it.call(post(await token()))).status]).toEqual([lie, 200])
  }
  const broken: Cache = {
    get: () => Promise.reject(new Error('down')),
    put: () => Promise.reject(new Error('down')),
    delete: () => Promise.reject(new Error('down')),
  }
  const it = await world({ options: { cache: broken } })
  expect((await it.call(post(await token()))).status).toBe(200)
})

test('another instance’s newer set is taken over before anybody is asked', async () => {
  const shared = memoryCache({ clock: () => start })
  const [k1, k2] = [await key('k1'), await key('k2')]
  const a = await world({ options: { cache: shared } })
  const b = await world({ options: { cache: shared } })
  await a.call(post(await token()))
  await b.call(post(await token()))
  a.publish([k1.jwk, k2.jwk])
  a.elapsed = b.elapsed = 31
  expect((await a.call(post(await token({}, {}, k2)))).status).toBe(200)
  expect((await b.call(post(await token({}, {}, k2)))).status).toBe(200)
  expect(b.outside.requests).toEqual([])
})

test('several resources of one resource server share one key set and no token', async () => {
  const it = await world({
    options: { resource: [{ resource: 'https://mcp.test/mcp' }, { resource: resourceB }] },
  })
  const text = await token()
  expect((await it.call(post(text))).status).toBe(200)
  expect((await it.call(post(text, {}, resourceB))).status).toBe(401)
  expect((await it.call(post(await token({ aud: resourceB }), {}, resourceB))).status).toBe(200)
  expect(it.outside.count(jwksUri)).toBe(1)
})

test('without a kid every key that fits is tried', async () => {
  const k2 = await key('k2')
  const it = await world({ keys: [(await key('k1')).jwk, k2.jwk] })
  expect((await it.call(post(await token({}, { kid: undefined }, k2)))).status).toBe(200)
  expect(await verdict(await it.call(post(await token({}, { kid: undefined }, await key('k3')))))).toBe(
    '401-tok',
  )
})

test('waitUntil keeps the fetch of the keys and the write of the cache alive', async () => {
  const kept: Promise<unknown>[] = []
  const it = await world({
    options: { waitUntil: (promise) => kept.push(promise), cache: memoryCache({ clock: () => start }) },
  })
  expect((await it.call(post(await token()))).status).toBe(200)
  expect(kept.length).toBeGreaterThanOrEqual(2)
  await Promise.all(kept)
})

test('tokenCache: false verifies each time, and a tiny cache still answers right', async () => {
  const none = await world({ options: { tokenCache: false } })
  const tiny = await world({ options: { tokenCache: { size: 1 } } })
  const tokens = await Promise.all(['a', 'b', 'c'].map((jti) => token({ jti, sub: jti })))
  for (const it of [none, tiny]) {
    for (const [i, text] of [...tokens, ...tokens].entries()) {
      expect((await it.call(post(text))).status).toBe(200)
      expect(it.auth?.subject).toBe('abc'[i % 3])
    }
  }
  expect(good.sub).toBe('alice')
})

test.each([
  ['key_ops is a string', { key_ops: 'verify' }],
  ['key_ops lacks verify', { key_ops: ['sign'] }],
  ['alg is a number', { alg: 5 }],
  ['alg is a list', { alg: ['ES256'] }],
])('RFC 7517 §4 a key is not usable if %s', async (_, members) => {
  const it = await world()
  it.publish([{ ...(await key('k1')).jwk, ...members } as never, (await key('k2')).jwk])
  expect(await verdict(await it.call(post(await token())))).toBe('401-tok')
})
