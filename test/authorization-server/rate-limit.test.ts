import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import { memoryRateLimiter } from '../../src/authorization-server/rate-limit.ts'
import { basic, confidentialSecret, ok, refusal, Rig } from '../support/as.ts'

const paths = ['token', 'revoke', 'introspect'] as const
const count = (statuses: readonly number[], status: number): number =>
  statuses.filter((each) => each === status).length

test('RL1 wrong secrets at token, revocation and introspection endpoint add up; a spoofed header resets nothing', async () => {
  const rig = new Rig()
  const attempt = (i: number, secret: string, client = 'either'): Promise<Response> =>
    rig.post(
      { grant_type: 'refresh_token', refresh_token: 'x', token: 'x' },
      {
        url: rig.path(paths[i % 3]!),
        headers: {
          ...basic(client, secret),
          'x-forwarded-for': `203.0.113.${i}`,
          forwarded: `for=203.0.113.${i}`,
          'x-real-ip': `203.0.113.${i}`,
        },
      },
    )
  const statuses: number[] = []
  for (let i = 0; i < 100; i++) statuses.push((await attempt(i, `guess ${i}`)).status)
  expect(count(statuses, 401)).toBe(60)
  expect(count(statuses, 429)).toBe(40)
  for (const i of [0, 1, 2]) {
    const right = await attempt(i, confidentialSecret)
    expect(right.headers.get('retry-after')).toBe('60')
    expect(right.headers.get('cache-control')).toBe('no-store')
    expect(await refusal(right)).toBe('429 temporarily_unavailable')
  }
  expect((await attempt(1, confidentialSecret, 'conf: +%ü')).status).toBe(200)
  rig.now += 60
  expect((await attempt(1, confidentialSecret)).status).toBe(200)
})

test('RL1 guesses at codes and refresh tokens of one client from one address do not limit others', async () => {
  const rig = new Rig({ clientAddress: (request) => request.headers.get('x-test-address') ?? undefined })
  const part = (): string => randomToken()
  const guess = (client: string, address: string): Promise<Response> =>
    rig.post(
      { grant_type: 'refresh_token', client_id: client, refresh_token: `${part()}.${part()}.${part()}` },
      { headers: { 'x-test-address': address } },
    )
  const statuses: number[] = []
  for (let i = 0; i < 100; i++) statuses.push((await guess('pub', '192.0.2.1')).status)
  expect(count(statuses, 400)).toBe(60)
  expect(count(statuses, 429)).toBe(40)
  expect((await guess('pub2', '192.0.2.1')).status).toBe(400)
  expect((await guess('pub', '192.0.2.2')).status).toBe(400)
  // A valid token is served, also from there.
  const { refresh_token: token } = await rig.tokens()
  const form = { grant_type: 'refresh_token', client_id: 'pub', refresh_token: token }
  await ok(await rig.post(form, { headers: { 'x-test-address': '192.0.2.1' } }))
})

test('RL1 one limiter for several servers and instances: as Cloudflare’s binding', async () => {
  const rateLimit = memoryRateLimiter({ limit: 3, clock: () => 0 })
  const rig = new Rig({ rateLimit, clientAddress: () => '192.0.2.1' })
  const twin = rig.twin()
  const statuses: number[] = []
  for (let i = 0; i < 6; i++) statuses.push((await rig.refresh('x', {}, i % 2 ? twin : rig.as)).status)
  expect(statuses).toEqual([400, 400, 400, 429, 429, 429])
})

test('RL1 the memory of a limiter is bounded', async () => {
  let now = 0
  const limiter = memoryRateLimiter({ limit: 1, clock: () => now })
  expect(await limiter.limit({ key: 'first' })).toEqual({ success: true })
  expect(await limiter.limit({ key: 'first' })).toEqual({ success: false })
  for (let i = 0; i < 10_000; i++) await limiter.limit({ key: `key ${i}` })
  // The one unused for longest was forgotten, a recent one was not.
  expect(await limiter.limit({ key: 'first' })).toEqual({ success: true })
  expect(await limiter.limit({ key: 'key 9999' })).toEqual({ success: false })
  now = 60
  expect(await limiter.limit({ key: 'key 9999' })).toEqual({ success: true })
})

test('S15 3000 wrong secrets from as many addresses of one IPv6 network are one caller’s', async () => {
  const rig = new Rig({ clientAddress: (request) => request.headers.get('x-test-address') ?? undefined })
  const attempt = (address: string): Promise<Response> =>
    rig.post(
      { grant_type: 'refresh_token', refresh_token: 'x' },
      { headers: { ...basic('either', 'wrong'), 'x-test-address': address } },
    )
  const statuses: number[] = []
  for (let i = 0; i < 3000; i++) statuses.push((await attempt(`2001:db8:1:2::${i.toString(16)}`)).status)
  expect([count(statuses, 401), count(statuses, 429)]).toEqual([60, 2940])
  expect((await attempt('2001:db8:1:3::1')).status).toBe(401)
})

test.each([
  ['IPv4 with a port', (i: number) => `192.0.2.1:${1024 + i}`],
  ['IPv6 with a port', (i: number) => `[2001:db8::1]:${1024 + i}`],
  ['IPv4 inside IPv6', (i: number) => `${i % 2 ? '::ffff:' : ''}192.0.2.1`],
  ['what is not an address', (i: number) => `host-${i}`],
])('T12 behindProxy, %s: the limit is reached', async (_, addressOf) => {
  const rig = new Rig({ behindProxy: true })
  const statuses: number[] = []
  for (let i = 0; i < 70; i++) {
    const headers = { 'x-forwarded-for': `203.0.113.${i}, ${addressOf(i)}` }
    const form = { grant_type: 'refresh_token', client_id: 'pub', refresh_token: 'a.b.c' }
    statuses.push((await rig.post(form, { headers })).status)
  }
  expect([count(statuses, 400), count(statuses, 429)]).toEqual([60, 10])
})

test.each([
  ['a public client', 'pub'],
  ['the document of a client', 'https://client.test/id.json'],
])(
  'RL1 a caller that sends secrets for %s does not shut out a client without a secret',
  async (_, clientId) => {
    const rig = new Rig()
    const post = (more: Record<string, string> = {}): Promise<Response> =>
      rig.post({ grant_type: 'refresh_token', client_id: clientId, refresh_token: 'x', ...more })
    const statuses: number[] = []
    for (let i = 0; i < 70; i++) statuses.push((await post({ client_secret: `guess ${i}` })).status)
    expect(count(statuses, 429)).toBe(10)
    expect(await refusal(await post())).toBe('400 invalid_grant')
    if (clientId === 'pub') await ok(await rig.refresh((await rig.tokens()).refresh_token))
  },
)

test('RL1 windows of one kind, made with names of a stranger’s choice, evict none of another kind', async () => {
  const { limit } = memoryRateLimiter({ clock: () => 0 })
  const key = 'sign-in:user:ada'
  for (let i = 0; i < 10; i++) expect(await limit({ key })).toEqual({ success: true })
  expect(await limit({ key })).toEqual({ success: false })
  for (let i = 0; i < 10_001; i++) await limit({ key: `secret:c${i}` })
  expect(await limit({ key })).toEqual({ success: false })
})
