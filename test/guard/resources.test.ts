import { expect, test } from 'vitest'
import {
  createResourceServer,
  InvalidTokenError,
  jwtVerifier,
  UnavailableError,
  type AuthorizationServer,
  type VerifiedToken,
} from '../../src/index.ts'
import {
  answer,
  issuer,
  key,
  metadataA,
  post,
  resourceA,
  resourceB,
  start,
  token,
  verdict,
  world,
} from '../support/guard.ts'

const rootMetadata = 'https://mcp.test/.well-known/oauth-protected-resource'
const challenge = (response: Response): string => response.headers.get('www-authenticate') ?? ''

test('several resources: chosen by path, each with its own metadata and challenge, no root', async () => {
  const other = 'https://other.test'
  const it = await world({
    options: {
      resource: [
        { resource: resourceA, requiredScopes: ['a'] },
        { resource: resourceB, authorizationServers: [other], resourceName: 'B' },
      ],
      requiredScopes: ['all'],
    },
  })
  expect(answer(await it.call(post())).scope).toBe('a')
  expect(answer(await it.call(post(undefined, {}, `${resourceA}/messages`))).scope).toBe('a')
  const b = await it.call(post(undefined, {}, resourceB))
  expect([answer(b).scope, challenge(b)]).toEqual([
    'all',
    'Bearer scope="all", resource_metadata="https://mcp.test/.well-known/oauth-protected-resource/b/mcp"',
  ])
  const document = await it.call(new Request('https://mcp.test/.well-known/oauth-protected-resource/b/mcp'))
  expect(await document.json()).toMatchObject({
    resource: resourceB,
    authorization_servers: [other],
    resource_name: 'B',
  })
  expect((await it.call(new Request(metadataA))).status).toBe(200)
  expect((await it.call(new Request(rootMetadata))).status).toBe(404)
  for (const path of ['/', '/mcpx', '/b', '/mcp/%2e%2e/b'])
    expect([path, (await it.call(post(await token(), {}, `https://mcp.test${path}`))).status]).toEqual([
      path,
      404,
    ])
  for (const path of ['/mcp%2f..%2fb/mcp', '/mcp/..%5cb'])
    expect([path, (await it.call(post(await token(), {}, `https://mcp.test${path}`))).status]).toEqual([
      path,
      400,
    ])
  expect(it.calls).toBe(0)
})

test.each([
  ['encoded unreserved characters', '/mcp/%61dmin', 400],
  ['an encoded dot', '/mcp%2eadmin', 400],
  ['an encoded separator', '/mcp%2fadmin', 400],
  ['an encoded percent sign', '/mcp/%2561dmin', 400],
  ['an empty segment', '/mcp//admin', 400],
  ['another case', '/mcp/ADMIN', 404],
  ['another case in part', '/MCP/admin', 404],
  ['a blank that belongs to a name', '/mcp/admin/my%20notes', 200],
  ['a letter beyond ASCII', '/mcp/admin/caf%C3%A9', 200],
])('S2 several resources, %s: %s is %i', async (_, path, status) => {
  const admin = 'https://mcp.test/mcp/admin'
  const it = await world({ options: { resource: [{ resource: resourceA }, { resource: admin }] } })
  for (const aud of [resourceA, admin]) {
    const response = await it.call(post(await token({ aud }), {}, `https://mcp.test${path}`))
    expect(response.status).toBe(status === 200 && aud !== admin ? 401 : status)
  }
})

test.each(['/mcp/x/../admin', '/mcp/%2e%2e/mcp/admin', '/mcp/./admin', '/mcp\\admin', '/other/../mcp'])(
  'S2 several resources, a host that leaves the target as it came: %s is 400',
  async (path) => {
    const admin = 'https://mcp.test/mcp/admin'
    const it = await world({ options: { resource: [{ resource: resourceA }, { resource: admin }] } })
    for (const aud of [resourceA, admin]) {
      const request = post(await token({ aud }))
      Object.defineProperty(request, 'url', { value: `https://mcp.test${path}` })
      expect((await it.call(request)).status).toBe(400)
    }
    expect(it.calls).toBe(0)
  },
)

