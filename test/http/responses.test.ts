import { describe, expect, test } from 'vitest'
import { OAuthError, UnavailableError } from '../../src/errors.ts'
import { applyCors, preflight, type CorsPolicy } from '../../src/http/cors.ts'
import { methods } from '../../src/http/methods.ts'
import { json, oauthError } from '../../src/http/responses.ts'

const request = (method = 'GET', headers: Record<string, string> = {}): Request =>
  new Request('https://mcp.test/mcp', { method, headers })
const from = (origin: string, method = 'GET'): Request => request(method, { origin })
const list = (response: Response, name: string): string[] =>
  (response.headers.get(name) ?? '').toLowerCase().split(/,\s*/).toSorted()

const allowed = [
  'accept',
  'authorization',
  'content-type',
  'dpop',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
]
const exposed = ['dpop-nonce', 'mcp-session-id', 'retry-after', 'www-authenticate']
const some: CorsPolicy = { origins: ['https://app.test'], methods: 'GET, POST' }
const any: CorsPolicy = { origins: '*', methods: 'POST' }

describe('HT1 CORS', () => {
  test('preflight of an allowed origin: 204, the headers that clients send and read, no credentials', () => {
    const response = preflight(from('https://app.test', 'OPTIONS'), some)
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.test')
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST')
    expect(list(response, 'access-control-allow-headers')).toEqual(allowed)
    expect(response.headers.get('vary')).toBe('Origin')
    expect(response.headers.has('access-control-allow-credentials')).toBe(false)
  })

  test.each([
    'https://evil.test',
    'null',
    'https://app.test.evil.test',
    'https://app.test:444',
    'http://app.test',
    'https://xapp.test',
    'https://APP.test',
  ])('%s is no allowed origin', (origin) => {
    for (const response of [
      preflight(from(origin, 'OPTIONS'), some),
      applyCors(from(origin), new Response(), some),
    ]) {
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      expect(response.headers.get('vary')).toBe('Origin')
    }
  })

  test('any origin: a star, never the origin itself', () => {
    for (const origin of ['https://evil.test', 'null']) {
      const response = applyCors(from(origin), new Response(), any)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.has('access-control-allow-credentials')).toBe(false)
      expect(response.headers.has('vary')).toBe(false)
    }
    expect(preflight(from('null', 'OPTIONS'), any).headers.get('access-control-allow-origin')).toBe('*')
  })

  test.each([401, 403, 429, 503])('%i can be read, with what it tells a client', (status) => {
    const refused = new Response(null, { status, headers: { 'www-authenticate': 'Bearer' } })
    const response = applyCors(from('https://app.test'), refused, some)
    expect(response.status).toBe(status)
    expect(list(response, 'access-control-expose-headers')).toEqual(exposed)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
  })

  test('a function decides', () => {
    const policy: CorsPolicy = { origins: (origin) => origin.endsWith('.test'), methods: 'GET' }
    expect(applyCors(from('https://x.test'), new Response(), policy).headers.get('vary')).toBe('Origin')
    expect(
      applyCors(from('https://x.com'), new Response(), policy).headers.has('access-control-allow-origin'),
    ).toBe(false)
  })

  test('without an origin an answer stays as it is, unless a shared cache keeps it', () => {
    const response = new Response()
    expect(applyCors(request(), response, any)).toBe(response)
    expect([...response.headers]).toEqual([])
    const kept = applyCors(request(), new Response(), any, { cacheable: true })
    expect(kept.headers.get('access-control-allow-origin')).toBe('*')
    expect(applyCors(request(), new Response(), some).headers.get('vary')).toBe('Origin')
  })

  test('Vary is extended, once', () => {
    const vary = (value: string): string | null =>
      applyCors(from('https://app.test'), new Response(null, { headers: { vary: value } }), some).headers.get(
        'vary',
      )
    expect(vary('Accept')).toBe('Accept, Origin')
    expect(vary('accept, origin')).toBe('accept, origin')
    expect(vary('*')).toBe('*')
  })

  test('an answer with immutable headers', async () => {
    const response = applyCors(from('https://app.test'), Response.redirect('https://app.test/x', 303), some)
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('https://app.test/x')
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.test')
  })
})

