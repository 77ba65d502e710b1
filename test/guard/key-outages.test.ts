// Key sets that are slow, empty, too long or out of reach: what it costs, and what is answered meanwhile.
import { afterEach, expect, test, vi } from 'vitest'
import { jwtVerifier } from '../../src/index.ts'
import {
  issuer,
  jwksUri,
  key,
  post,
  rawToken,
  start,
  token,
  verdict,
  world,
  type World,
} from '../support/guard.ts'
import { onWorkers } from '../support/platform.ts'

const long = { exp: start + 1_000_000 }
const metadata = `${issuer}/.well-known/oauth-authorization-server`

/** Signed by k1, whatever it says. */
const withKid = (kid: string): Promise<string> => rawToken({ alg: 'ES256', kid, typ: 'at+jwt' })

/** The answer of the key set is held until `open` is called. */
async function hold(it: World): Promise<() => void> {
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  const { jwk } = await key('k1')
  it.outside.routes.set(jwksUri, async () => {
    await gate
    return Response.json({ keys: [jwk] })
  })
  return open
}

const withoutDiscovery = { authorizationServers: [jwtVerifier({ issuer, jwksUri })] }

afterEach(() => {
  vi.useRealTimers()
})

test('F1 a slow key set: all callers wait for one fetch (on Workers, one more replaces it)', async () => {
  const it = await world({ options: withoutDiscovery })
  const open = await hold(it)
  const text = await token()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const calls = Array.from({ length: 30 }, () => it.call(post(text)))
  await vi.advanceTimersByTimeAsync(4500)
  expect(it.outside.count(jwksUri)).toBe(onWorkers ? 2 : 1)
  open()
  const responses = await Promise.all(calls)
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(it.outside.count(jwksUri)).toBe(onWorkers ? 2 : 1)
})

test('F1 while a usable set is fetched again, it serves known tokens and new ones', async () => {
  const it = await world({ options: withoutDiscovery })
  const known = await token(long)
  expect((await it.call(post(known))).status).toBe(200)
  const open = await hold(it)
  it.elapsed = 600
  const leader = it.call(post(known))
  const others = await Promise.all([
    ...Array.from({ length: 20 }, () => it.call(post(known))),
    it.call(post(await token({ ...long, jti: 'another' }))),
  ])
  expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
  expect(it.outside.count(jwksUri)).toBe(2)
  open()
  expect((await leader).status).toBe(200)
  expect(it.outside.count(jwksUri)).toBe(2)
})

test('F1 metadata and key set together have 10 s', async () => {
  const it = await world()
  const slow = (answer: () => Response) => async (): Promise<Response> => {
    await new Promise((resolve) => setTimeout(resolve, 4000))
    return answer()
  }
  it.outside.routes.set(
    metadata,
    slow(() => new Response(null, { status: 404 })),
  )
  const openid = slow(() => Response.json({ issuer, jwks_uri: jwksUri }))
  it.outside.routes.set(`${issuer}/.well-known/openid-configuration`, openid)
  it.outside.routes.set(
    jwksUri,
    slow(() => Response.json({ keys: [] })),
  )
  const text = await token()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const call = it.call(post(text))
  for (let second = 0; second < 10; second++) await vi.advanceTimersByTimeAsync(1000)
  expect(await verdict(await call)).toBe('503-closed')
})

test('F1 a shared cache that never answers is passed over', async () => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const it = await world({
    options: { ...withoutDiscovery, cache: { get: never, put: never, delete: never } },
  })
  const text = await token()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const call = it.call(post(text))
  // Reading and writing have 2 s each; between them the answer is read, which is real work.
  for (let i = 0; i < 20; i++) await vi.advanceTimersByTimeAsync(300)
  expect((await call).status).toBe(200)
})

test('F5 a 200 with an empty key set is an outage: the last good set stays', async () => {
  const it = await world({ events: true })
  const known = await token(long)
  expect((await it.call(post(known))).status).toBe(200)
  it.publish([])
  it.elapsed = 600
  expect((await it.call(post(known))).status).toBe(200)
  expect((await it.call(post(await token({ ...long, jti: 'another' })))).status).toBe(200)
  expect(it.events).toContainEqual(expect.objectContaining({ type: 'keys.unavailable', issuer }))
  const cold = await world({ keys: [] })
  expect(await verdict(await cold.call(post(known)))).toBe('503-closed')
})

test('F5 a set of more than 100 keys: an event, and a key beyond them is not called unknown', async () => {
  const [k1, k2] = [await key('k1'), await key('k2')]
  const fillers = Array.from({ length: 99 }, (_, i) => ({ ...k1.jwk, kid: `filler-${i}` }))
  const it = await world({ keys: [k1.jwk, ...fillers, k2.jwk], events: true })
  expect((await it.call(post(await token()))).status).toBe(200)
  expect(it.events).toContainEqual(
    expect.objectContaining({ type: 'keys.truncated', level: 'warning', issuer, count: 101 }),
  )
  expect(await verdict(await it.call(post(await token({}, {}, k2))))).toBe('503-closed')
})

