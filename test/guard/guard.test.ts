import { expect, test } from 'vitest'
import { createResourceServer } from '../../src/index.ts'
import { answer, issuer, metadataA, post, resourceA, token, verdict, world } from '../support/guard.ts'

const rootMetadata = 'https://mcp.test/.well-known/oauth-protected-resource'

test('G1 no Authorization: 401 with one Bearer challenge, the metadata, the scopes, and no error', async () => {
  const it = await world({ options: { requiredScopes: ['notes:read'] } })
  const response = await it.call(post())
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer scope="notes:read", resource_metadata="${metadataA}"`,
  )
  expect([await response.text(), it.calls]).toEqual(['', 0])
})

test('G2 the scheme in any case, and any number of spaces', async () => {
  const it = await world()
  const good = await token()
  for (const authorization of [`bearer ${good}`, `BEARER ${good}`, `Bearer  ${good}`, `Bearer ${good}`]) {
    const response = await it.call(new Request(resourceA, { method: 'POST', headers: { authorization } }))
    expect([authorization.slice(0, 8), response.status]).toEqual([authorization.slice(0, 8), 200])
  }
  expect(it.calls).toBe(4)
})

test('G3 another scheme is not a Bearer credential, and nothing is verified', async () => {
  const it = await world()
  const good = await token()
  for (const authorization of [`Token ${good}`, `JWT ${good}`, `Basic ${good}`, `DPoP ${good}`, good]) {
    const response = await it.call(new Request(resourceA, { method: 'POST', headers: { authorization } }))
    expect(await verdict(response)).toBe('401-none')
  }
  expect([it.outside.requests, it.calls]).toEqual([[], 0])
})

test('G4 what is not a token is refused without a request', async () => {
  const it = await world()
  for (const credentials of ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer "a"', 'Bearer a\u00e4b']) {
    const request = new Request(resourceA, { method: 'POST', headers: { authorization: credentials } })
    expect(['401-tok', '400-req']).toContain(await verdict(await it.call(request)))
  }
  expect([it.outside.requests, it.calls]).toEqual([[], 0])
})

test('G5 two Authorization headers: the identity of neither', async () => {
  const it = await world()
  const [alice, bob] = [await token(), await token({ sub: 'bob' })]
  const pairs: [string, string][] = [
    [`Bearer ${alice}`, `Bearer ${bob}`],
    [`Bearer ${alice}`, 'Bearer garbage'],
    ['Basic YTpi', `Bearer ${bob}`],
  ]
  // A token that is known already must not admit a second credential.
  await it.call(post(alice))
  for (const [first, second] of pairs) {
    const request = post()
    request.headers.append('authorization', first)
    request.headers.append('authorization', second)
    expect(['400-req', '401-tok']).toContain(await verdict(await it.call(request)))
  }
  const joined = post(undefined, { authorization: `Bearer ${alice}, Bearer ${bob}` })
  expect(await verdict(await it.call(joined))).toBe('400-req')
  expect(it.calls).toBe(1)
})

test('G6 a token outside the header is ignored', async () => {
  const it = await world({ events: true })
  const [alice, bob] = [await token(), await token({ sub: 'bob' })]
  const query = await it.call(post(undefined, {}, `${resourceA}?access_token=${bob}`))
  expect(await verdict(query)).toBe('401-none')
  expect(answer(query).challenge).not.toContain(bob.slice(0, 16))
  const form = new Request(resourceA, { method: 'POST', body: new URLSearchParams({ access_token: bob }) })
  expect(await verdict(await it.call(form))).toBe('401-none')
  for (const name of ['cookie', 'x-access-token', 'sec-websocket-protocol'])
    expect(await verdict(await it.call(post(undefined, { [name]: bob })))).toBe('401-none')
  expect(it.calls).toBe(0)
  const both = await it.call(post(alice, {}, `${resourceA}?access_token=${bob}`))
  expect([both.status, it.auth?.subject]).toEqual([200, 'alice'])
  expect(JSON.stringify(it.events)).not.toContain(bob.slice(0, 16))
})

test('G7 oversized and encrypted tokens: no signature check, no request', async () => {
  const it = await world()
  const jwe = `${btoa('{"alg":"dir","enc":"A256GCM","zip":"DEF"}').replaceAll('=', '')}.a.b.c.d`
  const longHeader = `${btoa(JSON.stringify({ alg: 'ES256', pad: 'x'.repeat(1_000_000) }))}.e30.AA`
  expect(await verdict(await it.call(post(jwe)))).toBe('401-tok')
  for (const bad of ['a'.repeat(17 * 1024), 'a'.repeat(65_536), 'a'.repeat(1_048_576), longHeader]) {
    const response = await it.call(post(bad.replaceAll('=', '')))
    expect(response.status).toBe(431)
    // A client would take `invalid_token`, or any challenge, for a reason to sign in again.
    expect(response.headers.has('www-authenticate')).toBe(false)
    expect(await response.text()).toMatch(/"invalid_request".*maxTokenLength/)
  }
  expect([it.outside.requests, it.calls]).toEqual([[], 0])
})

test('RC4 G7 tokens with many groups: 12 kB by default, up to 64 kB by option', async () => {
  const groups = (length: number): Promise<string> => token({ groups: 'g'.repeat(length) })
  const it = await world()
  expect((await it.call(post(await groups(9 * 1024)))).status).toBe(200)
  expect((await it.call(post(await groups(13 * 1024)))).status).toBe(431)
  const wide = await world({ options: { maxTokenLength: 65_536 } })
  expect((await wide.call(post(await groups(47 * 1024)))).status).toBe(200)
  expect((await wide.call(post(await groups(50 * 1024)))).status).toBe(431)
  for (const maxTokenLength of [1023, 65_537, 2000.5, '16384'])
    await expect(world({ options: { maxTokenLength: maxTokenLength as number } })).rejects.toThrow(
      /^`maxTokenLength` must be/,
    )
})

test('G31 every method is guarded', async () => {
  const it = await world()
  for (const method of ['GET', 'HEAD', 'DELETE', 'PUT', 'PROPFIND', 'FOO', 'OPTIONS']) {
    // workerd makes no Request of a method that it does not know.
    const request = new Request(resourceA, method === 'FOO' ? {} : { method })
    if (method === 'FOO') Object.defineProperty(request, 'method', { value: method })
    const response = await it.call(request)
    expect([method, response.status]).toEqual([method, 401])
  }
  const override = await it.call(
    new Request(resourceA, { method: 'GET', headers: { 'x-http-method-override': 'OPTIONS' } }),
  )
  expect(override.status).toBe(401)
  const preflight = new Request(resourceA, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.test', 'access-control-request-method': 'POST' },
  })
  expect((await it.call(preflight)).status).toBe(204)
  expect(it.calls).toBe(0)
})

test('G32 every spelling of the path is guarded', async () => {
  const it = await world()
  const paths = ['/mcp/', '//mcp', '/%6Dcp', '/mcp%2f', '/mcp;x', '/x/../mcp', '/MCP', '/mcp.rsc', '/%6dcp/x']
  for (const path of paths) {
    const response = await it.call(post(undefined, {}, `https://mcp.test${path}`))
    expect([path, [401, 404].includes(response.status)]).toEqual([path, true])
  }
  expect(it.calls).toBe(0)
})