test('G34 a host that no URL can have, on a runtime that then leaves it out: 400', async () => {
  for (const resource of [resourceA, [{ resource: resourceA }, { resource: resourceB }]]) {
    const it = await world({ options: { resource } })
    const asked = async (path: string): Promise<Request> => {
      const request = post(await token(), { host: 'x@mcp.test' })
      return Object.defineProperty(request, 'url', { value: path })
    }
    expect((await it.call(await asked('/mcp'))).status).toBe(400)
    expect((await it.rs.handle(await asked('/.well-known/oauth-protected-resource/mcp')))?.status).toBe(400)
    expect(it.calls).toBe(0)
  }
})

test('need.resource chooses where the path does not tell', async () => {
  const it = await world({ options: { resource: [{ resource: resourceA }, { resource: resourceB }] } })
  const text = await token({ aud: resourceB })
  const elsewhere = (): Request => post(text, {}, 'https://mcp.test/sse')
  expect(await it.rs.authenticate(elsewhere(), { resource: resourceB })).toMatchObject({ subject: 'alice' })
  expect(await it.rs.authenticate(elsewhere(), { resource: resourceA })).toMatchObject({ status: 401 })
  expect(() => it.rs.protect(() => new Response(), { resource: 'https://x.test' })).toThrow(
    /^`need.resource` must be/,
  )
})

test('G34 a resource computed from the request’s host, of those that are listed alone', async () => {
  const it = await world({
    options: { resource: [{ hosts: ['a.test', 'b.test:8443', 'localhost:3000'], path: '/mcp' }] },
  })
  const call = async (url: string, headers: Record<string, string> = {}): Promise<Response> =>
    it.call(post(undefined, headers, url))
  expect(challenge(await call('https://a.test/mcp'))).toBe(
    'Bearer resource_metadata="https://a.test/.well-known/oauth-protected-resource/mcp"',
  )
  expect(challenge(await call('https://b.test:8443/mcp'))).toContain('"https://b.test:8443/.well-known')
  expect(challenge(await call('http://localhost:3000/mcp'))).toContain('"http://localhost:3000/.well-known')
  // Where the platform writes its own host into the URL, the header counts.
  expect(challenge(await call('http://localhost:3000/mcp', { host: 'A.test' }))).toContain('"https://a.test/')
  for (const host of ['evil.test', 'a.test.evil.test', 'a.test/foo?', 'a"b', 'a.test, b.test', ''])
    expect([host, [400, 421].includes((await call('https://a.test/mcp', { host })).status)]).toEqual([
      host,
      true,
    ])
  const text = await token({ aud: 'https://a.test/mcp' })
  expect((await it.call(post(text, {}, 'https://a.test/mcp'))).status).toBe(200)
  expect((await it.call(post(text, {}, 'https://b.test:8443/mcp'))).status).toBe(401)
  const document = await it.call(new Request('https://a.test/.well-known/oauth-protected-resource'))
  expect(await document.json()).toMatchObject({ resource: 'https://a.test/mcp' })
  expect(
    (await it.call(new Request('https://evil.test/.well-known/oauth-protected-resource/mcp'))).status,
  ).toBe(421)
})

test('S2, T20 two hosts in one request, of two resources: 421', async () => {
  const it = await world({
    options: { resource: [{ hosts: ['a.test', 'b.test', 'localhost:3000'], path: '/mcp' }] },
  })
  const call = async (url: string, host: string): Promise<number> =>
    (await it.call(post(await token({ aud: `https://${host}/mcp` }), { host }, url))).status
  expect(await call('https://b.test/mcp', 'a.test')).toBe(421)
  expect(await call('https://a.test/mcp', 'a.test')).toBe(200)
  // What Next writes into every URL.
  expect(await call('http://localhost:3000/mcp', 'a.test')).toBe(200)
  expect(await call('https://elsewhere.test/mcp', 'a.test')).toBe(200)
})

test('publicUrl: behind a proxy that takes a prefix off', async () => {
  const resource = 'https://example.test/api/mcp'
  const it = await world({ options: { resource, publicUrl: 'https://example.test/api/' } })
  const announced = 'https://example.test/api/.well-known/oauth-protected-resource/mcp'
  expect(it.rs.metadataUrl).toBe(announced)
  // As they arrive: without the prefix, and with the host that the proxy writes.
  const local = 'http://10.0.0.7:3000'
  expect(challenge(await it.call(post(undefined, {}, `${local}/mcp`)))).toContain(`"${announced}"`)
  for (const path of [
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-protected-resource/api/mcp',
    '/.well-known/oauth-protected-resource',
  ])
    expect(await (await it.call(new Request(local + path))).json()).toMatchObject({ resource })
  expect((await it.call(post(await token({ aud: resource }), {}, `${local}/mcp`))).status).toBe(200)
})

