import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { jwtVerify } from 'jose/jwt/verify'
import { expect, test, vi } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import { ConfigurationError, InvalidTokenError, UnavailableError } from '../../src/errors.ts'
import {
  introspectionVerifier,
  type IntrospectionAuthentication,
  type IntrospectionOptions,
} from '../../src/resource-server/verify/introspection/introspection.ts'
import type { Cache, OpaqueProfile, TollgateEvent, TokenVerifier } from '../../src/types.ts'
import { onWorkers } from '../support/platform.ts'

const now = 1_790_000_000
const issuer = 'https://as.test'
const resource = 'https://mcp.test/mcp'
const profile: OpaqueProfile = { issuer, endpoint: `${issuer}/introspect` }
const authentication: IntrospectionAuthentication = {
  method: 'client_secret_basic',
  clientId: 'rs',
  clientSecret: 'secret',
}
const active = {
  active: true,
  iss: issuer,
  aud: resource,
  sub: 'alice',
  client_id: 'client-1',
  scope: 'notes:read notes:write',
  exp: now + 900,
}

interface Setup {
  answer?: unknown
  respond?: (request: Request) => Response | Promise<Response>
  options?: IntrospectionOptions
  over?: Partial<OpaqueProfile>
  clock?: () => number
  cache?: Cache
  resource?: string
  dangerouslyAllowHttp?: readonly string[]
  onEvent?: (event: TollgateEvent) => void
}

function setUp(setup: Setup = {}): {
  judge: TokenVerifier
  fetch: ReturnType<typeof vi.fn>
  requests: Request[]
} {
  const requests: Request[] = []
  const fetch = vi.fn(async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init)
    requests.push(request.clone())
    return setup.respond ? setup.respond(request) : Response.json(setup.answer ?? active)
  })
  const server = introspectionVerifier({ ...profile, ...setup.over }, { authentication, ...setup.options })
  const judge = server.verifier(setup.resource ?? resource, {
    fetch: fetch as typeof globalThis.fetch,
    clock: setup.clock ?? (() => now),
    ...(setup.cache ? { cache: setup.cache, cacheIsAuthenticated: true } : {}),
    ...(setup.dangerouslyAllowHttp ? { dangerouslyAllowHttp: setup.dangerouslyAllowHttp } : {}),
    ...(setup.onEvent ? { onEvent: setup.onEvent } : {}),
  })
  return { judge, fetch, requests }
}

test('RFC 7662 §2.1 the token goes into a form, the credentials into the header, both encoded', async () => {
  const { judge, requests } = setUp({
    options: { authentication: { method: 'client_secret_basic', clientId: 'r:s', clientSecret: 'ä +%' } },
  })
  const found = await judge.verify('opaque+/=')
  expect(found).toEqual({
    issuer,
    subject: 'alice',
    clientId: 'client-1',
    scopes: ['notes:read', 'notes:write'],
    expiresAt: now + 900,
    claims: active,
    cacheUntil: now + 60,
  })
  const request = requests[0]!
  expect([request.method, request.url]).toEqual(['POST', `${issuer}/introspect`])
  expect(Object.fromEntries(new URLSearchParams(await request.text()))).toEqual({
    token: 'opaque+/=',
    token_type_hint: 'access_token',
  })
  // RFC 6749 §2.3.1: both parts form-urlencoded.
  expect(request.headers.get('authorization')).toBe(`Basic ${btoa('r%3As:%C3%A4+%2B%25')}`)
})

test('client_secret_post, bearer and none', async () => {
  const post = setUp({ options: { authentication: { ...authentication, method: 'client_secret_post' } } })
  await post.judge.verify('t')
  expect(Object.fromEntries(new URLSearchParams(await post.requests[0]!.text()))).toMatchObject({
    client_id: 'rs',
    client_secret: 'secret',
  })
  expect(post.requests[0]!.headers.has('authorization')).toBe(false)

  const fresh = vi.fn(async () => 'fresh')
  const bearer = setUp({ options: { authentication: { method: 'bearer', token: fresh } } })
  await bearer.judge.verify('t')
  expect(bearer.requests[0]!.headers.get('authorization')).toBe('Bearer fresh')

  const none = setUp({ options: { authentication: { method: 'none' } } })
  await none.judge.verify('t')
  expect(none.requests[0]!.headers.has('authorization')).toBe(false)
})