test('G34 PR3 host headers change nothing', async () => {
  const it = await world()
  const spoofs: Record<string, string>[] = [
    { host: 'evil.test' },
    { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'http' },
    { forwarded: 'host=evil.test' },
    { host: 'mcp.test/foo?' },
    { host: 'a"b' },
  ]
  for (const headers of spoofs) {
    expect(await verdict(await it.call(post(undefined, headers)))).toBe('401-none')
    const document = await it.rs.handle(new Request(metadataA, { headers }))
    expect(await document?.json()).toMatchObject({ resource: resourceA, authorization_servers: [issuer] })
  }
  expect(await verdict(await it.call(post(undefined, {}, 'https://evil.test/mcp')))).toBe('401-none')
})

test('G38 with a list, another origin is 403 before it is authenticated', async () => {
  const it = await world({ options: { allowedOrigins: ['https://app.test'] } })
  const good = await token()
  for (const origin of ['https://evil.test', 'null', 'https://app.test.evil.test', 'http://app.test'])
    expect([origin, (await it.call(post(good, { origin }))).status]).toEqual([origin, 403])
  expect([it.calls, it.outside.requests]).toEqual([0, []])
  expect((await it.call(post(good, { origin: 'https://app.test' }))).status).toBe(200)
  expect((await it.call(post(good))).status).toBe(200)
})

