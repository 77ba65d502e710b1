import { describe, expect, test } from 'vitest'
import { OAuthError, UnavailableError } from '../../src/errors.ts'
import { discoverAuthorizationServer } from '../../src/http/discovery.ts'
import { BlockedAddressError, checkUrl, guardedFetch } from '../../src/http/guarded-fetch.ts'
import type { Fetch } from '../../src/types.ts'
import { outside } from '../support/protocol-outside.ts'

const url = 'https://c.test/client.json'
const failure = async (promise: Promise<unknown>): Promise<OAuthError> => {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (each: unknown) => each,
  )
  expect(error).toBeInstanceOf(OAuthError)
  return error as OAuthError
}

describe('CD2 what is never requested', () => {
  test.each([
    'http://c.test/x',
    'ftp://c.test/x',
    'file:///etc/passwd',
    'data:application/json,{}',
    'https://user:pass@c.test/x',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://[::ffff:127.0.0.1]/x',
    'https://169.254.169.254/latest',
    'http://169.254.169.254/latest',
    'https://localhost/x',
    'http://localhost/x',
    'https://x.internal/x',
    '/relative',
    'no url',
  ])('%s', async (address) => {
    const { fetch, sent } = outside()
    expect(await failure(guardedFetch(address, { fetch }))).toBeInstanceOf(BlockedAddressError)
    expect(sent).toEqual([])
  })

  test('CL2 loopback and named origins only where the caller says so', async () => {
    const { fetch, sent } = outside()
    const loopback = [
      'http://127.0.0.1:3000/x',
      'http://[::1]/x',
      'https://localhost/x',
      'http://x.localhost/x',
    ]
    for (const each of loopback)
      expect((await guardedFetch(each, { fetch, allowLoopback: true })).status).toBe(404)
    expect(sent.map((each) => each.url)).toEqual(loopback)
    for (const each of ['http://127.0.0.2/x', 'http://10.0.0.1/x', 'http://c.test/x', 'http://xlocalhost/x'])
      expect(() => checkUrl(each, { allowLoopback: true }), each).toThrow(BlockedAddressError)
    const allowOrigins = ['http://mcp:3000']
    expect(checkUrl('http://mcp:3000/x', { allowOrigins }).href).toBe('http://mcp:3000/x')
    for (const each of ['http://mcp:3001/x', 'https://mcp:3000/x', 'http://u:p@mcp:3000/x'])
      expect(() => checkUrl(each, { allowOrigins }), each).toThrow(BlockedAddressError)
  })
})

describe('rule 11: the only way out', () => {
  test('what is sent: no redirect is followed, no credential is added', async () => {
    const { fetch, sent } = outside({ [url]: () => Response.json({ a: 1 }) })
    const answer = await guardedFetch(url, { fetch, method: 'POST', headers: { 'x-a': 'b' }, body: 'c=d' })
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('{"a":1}')
    expect(answer.headers.get('content-type')).toMatch('application/json')
    expect(sent).toEqual([
      {
        url,
        init: {
          method: 'POST',
          headers: { accept: 'application/json', 'user-agent': 'tollgate', 'x-a': 'b' },
          body: 'c=d',
          redirect: 'manual',
          signal: expect.any(AbortSignal),
        },
      },
    ])
  })

  test.each([301, 302, 303, 307, 308])('CD4 %i is a status like any other', async (status) => {
    const { fetch, sent } = outside({
      [url]: () => new Response(null, { status, headers: { location: 'https://c.test/other' } }),
    })
    expect((await guardedFetch(url, { fetch })).status).toBe(status)
    expect(sent).toHaveLength(1)
  })

  test('CD5 a body above the limit, also one that says it is small', async () => {
    const large = (): Response => new Response('x'.repeat(6000))
    const { fetch } = outside({ [url]: large })
    expect(await failure(guardedFetch(url, { fetch, maxBytes: 5120 }))).toBeInstanceOf(UnavailableError)
    expect((await guardedFetch(url, { fetch, maxBytes: 6000 })).text).toHaveLength(6000)
    const lie: Fetch = async () => new Response('x'.repeat(6000), { headers: { 'content-length': '10' } })
    expect(await failure(guardedFetch(url, { fetch: lie, maxBytes: 5120 }))).toBeInstanceOf(UnavailableError)
  })

  test('CD5 an endless body is read to the limit and cancelled', async () => {
    let cancelled = false
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1024)),
      cancel: () => {
        cancelled = true
      },
    })
    const { fetch } = outside({ [url]: () => new Response(body) })
    expect(await failure(guardedFetch(url, { fetch, maxBytes: 5120 }))).toBeInstanceOf(UnavailableError)
    expect(cancelled).toBe(true)
  })

  test('CD5 headers that never come, and a body that stops: the whole exchange is bounded', async () => {
    let signal: AbortSignal | undefined
    const silent: Fetch = (_, init) => {
      signal = init!.signal!
      return new Promise(() => undefined)
    }
    const stuck: Fetch = async () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) }))
    for (const fetch of [silent, stuck]) {
      const error = await failure(guardedFetch(url, { fetch, timeout: 0.05 }))
      expect(error).toBeInstanceOf(UnavailableError)
      expect(error.message).toBe('c.test did not answer in time')
    }
    expect(signal!.aborted).toBe(true)
  })

  test('LG1 a failure says where, not what: neither message nor cause of the platform', async () => {
    const fetch: Fetch = async () => {
      throw new TypeError('fetch failed for https://c.test/client.json?token=secret')
    }
    const error = await failure(guardedFetch(`${url}?token=secret`, { fetch }))
    expect(error).toBeInstanceOf(UnavailableError)
    expect([error.message, error.status, error.retryAfter]).toEqual(['c.test could not be reached', 503, 5])
    expect(error.cause).toBeUndefined()
  })

  test('CD3 a fetch that checks what it connects to may refuse', async () => {
    const fetch: Fetch = async () => {
      throw new BlockedAddressError('The host has a special-use address')
    }
    expect(await failure(guardedFetch(url, { fetch }))).toBeInstanceOf(BlockedAddressError)
  })

  test('a body that is no text', async () => {
    const { fetch } = outside({ [url]: () => new Response(new Uint8Array([0xff, 0xfe])) })
    expect(await failure(guardedFetch(url, { fetch }))).toBeInstanceOf(UnavailableError)
  })
})