test('F5 G20 a random kid does not keep a new key of the issuer from being found', async () => {
  const [k1, k2] = [await key('k1'), await key('k2')]
  const it = await world()
  expect((await it.call(post(await token()))).status).toBe(200)
  expect(await verdict(await it.call(post(await withKid('random-1'))))).toBe('401-tok')
  expect(it.outside.count(jwksUri)).toBe(2)
  it.publish([k1.jwk, k2.jwk])
  it.elapsed = 1
  // Within the cooldown of the random one.
  expect(await verdict(await it.call(post(await withKid('random-2'))))).toBe('401-tok')
  expect(it.outside.count(jwksUri)).toBe(2)
  const text = await token({}, {}, k2)
  const responses = await Promise.all(Array.from({ length: 20 }, () => it.call(post(text))))
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(it.outside.count(jwksUri)).toBe(3)
})

test.each([
  [
    'a thumbprint',
    'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbW',
  ],
  [
    'hexadecimal digits',
    'f833e8a7fe3fe4b878948219a1684afa373ca86f',
    '2d9a5ef5b12623c91671a7093cb323333cd07d09',
  ],
  ['a UUID', '0c9c8d1c-7c3c-4f9e-8d7c-5a3e1b2c4d5e', 'a1b2c3d4-7c3c-4f9e-8d7c-5a3e1b2c4d5f'],
  [
    'base64 with padding',
    'wvsYYFmEkcSPWOKUiQfWYyZLxlxPTDhbe1VFqUbsPqQ=',
    'ab/YYFmEkcSPWOKUiQfWYyZLxlxPTDhbe1VFqUbs+qQ=',
  ],
])('F5 %s looks like another one, and random text does not', async (_, kid, other) => {
  const k1 = await key('k1')
  const it = await world({ keys: [{ ...k1.jwk, kid }] })
  expect((await it.call(post(await token({}, { kid })))).status).toBe(200)
  expect(await verdict(await it.call(post(await withKid(other))))).toBe('401-tok')
  expect(it.outside.count(jwksUri)).toBe(2)
  expect(await verdict(await it.call(post(await withKid(other))))).toBe('401-tok')
  // The issuer has not been asked for this one, and may not be asked now.
  const third = `${kid.slice(1, -1)}${kid[0]!}${kid.at(-1)!}`
  expect(await verdict(await it.call(post(await withKid(third))))).toBe('503-closed')
  for (const random of ['x', `${other}x`, '🔑'.repeat(kid.length / 2)])
    expect(await verdict(await it.call(post(await withKid(random))))).toBe('401-tok')
  expect(it.outside.count(jwksUri)).toBe(3)
})

test('F5 a kid that looks like the issuer’s, while the issuer may not be asked: 503 that says when', async () => {
  const [k1, k2] = [await key('k1'), await key('k2')]
  const it = await world()
  expect((await it.call(post(await token()))).status).toBe(200)
  // The issuer was asked for it: it is unknown.
  expect(await verdict(await it.call(post(await withKid('k9'))))).toBe('401-tok')
  it.publish([k1.jwk, k2.jwk])
  it.elapsed = 10
  const text = await token({}, {}, k2)
  const early = await it.call(post(text))
  expect(await verdict(early)).toBe('503-closed')
  expect(early.headers.get('retry-after')).toBe('20')
  expect((await it.call(post(await token({ jti: 'another' })))).status).toBe(200)
  expect(it.outside.count(jwksUri)).toBe(2)
  it.elapsed = 30
  expect((await it.call(post(text))).status).toBe(200)
  expect(it.outside.count(jwksUri)).toBe(3)
})

test('F5 tokens of a withdrawn key are refused, however many come: clients must sign in again', async () => {
  const [k1, k2] = [await key('k1'), await key('k2')]
  const it = await world({ keys: [k1.jwk, k2.jwk] })
  expect((await it.call(post(await token()))).status).toBe(200)
  it.publish([k2.jwk])
  for (it.elapsed = 600; it.elapsed < 700; it.elapsed += 10)
    expect(await verdict(await it.call(post(await token({ jti: `${it.elapsed}` }))))).toBe('401-tok')
  expect(it.outside.count(jwksUri)).toBeLessThanOrEqual(6)
  expect((await it.call(post(await token({}, {}, k2)))).status).toBe(200)
})

test.each([
  ['metadata', metadata],
  ['key set', jwksUri],
])('F6 no usable key and a %s that answers 500: back-off from the first failure', async (_, url) => {
  const it = await world()
  const text = await token()
  const working = it.outside.routes.get(url)!
  it.outside.routes.set(url, () => new Response(null, { status: 500 }))
  const waits: (string | null)[] = []
  for (let i = 0; i < 700; i++) {
    it.elapsed = i / 100
    const response = await it.call(post(text))
    expect(await verdict(response)).toBe('503-closed')
    if (i % 100 === 0) waits.push(response.headers.get('retry-after'))
  }
  // Tried at 0, 1 and 3 s; the next try is at 7 s.
  expect(it.outside.count(url)).toBe(3)
  expect(waits).toEqual(['1', '2', '1', '4', '3', '2', '1'])
  it.outside.routes.set(url, working)
  it.elapsed = 7
  expect((await it.call(post(text))).status).toBe(200)
})