test('RFC 7523 §3 private_key_jwt: the issuer as sole audience, 60 s, an id used once', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256' }
  const method = { method: 'private_key_jwt' as const, clientId: 'rs', key: key as never }
  const { judge, requests } = setUp({ options: { authentication: method, negativeTtl: 0, ttl: 0 } })
  await judge.verify('t1')
  await judge.verify('t2')
  const jtis = new Set<unknown>()
  for (const request of requests) {
    const form = new URLSearchParams(await request.text())
    expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion')!, publicKey, {
      currentDate: new Date(now * 1000),
    })
    expect(payload).toEqual({
      iss: 'rs',
      sub: 'rs',
      aud: issuer,
      jti: expect.any(String),
      iat: now,
      exp: now + 60,
    })
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'k1' })
    jtis.add(payload.jti)
  }
  expect(jtis.size).toBe(2)
})

test('private_key_jwt: dangerouslyAudience is the only way to another audience', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const { judge, requests } = setUp({
    options: {
      authentication: {
        method: 'private_key_jwt',
        clientId: 'rs',
        key: privateKey as CryptoKey,
        algorithm: 'RS256',
        dangerouslyAudience: `${issuer}/token`,
      },
    },
  })
  await judge.verify('t')
  const assertion = new URLSearchParams(await requests[0]!.text()).get('client_assertion')!
  const { payload } = await jwtVerify(assertion, publicKey, { currentDate: new Date(now * 1000) })
  expect(payload.aud).toBe(`${issuer}/token`)
})

const html = (status = 200): Response =>
  new Response('<html>', { status, headers: { 'content-type': 'text/html' } })

test.each<[string, unknown]>([
  ['active as a string', { ...active, active: 'true' }],
  ['active as a number', { ...active, active: 1 }],
  ['active missing', { ...active, active: undefined }],
  ['inactive', { active: false }],
  ['no audience', { ...active, aud: undefined }],
  ['an empty audience', { ...active, aud: [] }],
  ['another audience', { ...active, aud: 'https://mcp.test/other' }],
  ['the origin as audience', { ...active, aud: 'https://mcp.test' }],
  ['an audience that only begins alike', { ...active, aud: `${resource}/x` }],
  ['an audience that is no string', { ...active, aud: [{}, null, 1] }],
  ['expired', { ...active, exp: now - 6 }],
  ['exp 0', { ...active, exp: 0 }],
  ['exp as a string', { ...active, exp: '9999999999' }],
  ['exp null', { ...active, exp: null }],
  ['not yet valid', { ...active, nbf: now + 6 }],
  ['another issuer', { ...active, iss: 'https://evil.test' }],
  ['the issuer with a slash', { ...active, iss: `${issuer}/` }],
  ['a list of issuers', { ...active, iss: [issuer] }],
  ['a refresh token', { ...active, token_type: 'refresh_token' }],
  ['a refresh token, as Hydra says it', { ...active, token_use: 'refresh_token' }],
  ['a refresh token, as Keycloak says it', { ...active, typ: 'Refresh' }],
  ['a refresh token, as Casdoor says it', { ...active, tokenType: 'refresh-token' }],
  ['a refresh token, as others say it', { ...active, type: 'refresh' }],
  ['a refresh token, as Descope says it', { ...active, drn: 'DSR' }],
  ['an ID token', { ...active, typ: 'ID' }],
  ['a token that is bound to a key', { ...active, cnf: { jkt: 'x' } }],
  ['a bound token that says so by its type alone', { ...active, token_type: 'DPoP' }],
  ['an array', [active]],
  ['null', null],
  ['a string', 'active'],
])('G26 %s is an invalid token', async (_name, answer) => {
  const { judge } = setUp({ respond: () => Response.json(answer) })
  await expect(judge.verify('t')).rejects.toThrow(InvalidTokenError)
})

test('G26 HTML instead of JSON is an invalid token', async () => {
  await expect(setUp({ respond: () => html() }).judge.verify('t')).rejects.toThrow(InvalidTokenError)
})