describe('CL3 RFC 8414 §3 discovery', () => {
  const issuer = 'https://as.test/t1'
  const [inserted, openid, appended] = [
    'https://as.test/.well-known/oauth-authorization-server/t1',
    'https://as.test/.well-known/openid-configuration/t1',
    'https://as.test/t1/.well-known/openid-configuration',
  ]
  const document = { issuer, jwks_uri: 'https://as.test/jwks' }
  const html = (): Response => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } })

  test('the first document that names the issuer counts', async () => {
    const first = outside({ [inserted]: () => Response.json(document) })
    expect(await discoverAuthorizationServer(issuer, first)).toEqual(document)
    expect(first.sent.map((each) => each.url)).toEqual([inserted])
    const last = outside({ [appended]: () => Response.json(document) })
    expect(await discoverAuthorizationServer(issuer, last)).toEqual(document)
    expect(last.sent.map((each) => each.url)).toEqual([inserted, openid, appended])
  })

  test('a start page, a redirect or the document of another tenant is passed over', async () => {
    const others: (() => Response)[] = [
      html,
      () => Response.json([]),
      () => Response.json({ ...document, issuer: 'https://as.test' }),
      () => Response.json({ ...document, jwks_uri: 1 }),
      () => new Response(null, { status: 302, headers: { location: appended } }),
      () => new Response(null, { status: 403 }),
    ]
    for (const other of others) {
      const world = outside({ [inserted]: other, [openid]: other, [appended]: () => Response.json(document) })
      expect(await discoverAuthorizationServer(issuer, world)).toEqual(document)
      expect(world.sent).toHaveLength(3)
    }
  })

  test.each([
    'https://as.test/t1/',
    'https://AS.test/t1',
    'http://as.test/t1',
    'https://as.test:443/t1',
    '',
    null,
    1,
  ])('the issuer %j is another one', async (other) => {
    const world = outside({ [inserted]: () => Response.json({ ...document, issuer: other }) })
    const error = await failure(discoverAuthorizationServer(issuer, world))
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error.message).toContain(`names ${JSON.stringify(other)} as its issuer`)
    expect(error.message).toContain(`not ${issuer};`)
  })

  test('no document, or a server in trouble, is 503', async () => {
    const none = await failure(discoverAuthorizationServer(issuer, outside({ [inserted]: html })))
    expect([none.status, none.message]).toEqual([503, 'The authorization server has no metadata document'])
    const trouble = outside({ [inserted]: () => new Response(null, { status: 500 }) })
    expect((await failure(discoverAuthorizationServer(issuer, trouble))).message).toMatch(/answered 500/)
    expect(trouble.sent).toHaveLength(1)
  })
})
