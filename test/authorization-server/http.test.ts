import { expect, test } from 'vitest'
import { memoryRateLimiter } from '../../src/authorization-server/index.ts'
import { answered, confidentialSecret, ok, refusal, Rig } from '../support/as.ts'

test('HT4 plain http at an https issuer: refused before anything is read, with the way out', async () => {
  const rig = new Rig()
  const approved = await rig.approve('pub')
  const form = {
    grant_type: 'authorization_code',
    client_id: 'pub',
    code: approved.code,
    code_verifier: approved.verifier,
  }
  rig.store.calls.length = 0
  const spoofed = { headers: { 'x-forwarded-proto': 'https' }, url: 'http://as.test/token' }
  const response = await rig.post(form, spoofed)
  expect(await response.clone().text()).toContain('behindProxy: true')
  expect(await refusal(response)).toBe('400 invalid_request')
  const register = new Request('http://as.test/register', { method: 'POST', body: '{}' })
  expect((await answered(rig.as.handle(register))).status).toBe(400)
  expect(rig.store.calls).toEqual([])
  const behind = rig.twin({ behindProxy: true })
  await ok(await rig.post(form, { ...spoofed, as: behind }))
})

test('HT4 a loopback issuer speaks http', async () => {
  const rig = new Rig({ issuer: 'http://127.0.0.1:4000' })
  await ok(await rig.redeem(await rig.approve('pub')))
})

test('HT5 answers with secrets are never stored, metadata and keys are', async () => {
  const rig = new Rig()
  const registered = await rig.register({ redirect_uris: ['https://app.test/cb'] })
  expect(registered.headers.get('cache-control')).toBe('no-store')
  expect((await rig.post({})).headers.get('cache-control')).toBe('no-store')
  expect((await answered(rig.get(rig.path('jwks')))).headers.get('cache-control')).toMatch(/^public/)
})

test('RL1 wrong secrets shut out the client from that address, and no other client or address', async () => {
  const rig = new Rig({ behindProxy: true, repeatedEvents: false })
  const attempt = (secret: string, address: string): Promise<Response> =>
    rig.post(
      { grant_type: 'refresh_token', client_id: 'post', client_secret: secret, refresh_token: 'x' },
      { headers: { 'x-forwarded-for': address } },
    )
  const statuses: number[] = []
  // The left part is the client's own invention; the proxy wrote the last one.
  for (let i = 0; i < 100; i++) statuses.push((await attempt(`guess ${i}`, `10.0.0.${i}, 192.0.2.1`)).status)
  expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 401))
  expect(statuses.slice(60)).toEqual(Array.from({ length: 40 }, () => 429))
  const right = await attempt(confidentialSecret, '192.0.2.1')
  expect(right.headers.get('retry-after')).toBe('60')
  expect(right.status).toBe(429)
  expect(await refusal(await attempt(confidentialSecret, '192.0.2.2'))).toBe('400 invalid_grant')
  const other = await rig.post(
    { grant_type: 'refresh_token', client_id: 'pub', refresh_token: 'x' },
    { headers: { 'x-forwarded-for': '192.0.2.1' } },
  )
  expect(other.status).toBe(400)
  rig.now += 60
  expect(await refusal(await attempt(confidentialSecret, '192.0.2.1'))).toBe('400 invalid_grant')
  expect(rig.events.filter(({ type }) => type === 'rate.limited').length).toBeGreaterThan(30)
})

test('RL1 ST6 two issuers with one limiter: guesses at one shut no client out at the other', async () => {
  const rateLimit = memoryRateLimiter()
  const [one, two] = ['https://one.test', 'https://two.test'].map(
    (issuer) => new Rig({ issuer, rateLimit, behindProxy: true }),
  ) as [Rig, Rig]
  const attempt = (rig: Rig): Promise<Response> =>
    rig.post({ grant_type: 'refresh_token', client_id: 'post', client_secret: 'guess', refresh_token: 'x' })
  for (let i = 0; i < 61; i++) await attempt(one)
  expect((await attempt(one)).status).toBe(429)
  expect((await attempt(two)).status).toBe(401)
})

test('RL1 brute force of codes and refresh tokens: 429 after many, and the real token still works', async () => {
  const rig = new Rig({ clientAddress: () => '192.0.2.1' })
  const tokens = await rig.tokens()
  const statuses: number[] = []
  for (let i = 0; i < 100; i++) statuses.push((await rig.refresh('a.b.c')).status)
  expect(statuses.at(-1)).toBe(429)
  expect(statuses[0]).toBe(400)
  await ok(await rig.refresh(tokens.refresh_token))
})

test('RL1 TK3 TK5 duplicates and mistakes with what was really issued are no guesses', async () => {
  const rig = new Rig({ clientAddress: () => '192.0.2.1' })
  const code = await rig.approve('pub')
  const mistaken = await Promise.all(
    Array.from({ length: 100 }, () => rig.redeem(code, { code_verifier: 'x'.repeat(43) })),
  )
  const redeemed = await Promise.all(Array.from({ length: 100 }, () => rig.redeem(code)))
  expect(new Set(mistaken.map(({ status }) => status))).toEqual(new Set([400]))
  expect(redeemed.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 99 }, () => 400)])
})

test('RL1 R8 a refused registration is not counted; a guess at the initial access token is', async () => {
  const open = new Rig({ clientAddress: () => '192.0.2.1' })
  for (let i = 0; i < 100; i++)
    expect((await open.register({ redirect_uris: ['http://evil.test/cb'] })).status).toBe(400)
  const statuses: number[] = []
  for (let i = 0; i < 400; i++)
    statuses.push((await open.register({ redirect_uris: ['https://app.test/cb'] })).status)
  expect(statuses).toEqual([
    ...Array.from({ length: 300 }, () => 201),
    ...Array.from({ length: 100 }, () => 429),
  ])
  const closed = new Rig({
    clientAddress: () => '192.0.2.1',
    initialAccessTokens: ['an initial access token of 32 characters'],
  })
  const guesses: number[] = []
  for (let i = 0; i < 100; i++)
    guesses.push((await closed.register({ redirect_uris: ['https://app.test/cb'] })).status)
  expect(guesses).toEqual([
    ...Array.from({ length: 60 }, () => 401),
    ...Array.from({ length: 40 }, () => 429),
  ])
})

test('RL1 a limiter of the deployment; if it is down, requests are let through', async () => {
  const keys: string[] = []
  let down = false
  const rig = new Rig({
    clientAddress: () => '192.0.2.1',
    rateLimit: {
      limit: async ({ key }) => {
        if (down) throw new Error('down')
        keys.push(key)
        return { success: false }
      },
    },
  })
  const metadata = { redirect_uris: ['https://app.test/cb'] }
  expect((await rig.register(metadata)).status).toBe(429)
  expect(keys).toEqual([expect.stringMatching(/^register:[\w-]{43}$/)])
  down = true
  expect((await rig.register(metadata)).status).toBe(201)
})