test.each<[string, () => Response | Promise<Response>]>([
  ['500', () => html(500)],
  ['502', () => html(502)],
  ['401', () => Response.json({ error: 'invalid_client' }, { status: 401 })],
  ['403', () => html(403)],
  ['404', () => html(404)],
  ['400', () => Response.json({ error: 'invalid_request' }, { status: 400 })],
  ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://10.0.0.1/' } })],
  ['a network error', () => Promise.reject(new TypeError('refused'))],
  ['a body of 10 MB', () => new Response('x'.repeat(10_000_000))],
])('G26 %s is an outage, never a judgement', async (_name, respond) => {
  const { judge, fetch } = setUp({ respond })
  const error = await judge.verify('t').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(UnavailableError)
  expect((error as UnavailableError).retryAfter).toBe(5)
  expect(fetch).toHaveBeenCalledTimes(1)
  // Nothing of it is kept: the next request asks again.
  await judge.verify('t').catch(() => undefined)
  expect(fetch).toHaveBeenCalledTimes(2)
})

test('G26 a timeout is an outage', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const { judge } = setUp({ respond: () => new Promise<Response>(() => undefined) })
    const result = expect(judge.verify('t')).rejects.toThrow(UnavailableError)
    // The hash before the request is real work.
    for (let i = 0; i < 50 && vi.getTimerCount() === 0; i++)
      await new Promise((resolve) => setImmediateLike(resolve))
    await vi.advanceTimersByTimeAsync(5000)
    await result
  } finally {
    vi.useRealTimers()
  }
})

test('F1 a slow introspection is one question for all callers, off Workers (there, one more replaces it)', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const { judge, fetch } = setUp({ respond: () => gate.then(() => Response.json(active)) })
    const calls = Array.from({ length: 30 }, () => judge.verify('t'))
    for (let i = 0; i < 50 && fetch.mock.calls.length === 0; i++)
      await new Promise((resolve) => setImmediateLike(resolve))
    await vi.advanceTimersByTimeAsync(4500)
    open()
    expect(new Set((await Promise.all(calls)).map(({ subject }) => subject))).toEqual(new Set(['alice']))
    expect(fetch).toHaveBeenCalledTimes(onWorkers ? 2 : 1)
  } finally {
    vi.useRealTimers()
  }
})

test('F1 credentials of our own that never come are an outage after 10 s, for all callers', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const token = vi.fn(() => new Promise<string>(() => undefined))
    const { judge, fetch } = setUp({ options: { authentication: { method: 'bearer', token } } })
    const calls = Promise.allSettled([judge.verify('t'), judge.verify('t')])
    await vi.advanceTimersByTimeAsync(15_000)
    for (const { status, reason } of (await calls) as PromiseRejectedResult[]) {
      expect(status).toBe('rejected')
      expect(reason).toBeInstanceOf(UnavailableError)
    }
    expect(fetch).not.toHaveBeenCalled()
    // The next caller tries again.
    token.mockImplementation(async () => 'fresh')
    vi.useRealTimers()
    await expect(judge.verify('t')).resolves.toMatchObject({ subject: 'alice' })
  } finally {
    vi.useRealTimers()
  }
})

/** A macrotask that fake timers do not replace. */
function setImmediateLike(resolve: (value?: unknown) => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    resolve()
  }
  port2.postMessage(0)
}

test('a rate limit says how long to wait, within bounds', async () => {
  for (const [header, seconds] of [
    ['7', 7],
    ['999999', 3600],
    ['soon', 5],
    ['-1', 5],
  ] as const) {
    const respond = (): Response => new Response('', { status: 429, headers: { 'retry-after': header } })
    const error = await setUp({ respond })
      .judge.verify('t')
      .catch((caught: unknown) => caught)
    expect((error as UnavailableError).retryAfter).toBe(seconds)
  }
})

test('refused credentials of our own raise an event, without them', async () => {
  const events: TollgateEvent[] = []
  const { judge } = setUp({ respond: () => html(401), onEvent: (event) => events.push(event) })
  await judge.verify('the-token').catch(() => undefined)
  expect(events).toMatchObject([
    { type: 'introspection.refused', level: 'alert', status: 401, issuer, resource },
  ])
  expect(JSON.stringify(events)).not.toMatch(/the-token|secret/)
})

test('GitHub’s 403 for a rate limit is no refusal of our credentials', async () => {
  const onEvent = vi.fn()
  const respond = (): Response =>
    new Response('', { status: 403, headers: { 'x-ratelimit-remaining': '0', 'retry-after': '60' } })
  const error = await setUp({ respond, onEvent })
    .judge.verify('t')
    .catch((caught: unknown) => caught)
  expect(error).toMatchObject({ status: 503, retryAfter: 60 })
  expect(onEvent).not.toHaveBeenCalled()
})