describe('RC7 CORS beside what the application says', () => {
  const asking = (names: string): Request =>
    request('OPTIONS', { origin: 'https://app.test', 'access-control-request-headers': names })

  test('HT1 a preflight allows the header names that it asks for, beside those of every client', () => {
    for (const policy of [some, any]) {
      const response = preflight(asking('authorization, Traceparent,x-tenant-id, mcp-param-Region'), policy)
      expect(list(response, 'access-control-allow-headers')).toEqual(
        [...allowed, 'traceparent', 'x-tenant-id', 'mcp-param-region'].toSorted(),
      )
      expect(list(response, 'vary')).toContain('access-control-request-headers')
    }
  })

  test.each(['*', 'x y', 'x;y', '"x"', 'ü', `${'x'.repeat(5000)}`, ',,,'])(
    'HT1 what is not a header name is not allowed: %s',
    (names) => {
      expect(list(preflight(asking(`${names}`), some), 'access-control-allow-headers')).toEqual(allowed)
    },
  )

  test('HT1 another origin is allowed nothing, whatever it asks for', () => {
    const headers = { origin: 'https://evil.test', 'access-control-request-headers': 'traceparent' }
    const response = preflight(request('OPTIONS', headers), some)
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  const handled = (headers: Record<string, string>): Response => new Response(null, { headers })

  test('HT1 what the handler exposes stays readable, each name once', () => {
    const own = handled({ 'access-control-expose-headers': 'X-Total, mcp-session-id' })
    const response = applyCors(from('https://app.test'), own, any)
    expect(list(response, 'access-control-expose-headers')).toEqual([...exposed, 'x-total'].toSorted())
  })

  test('HT1, PR4 the handler’s origin and credentials are replaced together, or kept together', () => {
    const pair = {
      'access-control-allow-origin': 'https://app.test',
      'access-control-allow-credentials': 'true',
    }
    for (const policy of [some, any]) {
      const { headers } = applyCors(from('https://app.test'), handled(pair), policy)
      expect(headers.get('access-control-allow-origin')).toBe(policy === any ? '*' : 'https://app.test')
      expect(headers.has('access-control-allow-credentials')).toBe(false)
      const kept = applyCors(request(), handled(pair), policy).headers
      expect(Object.fromEntries(kept)).toMatchObject(pair)
    }
  })
})

describe('method tables', () => {
  const endpoint = methods({ GET: () => json({ a: 1 }) }, { cors: { origins: '*', methods: 'GET' } })
  const posting = methods({ POST: async () => json({}) })

  test('PR4 GET, HEAD without a body, OPTIONS, and 405 with Allow', async () => {
    expect(await (await endpoint(request())).json()).toEqual({ a: 1 })
    const head = await endpoint(request('HEAD'))
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
      200,
      'application/json',
      '',
    ])
    const options = await endpoint(from('https://app.test', 'OPTIONS'))
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS'])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const refused = await endpoint(request(method))
      expect([refused.status, refused.headers.get('allow')], method).toEqual([405, 'GET, HEAD, OPTIONS'])
    }
  })

  test('G31 methods that nobody knows, from hosts that let them through', async () => {
    for (const method of ['FOO', 'constructor', '__proto__', 'get']) {
      const odd = { method, headers: new Headers() } as Request
      expect((await endpoint(odd)).status, method).toBe(405)
    }
  })

  test('TK15 what takes POST takes nothing else', async () => {
    expect((await posting(request('POST'))).status).toBe(200)
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const response = await posting(request(method))
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    }
    const options = await posting(from('https://app.test', 'OPTIONS'))
    expect([options.status, options.headers.has('access-control-allow-origin')]).toEqual([204, false])
  })

  test('PR3 what a shared cache keeps for one is good for all: CORS also without an origin, also on 405', async () => {
    for (const method of ['GET', 'HEAD', 'POST'])
      expect((await endpoint(request(method))).headers.get('access-control-allow-origin'), method).toBe('*')
  })
})

describe('OAuth 2.1 §3.2.4 error responses', () => {
  test('TK17 JSON, no-store, no cookie, and the characters that a description may have', async () => {
    const response = oauthError(new OAuthError('invalid_grant', 'say "no"\\ to\r\n<b>münchen</b>\u2028'))
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.has('set-cookie')).toBe(false)
    expect(await response.json()).toEqual({
      error: 'invalid_grant',
      error_description: 'say no to<b>mnchen</b>',
    })
  })

  test('Retry-After where it helps, and the headers of the caller', () => {
    expect(oauthError(new UnavailableError('x', { retryAfter: 1.2 })).headers.get('retry-after')).toBe('2')
    expect(oauthError(new OAuthError('x', 'y')).headers.has('retry-after')).toBe(false)
    const basic = oauthError(new OAuthError('invalid_client', 'y', { status: 401 }), {
      'www-authenticate': 'Basic',
    })
    expect([basic.status, basic.headers.get('www-authenticate')]).toEqual([401, 'Basic'])
  })

  test('LG2 a description is bounded', async () => {
    const body = (await oauthError(new OAuthError('x', 'y'.repeat(10_000))).json()) as {
      error_description: string
    }
    expect(body.error_description).toHaveLength(300)
  })
})