test('G38 a loopback server only answers loopback origins and its own host', async () => {
  const resource = 'http://localhost:3000/mcp'
  const it = await world({ options: { resource } })
  const good = await token({ aud: resource })
  const call = async (headers: Record<string, string>): Promise<number> =>
    (await it.call(post(good, headers, resource))).status
  for (const origin of ['https://evil.test', 'null', 'http://localhost.evil.test'])
    expect([origin, await call({ origin })]).toEqual([origin, 403])
  expect([403, 421]).toContain(await call({ host: 'evil.test' }))
  expect([403, 421]).toContain(await call({ host: 'localhost.evil.test:3000' }))
  expect(it.calls).toBe(0)
  for (const origin of ['http://localhost:6274', 'http://127.0.0.1:1', 'http://[::1]:8080'])
    expect([origin, await call({ origin })]).toEqual([origin, 200])
  expect(await call({ host: '127.0.0.1:3000' })).toBe(200)
  expect(await call({ host: '[::1]:3000' })).toBe(200)
})

test('G39 with stripAuthorization the handler sees no Authorization, and the token is not enumerable', async () => {
  const seen: (string | null)[] = []
  const it = await world({
    options: { stripAuthorization: true },
    answer: (request) => {
      seen.push(request.headers.get('authorization'))
      return new Response('done')
    },
  })
  const good = await token()
  await it.call(post(good))
  await it.call(post(good))
  // As Workers hand it over: its headers cannot be changed.
  const immutable = post(good, { 'x-other': '1' })
  Object.defineProperty(immutable.headers, 'delete', {
    value: () => {
      throw new TypeError("Can't modify immutable headers.")
    },
  })
  await it.call(immutable)
  expect(seen).toEqual([null, null, null])
  expect(it.auth?.token).toBe(good)
  expect(JSON.stringify(it.auth)).not.toContain(good.slice(-16))
  expect(Object.keys(it.auth!)).not.toContain('token')
  expect({ ...it.auth }).not.toHaveProperty('token')
})

test('PR1 the metadata at the path-inserted URL and, for one resource, at the root', async () => {
  const it = await world({
    options: { scopesSupported: ['notes:read', 'offline_access'], resourceName: 'Notes' },
  })
  for (const url of [metadataA, rootMetadata]) {
    const response = await it.call(new Request(url))
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await response.json()).toEqual({
      resource: resourceA,
      authorization_servers: [issuer],
      scopes_supported: ['notes:read'],
      bearer_methods_supported: ['header'],
      resource_name: 'Notes',
    })
  }
  expect(it.rs.metadataUrl).toBe(metadataA)
  expect(await it.rs.handle(post())).toBeUndefined()
})