test('oidc-provider’s word for a JWT that it does not introspect is a judgement', async () => {
  const respond = (): Response => Response.json({ error: 'unsupported_token_type' }, { status: 400 })
  await expect(setUp({ respond }).judge.verify('t')).rejects.toThrow(InvalidTokenError)
})

test('the skew holds at both ends, and no expiry counts as an hour', async () => {
  await expect(
    setUp({ answer: { ...active, exp: now - 4, nbf: now + 4 } }).judge.verify('t'),
  ).resolves.toBeDefined()
  const found = await setUp({ answer: { ...active, exp: undefined, iss: undefined } }).judge.verify('t')
  expect(found.expiresAt).toBe(now + 3600)
  expect(found.cacheUntil).toBe(now + 60)
})

test('a result is kept no longer than the token lives', async () => {
  expect((await setUp({ answer: { ...active, exp: now + 20 } }).judge.verify('t')).cacheUntil).toBe(now + 20)
})

test('a negative answer is kept 5 s, a positive one is the guard’s to keep', async () => {
  let time = now
  const { judge, fetch } = setUp({ answer: { active: false }, clock: () => time })
  await expect(judge.verify('t')).rejects.toThrow(InvalidTokenError)
  time = now + 4.9
  await expect(judge.verify('t')).rejects.toThrow(InvalidTokenError)
  expect(fetch).toHaveBeenCalledTimes(1)
  await expect(judge.verify('u')).rejects.toThrow(InvalidTokenError)
  expect(fetch).toHaveBeenCalledTimes(2)
  time = now + 5
  await expect(judge.verify('t')).rejects.toThrow(InvalidTokenError)
  expect(fetch).toHaveBeenCalledTimes(3)
})

test('parallel requests with one token are one question', async () => {
  const { judge, fetch } = setUp()
  const found = await Promise.all(Array.from({ length: 50 }, () => judge.verify('t')))
  expect(found).toHaveLength(50)
  expect(fetch).toHaveBeenCalledTimes(1)
})

test('shared: another instance finds the answer, for 60 s in all', async () => {
  let time = now
  const clock = (): number => time
  const cache = memoryCache({ clock })
  const options = { shared: true }
  const first = setUp({ cache, clock, options })
  await first.judge.verify('t')
  time = now + 40
  const second = setUp({ cache, clock, options })
  const found = await second.judge.verify('t')
  expect(second.fetch).not.toHaveBeenCalled()
  expect(found).toMatchObject({ subject: 'alice', cacheUntil: now + 60 })
  time = now + 60
  await second.judge.verify('t')
  expect(second.fetch).toHaveBeenCalledTimes(1)
})

test('G24 shared: the entry is of this token, this issuer, this resource and this audience rule only', async () => {
  const keys: string[] = []
  const inner = memoryCache({ clock: () => now })
  const cache: Cache = {
    ...inner,
    put: (key, value, options) => (keys.push(key), inner.put(key, value, options)),
  }
  const options = { shared: true }
  await setUp({ cache, options }).judge.verify('t')
  expect(keys).toEqual([expect.stringMatching(/^introspection:[A-Za-z0-9_-]{43}$/)])
  for (const other of [
    { over: { issuer: 'https://other.test' } },
    { resource: 'https://mcp.test/b/mcp' },
    { over: { audience: { aud: ['x'] } } },
  ] satisfies Setup[]) {
    const { judge, fetch } = setUp({ cache, options, ...other })
    await judge.verify('t').catch(() => undefined)
    expect(fetch).toHaveBeenCalledTimes(1)
  }
  const { judge, fetch } = setUp({ cache, options })
  await judge.verify('T')
  expect(fetch).toHaveBeenCalledTimes(1)
})