test('handle only answers metadata and preflights of its own path', async () => {
  const it = await world()
  const preflight = (url: string): Request =>
    new Request(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.test', 'access-control-request-method': 'POST' },
    })
  expect((await it.rs.handle(preflight(resourceA)))?.status).toBe(204)
  expect(await it.rs.handle(preflight('https://mcp.test/token'))).toBeUndefined()
  expect(await it.rs.handle(new Request(resourceA, { method: 'OPTIONS' }))).toBeUndefined()
  expect(await it.rs.handle(post(await token()))).toBeUndefined()
  expect(
    await it.rs.handle(new Request('https://mcp.test/.well-known/oauth-authorization-server')),
  ).toBeUndefined()
  const root = await world({ options: { resource: 'https://host.test' } })
  expect((await root.rs.handle(preflight('https://host.test/')))?.status).toBe(204)
  expect(await root.rs.handle(preflight('https://host.test/token'))).toBeUndefined()
})

test('public and protected side by side: without a token anonymous, with a bad one 401', async () => {
  const it = await world()
  const who: (string | undefined)[] = []
  const open = it.rs.optional((_request, auth, extra: string) => {
    who.push(auth?.subject)
    return new Response(extra)
  })
  expect(await (await open(post(), 'passed on')).text()).toBe('passed on')
  expect((await open(post(await token()), '')).status).toBe(200)
  expect(who).toEqual([undefined, 'alice'])
  for (const bad of ['bad', await token({ exp: start - 60 }), await token({ aud: resourceB })])
    expect(await verdict(await open(post(bad), ''))).toBe('401-tok')
  const two = post(await token())
  two.headers.append('authorization', 'Bearer x')
  expect((await open(two, '')).status).toBe(400)
  expect(who).toHaveLength(2)
  expect(await verdict(await it.call(post()))).toBe('401-none')
  const stored = (await open(post(), '')).headers.get('cache-control')
  expect(stored).toBeNull()
})

test('authenticate returns who is calling, or the answer', async () => {
  const it = await world({ options: { requiredScopes: ['notes:read'] } })
  const need = { scopes: ['notes:write'] }
  const refused = (await it.rs.authenticate(post(await token()), need)) as Response
  expect([await verdict(refused), answer(refused).scope]).toEqual(['403-scope', 'notes:read notes:write'])
  const auth = await it.rs.authenticate(post(await token({ scope: 'notes:write notes:read' })), need)
  expect(auth).toMatchObject({ subject: 'alice', scopes: ['notes:write', 'notes:read'] })
  expect(await it.rs.authenticate(post())).toMatchObject({ status: 401 })
  expect(await it.rs.authenticate(new Request(metadataA))).toMatchObject({ status: 200 })
})

test('one AuthInfo serves all requests of a token', async () => {
  const it = await world()
  const text = await token()
  const first = await it.rs.authenticate(post(text))
  expect(await it.rs.authenticate(post(text))).toBe(first)
  expect(Object.isFrozen(first)).toBe(true)
})

test('a requirement is never remembered with the token', async () => {
  const it = await world()
  const text = await token()
  const admin = it.rs.protect(() => new Response('admin'), { scopes: ['admin'] })
  expect((await it.call(post(text))).status).toBe(200)
  expect(await verdict(await admin(post(text)))).toBe('403-scope')
  expect((await it.call(post(text))).status).toBe(200)
})