test('PR4 HT1 HT5 the metadata endpoint: methods, CORS, cacheable, also during an outage', async () => {
  const it = await world()
  it.outside.routes.clear()
  const send = (method: string, headers: Record<string, string> = {}): Promise<Response> =>
    it.call(new Request(metadataA, { method, headers }))
  const wrong = await send('POST')
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  expect((await send('OPTIONS', { origin: 'https://x.test' })).status).toBe(204)
  const head = await send('HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])
  const get = await send('GET', { origin: 'https://x.test', authorization: 'Bearer bad' })
  expect([get.status, get.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
  expect(get.headers.has('access-control-allow-credentials')).toBe(false)
  expect(get.headers.get('cache-control')).toMatch(/public, max-age=\d+/)
})

test('HT1 CORS on every answer: preflight, 401, 403, 503 and the handler’s own', async () => {
  const it = await world({ options: { requiredScopes: ['notes:write'] } })
  const origin = 'https://app.test'
  const readable = (response: Response): unknown[] => [
    response.status,
    response.headers.get('access-control-allow-origin'),
    response.headers.get('access-control-expose-headers')?.split(', ').toSorted().join(),
    response.headers.get('access-control-allow-credentials'),
  ]
  const exposed = 'DPoP-Nonce,Mcp-Session-Id,Retry-After,WWW-Authenticate'
  const preflight = await it.call(
    new Request(resourceA, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    }),
  )
  const allowed = preflight.headers.get('access-control-allow-headers')?.toLowerCase() ?? ''
  for (const name of ['authorization', 'content-type', 'mcp-protocol-version', 'mcp-session-id', 'dpop'])
    expect(allowed).toContain(name)
  for (const name of ['mcp-method', 'mcp-name', 'last-event-id']) expect(allowed).toContain(name)
  expect(readable(await it.call(post(undefined, { origin })))).toEqual([401, '*', exposed, null])
  expect(readable(await it.call(post('bad', { origin })))).toEqual([401, '*', exposed, null])
  expect(readable(await it.call(post(await token(), { origin })))).toEqual([403, '*', exposed, null])
  const good = await token({ scope: 'notes:write' })
  expect(readable(await it.call(post(good, { origin })))).toEqual([200, '*', exposed, null])
  expect((await it.call(post(good))).headers.has('access-control-allow-origin')).toBe(false)
  it.outside.routes.clear()
  it.elapsed = 90_000
  const later = await token({ scope: 'notes:write', exp: 1_790_100_000 })
  expect(readable(await it.call(post(later, { origin })))).toEqual([503, '*', exposed, null])
})

test('HT1 with a list the origin is reflected, with Vary, and only where it is allowed', async () => {
  const it = await world({ options: { allowedOrigins: ['https://app.test'] } })
  const response = await it.call(post(undefined, { origin: 'https://app.test' }))
  expect(response.headers.get('access-control-allow-origin')).toBe('https://app.test')
  expect(response.headers.get('vary')).toBe('Origin')
  for (const origin of ['https://evil.test', 'null', 'https://app.test.evil.test']) {
    const headers = { origin, 'access-control-request-method': 'POST' }
    for (const request of [
      new Request(resourceA, { method: 'OPTIONS', headers }),
      post(undefined, { origin }),
    ])
      expect((await it.call(request)).headers.has('access-control-allow-origin')).toBe(false)
  }
})

test('HT5 no answer to a token or about one is for shared caches', async () => {
  const said: Record<string, string> = { none: '', 'no-cache': 'no-cache', own: 'private, max-age=5' }
  const it = await world({
    answer: (request) => {
      const control = said[request.headers.get('x-say')!]!
      return new Response('done', control === '' ? {} : { headers: { 'cache-control': control } })
    },
  })
  const control = async (request: Request): Promise<string | null> =>
    (await it.call(request)).headers.get('cache-control')
  const good = await token()
  expect(await control(post(good, { 'x-say': 'none' }))).toBe('no-store')
  expect(await control(post(good, { 'x-say': 'no-cache' }))).toBe('no-cache, private')
  expect(await control(post(good, { 'x-say': 'own' }))).toBe('private, max-age=5')
  expect(await control(post())).toBe('no-store')
  expect(await control(post('bad'))).toBe('no-store')
})

test('PR5 dangerouslyAllowHttp is the only way out of https', () => {
  const create = (resource: string, servers: string[], dangerouslyAllowHttp?: string[]): unknown =>
    createResourceServer({
      resource,
      authorizationServers: servers,
      ...(dangerouslyAllowHttp === undefined ? {} : { dangerouslyAllowHttp }),
    })
  for (const resource of ['https://mcp.test/mcp#a', '/mcp', 'http://mcp:3000/mcp', 'ftp://mcp.test/'])
    expect(() => create(resource, [issuer])).toThrow(/^`resource` must be/)
  for (const servers of [[], ['http://as.test'], ['as.test'], ['https://as.test#x']])
    expect(() => create(resourceA, servers)).toThrow(/^`authorizationServers/)
  expect(() => create('http://mcp:3000/mcp', ['http://as:9000'], ['http://mcp:3000'])).toThrow(/as:9000/)
  expect(() =>
    create('http://mcp:3000/mcp', ['http://as:9000'], ['http://mcp:3000', 'http://as:9000']),
  ).not.toThrow()
  expect(() => create('http://127.0.0.1:3000/mcp', ['http://localhost:9000'])).not.toThrow()
})