test('shared: a cached answer is checked again, and a damaged entry is a new request', async () => {
  for (const value of [
    '{',
    'null',
    '{}',
    JSON.stringify({ v: 1, until: 'x', claims: active }),
    JSON.stringify({ v: 1, until: now - 1, claims: active }),
    JSON.stringify({ v: 1, until: now + 60, claims: null }),
    JSON.stringify({ v: 2, until: now + 60, claims: active }),
    JSON.stringify({ until: now + 60, claims: active }),
  ]) {
    const cache: Cache = { get: async () => value, put: async () => undefined, delete: async () => undefined }
    const { judge, fetch } = setUp({ cache, options: { shared: true } })
    await judge.verify('t')
    expect(fetch, value).toHaveBeenCalledTimes(1)
  }
  const expired = JSON.stringify({ v: 1, until: now + 60, claims: { ...active, exp: now - 6 } })
  const cache: Cache = { get: async () => expired, put: async () => undefined, delete: async () => undefined }
  await expect(setUp({ cache, options: { shared: true } }).judge.verify('t')).rejects.toThrow(
    InvalidTokenError,
  )
})

test('shared: an answer that is nested deeper than a call stack is good, kept or not', async () => {
  const depth = 5500
  const cache = memoryCache({ clock: () => now })
  const deep = `,"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`
  const headers = { 'content-type': 'application/json' }
  const respond = (): Response => new Response(JSON.stringify(active).replace(/\}$/, deep), { headers })
  const { judge } = setUp({ cache, options: { shared: true }, respond })
  await expect(judge.verify('t')).resolves.toMatchObject({ subject: 'alice' })
})

test('shared: a cache out of order is a cache without entries', async () => {
  const broken = (): Promise<never> => Promise.reject(new Error('kv down'))
  const cache: Cache = { get: broken, put: broken, delete: broken }
  await expect(setUp({ cache, options: { shared: true } }).judge.verify('t')).resolves.toMatchObject({
    subject: 'alice',
  })
})

test('a JWT of another issuer is not sent to this one, also without another verifier; its own and opaque tokens are', async () => {
  const { judge, fetch } = setUp()
  const part = (value: object): string => btoa(JSON.stringify(value)).replaceAll('=', '')
  const jwt = (iss?: string): string => `${part({ alg: 'ES256' })}.${part({ iss })}.x`
  expect(judge.accepts!('opaque')).toBe('otherwise')
  expect(judge.accepts!('a.b.c')).toBe('otherwise')
  expect(judge.accepts!(jwt(issuer))).toBe(true)
  expect(judge.accepts!(jwt())).toBe('otherwise')
  expect(judge.accepts!(jwt('https://other.test'))).toBe(false)
  await expect(judge.verify(jwt('https://other.test'))).rejects.toThrow(InvalidTokenError)
  expect(fetch).not.toHaveBeenCalled()
})

test.each<[string, () => unknown]>([
  ['authentication', () => introspectionVerifier(profile)],
  ['ttl', () => introspectionVerifier(profile, { authentication, ttl: 3601 })],
  ['negativeTtl', () => introspectionVerifier(profile, { authentication, negativeTtl: -1 })],
  ['clockSkew', () => introspectionVerifier(profile, { authentication, clockSkew: 61 })],
  ['unknown', () => introspectionVerifier(profile, { authentication, unknown: 1 } as never)],
  ['endpoint', () => setUp({ over: { endpoint: '/introspect' } })],
  ['endpoint', () => setUp({ over: { endpoint: 'http://as.test/i' } })],
  ['provider', () => introspectionVerifier({ provider: 'x', issuer }, { authentication })],
  ['shared', () => introspectionVerifier(profile, { authentication, shared: true }).verifier(resource, {})],
  [
    'shared',
    () =>
      introspectionVerifier(profile, { authentication, shared: true }).verifier(resource, {
        cache: memoryCache(),
      }),
  ],
])('a wrong %s is refused at construction', (option, construct) => {
  expect(construct).toThrow(ConfigurationError)
  const named = expect.stringMatching(new RegExp(`(^|\\.)${option}$`)) as string
  expect(construct).toThrow(expect.objectContaining({ option: named }) as Error)
})

test('dangerouslyAllowHttp is the only way to a plain http endpoint that is not on this machine', async () => {
  const over = { endpoint: 'http://keycloak:8080/introspect' }
  expect(() => setUp({ over })).toThrow(ConfigurationError)
  const { judge, requests } = setUp({ over, dangerouslyAllowHttp: ['http://keycloak:8080'] })
  await judge.verify('t')
  expect(requests[0]!.url).toBe(over.endpoint)
  for (const endpoint of ['https://10.0.0.1/introspect', 'http://127.0.0.1:9000/introspect'])
    await expect(setUp({ over: { endpoint } }).judge.verify('t')).resolves.toBeDefined()
})