test('G27 scopes that follow from roles (RBAC), and from a function', async () => {
  const mapped = await world({
    options: {
      requiredScopes: ['notes:write'],
      scopesFromClaims: {
        roles: { editor: ['notes:write'] },
        'realm_access.roles': { 'super user': ['all'] },
      },
      scopeImplies: { all: ['notes:write'] },
    },
  })
  const call = async (claims: Record<string, unknown>): Promise<number> =>
    (await mapped.call(post(await token(claims)))).status
  expect(await call({})).toBe(403)
  expect(await call({ roles: ['editor', 1] })).toBe(200)
  expect(mapped.auth?.scopes).toEqual(['notes:read', 'notes:write'])
  expect(await call({ roles: 'viewer editor' })).toBe(200)
  expect(await call({ realm_access: { roles: ['super user'] } })).toBe(200)
  for (const roles of [['EDITOR'], ['editor '], ['constructor'], {}, 5, [['editor']]])
    expect([roles, await call({ roles })]).toEqual([roles, 403])
  const computed = await world({
    options: {
      requiredScopes: ['vip'],
      scopesFromClaims: ({ tier }) => (tier === 'gold' ? ['vip'] : []),
    },
  })
  expect((await computed.call(post(await token({ tier: 'gold' })))).status).toBe(200)
  expect((await computed.call(post(await token({ tier: 'tin' })))).status).toBe(403)
})

test('G40 RFC 9470: a stronger or a more recent sign-in is asked for', async () => {
  const it = await world({ need: { acrValues: ['urn:mfa', 'urn:hw'], maxAge: 300 } })
  const call = async (claims: Record<string, unknown>): Promise<Response> =>
    it.call(post(await token(claims)))
  for (const claims of [
    {},
    { acr: 'urn:mfa' },
    { acr: 'urn:pwd', auth_time: start },
    { acr: 'urn:mfa', auth_time: start - 301 },
  ]) {
    const response = await call(claims)
    expect([response.status, answer(response).error]).toEqual([401, 'insufficient_user_authentication'])
    for (const part of ['acr_values="urn:mfa urn:hw"', 'max_age="300"', `resource_metadata="${metadataA}"`])
      expect(challenge(response)).toContain(part)
  }
  expect(it.calls).toBe(0)
  expect((await call({ acr: 'urn:hw', auth_time: start - 300 })).status).toBe(200)
})

test('interop §1 the challenge can be read by a client that searches for names', async () => {
  const it = await world({ options: { requiredScopes: ['notes:write'] } })
  for (const request of [post(), post('bad'), post(await token()), post(await token({ aud: resourceB }))]) {
    const text = challenge(await it.call(request))
    expect(text).toMatch(/^Bearer [a-z]/)
    expect(text.match(/Bearer/g)).toHaveLength(1)
    const found = (name: string): string | undefined =>
      new RegExp(`${name}=(?:"([^"]+)"|([^\\s,]+))`).exec(text)?.[1]
    expect(found('scope')).toBe('notes:write')
    expect(found('resource_metadata')).toBe(metadataA)
  }
})

test('what a verifier throws beside its two errors is 503, and never a way in', async () => {
  const troubles: [string, () => unknown][] = [
    ['an Error', () => Promise.reject(new Error('db down'))],
    ['a string', () => Promise.reject('db down')],
    ['nothing', () => undefined],
    ['null', () => null],
    ['true', () => true],
    ['an empty object', () => ({})],
    ['no expiry', () => ({ scopes: [], claims: {}, clientId: 'c', issuer })],
  ]
  for (const [name, verify] of troubles) {
    const server: AuthorizationServer = { issuer, verifier: () => ({ verify: verify as never }) }
    const it = await world({ options: { authorizationServers: [server] } })
    const response = await it.call(post('opaque'))
    expect([name, [401, 503].includes(response.status), it.calls]).toEqual([name, true, 0])
    expect(await response.text()).not.toContain('db down')
  }
})

test.each([false, true])(
  'revalidate is asked once for each request with a known token; events: %s',
  async (events) => {
    let revoked = false
    const asked = { verify: 0, revalidate: 0 }
    const found: VerifiedToken = {
      issuer,
      subject: 'alice',
      clientId: 'c',
      scopes: [],
      expiresAt: start + 60,
      claims: {},
      props: { plan: 'pro' },
      upstream: async () => ({ accessToken: 'upstream' }),
      responseHeaders: { Deprecation: '@1' },
      async revalidate() {
        asked.revalidate++
        if (revoked) throw new InvalidTokenError('revoked')
      },
    }
    const verify = async (): Promise<VerifiedToken> => {
      asked.verify++
      return found
    }
    const it = await world({
      events,
      options: { authorizationServers: [{ issuer, verifier: () => ({ verify }) }] },
    })
    for (let i = 0; i < 2; i++) {
      const response = await it.call(post('opaque'))
      expect([response.status, response.headers.get('deprecation')]).toEqual([200, '@1'])
    }
    expect(it.auth?.props).toEqual({ plan: 'pro' })
    expect(await it.auth?.upstream()).toEqual({ accessToken: 'upstream' })
    expect(asked).toEqual({ verify: 1, revalidate: 1 })
    revoked = true
    expect(await verdict(await it.call(post('opaque')))).toBe('401-tok')
    expect(asked).toEqual({ verify: 1, revalidate: 2 })
    // What was refused is forgotten, and judged from the start.
    revoked = false
    expect((await it.call(post('opaque'))).status).toBe(200)
    expect(asked).toEqual({ verify: 2, revalidate: 2 })
  },
)

test('a revalidate that throws synchronously, or another error, refuses the request', async () => {
  const troubles: [unknown, string][] = [
    [new InvalidTokenError('gone'), '401-tok'],
    [new UnavailableError('down'), '503-closed'],
    [new Error('crash'), '503-closed'],
  ]
  for (const [error, expected] of troubles) {
    const revalidate = (): void => {
      throw error
    }
    const verify = async (): Promise<VerifiedToken> => ({
      ...{ issuer, subject: 'a', clientId: 'c', scopes: [], claims: {}, revalidate },
      expiresAt: start + 60,
    })
    const it = await world({ options: { authorizationServers: [{ issuer, verifier: () => ({ verify }) }] } })
    expect((await it.call(post('opaque'))).status).toBe(200)
    expect([error, await verdict(await it.call(post('opaque'))), it.calls]).toEqual([error, expected, 1])
  }
})

test('G37 a subscription ends with its token, the answer to a POST does not', async () => {
  const opened = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('data: 1\n\n')),
  })
  const it = await world({
    answer: () => new Response(opened.tee()[0], { headers: { 'content-type': 'text/event-stream' } }),
  })
  const text = await token({ exp: start + 1 })
  const headers = { authorization: `Bearer ${text}` }
  const stream = await it.call(new Request(resourceA, { headers }))
  expect([stream.status, stream.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const reader = stream.body!.getReader()
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
  it.elapsed = 2
  expect((await reader.read()).done).toBe(true)
})

test('the answer of a fetch, whose headers are immutable, goes out as well', async () => {
  const it = await world({
    options: { allowedOrigins: ['https://app.test'] },
    answer: () => Response.redirect('https://elsewhere.test/', 302),
  })
  const headers = { authorization: `Bearer ${await token()}`, origin: 'https://app.test' }
  const response = await it.call(new Request(resourceA, { headers }))
  expect([response.status, response.headers.get('location')]).toEqual([302, 'https://elsewhere.test/'])
  expect(response.headers.get('access-control-allow-origin')).toBe('https://app.test')
  expect(response.headers.get('cache-control')).toBe('no-store')
})

test('an exception of the handler is the host’s, also where it is thrown at once', async () => {
  const it = await world({
    answer: () => {
      throw new Error('handler failed')
    },
  })
  const text = await token()
  for (let i = 0; i < 2; i++) await expect(it.call(post(text))).rejects.toThrow('handler failed')
})

test('the resource’s members of RFC 9728', async () => {
  const rs = createResourceServer({
    resource: resourceA,
    authorizationServers: [jwtVerifier({ issuer, keys: { keys: [(await key('k1')).jwk] } }), issuer],
    requiredScopes: ['a'],
    resourceName: 'Notes',
    documentation: 'https://docs.test/',
    policy: 'https://docs.test/policy',
    termsOfService: 'https://docs.test/tos',
  })
  expect(await (await rs.handle(new Request(rs.metadataUrl)))?.json()).toEqual({
    resource: resourceA,
    authorization_servers: [issuer],
    scopes_supported: ['a'],
    bearer_methods_supported: ['header'],
    resource_name: 'Notes',
    resource_documentation: 'https://docs.test/',
    resource_policy_uri: 'https://docs.test/policy',
    resource_tos_uri: 'https://docs.test/tos',
  })
})
