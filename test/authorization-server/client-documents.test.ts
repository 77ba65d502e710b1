import { afterEach, describe, expect, test, vi } from 'vitest'
import { memoryCache } from '../../src/cache/memory.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { document, documentId, documentRequest, Web } from '../support/client-documents.ts'
import { basic, ok, refusal, type Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectLocal,
  forms,
  pagesRig,
  requestUrl,
  type Shown,
  verifier,
} from '../support/pages.ts'

function setUp(options: Partial<AuthorizationServerOptions> = {}): { web: Web; rig: Rig } {
  const web = new Web()
  web.serve(documentId, document())
  return { web, rig: pagesRig({ fetch: web.fetch, ...options }) }
}

const open = async (
  rig: Rig,
  id = documentId,
  more: Record<string, string | undefined> = {},
): Promise<Shown> => browserOf(rig, 'alice').get(await documentRequest(id, more))

afterEach(() => {
  vi.useRealTimers()
})

test('CD: from the URL of a document to tokens, as a public client', async () => {
  const { web, rig } = setUp()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await documentRequest())
  expect(page.status).toBe(200)
  expect(page.text).toContain('Document client')
  const scopes = ['notes:read']
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes }))
  const tokens = await ok(
    await rig.post({
      grant_type: 'authorization_code',
      client_id: documentId,
      code,
      code_verifier: verifier,
    }),
  )
  expect(await rig.call(tokens.access_token)).toBe(200)
  await ok(await rig.refresh(tokens.refresh_token, { client_id: documentId }))
  // Only public clients: a secret does not authenticate.
  const secret = { client_id: documentId, client_secret: 'x'.repeat(40) }
  expect(await refusal(await rig.refresh(tokens.refresh_token, secret))).toBe('401 invalid_client')
  expect(web.urls).toEqual([documentId])
  const [request] = web.requests
  expect(request!.method).toBe('GET')
  expect(request!.headers.get('accept')).toBe('application/json')
  for (const name of ['authorization', 'cookie']) expect(request!.headers.has(name)).toBe(false)
})

describe('the id', () => {
  test.each([
    'http://c.test/client.json',
    'https://c.test',
    'https://c.test/',
    'https://c.test/./client.json',
    'https://c.test/a/../client.json',
    'https://c.test/a/%2e%2e/client.json',
    'https://c.test/%2E/client.json',
    'https://c.test/client.json#x',
    'https://user@c.test/client.json',
    'https://user:pass@c.test/client.json',
    'https://c.test\\client.json',
    'https://c.test/a\\client.json',
    'https://c.test/\tclient.json',
    'https:c.test/client.json',
    'https:///client.json',
    'https://c.test:0/client.json',
    'HTTPS://c.test/client.json',
    'https://C.test/client.json',
    'https://c.test:443/client.json',
    `https://c.test/${'a'.repeat(3000)}`,
    'data:application/json,{}',
    'file:///etc/passwd',
  ])('CD1 %s: LOCAL, nothing is requested', async (id) => {
    const { web, rig } = setUp()
    web.serve(id, document({}, id))
    expectLocal(await open(rig, id))
    expect(web.requests).toEqual([])
    expect(await refusal(await rig.refresh('x', { client_id: id }))).toBe('401 invalid_client')
    expect(web.requests).toEqual([])
  })

  test('CD1 MD2 documents are off: LOCAL, nothing is requested, and the metadata does not offer them', async () => {
    const { web, rig } = setUp({ clientDocuments: false })
    expectLocal(await open(rig))
    expect(web.requests).toEqual([])
  })

  test('CD1 a pre-registered client of that id wins, and nothing is requested', async () => {
    const clients = [{ client_id: documentId, client_name: 'Ours', redirect_uris: ['https://c.test/cb'] }]
    const { web, rig } = setUp({ clients })
    const page = await open(rig)
    expect(page.text).toContain('Ours')
    expect(web.requests).toEqual([])
  })
})

describe('the host', () => {
  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '0177.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::7f00:1]',
    '[fe80::1]',
    '[fc00::1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::a9fe:a9fe]',
    '[2002:a9fe:a9fe::1]',
    '[::5efe:192.168.1.1]',
    '[2001:db8::5efe:c0a8:101]',
    'localhost',
    'x.localhost',
    'metadata.google.internal',
    'printer.local',
    'intranet',
  ])('CD2 %s: LOCAL, no connection', async (host) => {
    const id = `https://${host}/client.json`
    const { web, rig } = setUp()
    // As written, and as the URL parser writes it.
    const normal = new URL(id).href
    for (const each of new Set([id, normal])) {
      web.serve(normal, document({}, each))
      expectLocal(await open(rig, each))
    }
    expect(web.requests).toEqual([])
  })

  test('CD2 SSRF: also with a loopback issuer nothing is fetched from loopback', async () => {
    const web = new Web()
    const id = 'https://127.0.0.1/client.json'
    web.serve(id, document({}, id))
    const rig = pagesRig({ fetch: web.fetch, issuer: 'http://127.0.0.1:8787' })
    expect((await open(rig, id)).status).toBe(400)
    expect(web.requests).toEqual([])
  })

  test('CD3 a fetch that refuses the address that it would connect to: LOCAL', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, () => Promise.reject(new TypeError('address not allowed')))
    expectLocal(await open(rig))
  })
})

const asJson = { 'content-type': 'application/json' }

describe('the answer', () => {
  test.each([301, 302, 303, 307, 308])('CD4 %d: LOCAL, the target is never requested', async (status) => {
    const { web, rig } = setUp()
    const targets = ['https://d.test/client.json', 'https://169.254.169.254/client.json']
    for (const location of targets) {
      web.serve(location, document())
      web.serve(documentId, () => new Response(null, { status, headers: { location } }))
      expectLocal(await open(rig))
      rig.now += 5
    }
    expect(web.urls).toEqual([documentId, documentId])
    expect(web.requests.every(({ redirect }) => redirect === 'manual')).toBe(true)
  })

  test.each([204, 206, 304, 400, 404, 410, 429, 500, 503])('CD4 %d: LOCAL, and not kept', async (status) => {
    const { web, rig } = setUp()
    const body = [204, 304].includes(status) ? null : JSON.stringify(document())
    const headers = { ...asJson, 'cache-control': 'max-age=86400' }
    web.serve(documentId, () => new Response(body, { status, headers }))
    expectLocal(await open(rig))
    web.serve(documentId, document())
    rig.now += 5
    expect((await open(rig)).status).toBe(200)
  })

  test.each([
    ['text/html; charset=utf-8', 400],
    ['text/plain', 400],
    ['application/octet-stream', 400],
    ['application/jsonp', 400],
    ['text/x+json', 400],
    ['application/json, text/html', 400],
    ['application/json', 200],
    ['Application/JSON; charset=utf-8', 200],
    ['application/vnd.as+json;v=1', 200],
    [undefined, 200],
  ])('CD4 served as %s: %d', async (type, status) => {
    const { web, rig } = setUp()
    const body = new TextEncoder().encode(JSON.stringify(document()))
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    web.serve(documentId, () => new Response(body, { headers }))
    expect((await open(rig)).status).toBe(status)
  })

  test('CD4 a document server in trouble costs no client its tokens: 503 at the token endpoint', async () => {
    const { web, rig } = setUp()
    const tokens = await tokensOf(rig)
    web.serve(documentId, () => new Response('busy', { status: 500 }))
    rig.now += 3600
    const response = await rig.refresh(tokens.refresh_token, { client_id: documentId })
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await refusal(response)).toBe('503 temporarily_unavailable')
    web.serve(documentId, document())
    rig.now += 5
    await ok(await rig.refresh(tokens.refresh_token, { client_id: documentId }))
  })

  test.each<[string, () => Response]>([
    ['5 MB', () => Response.json(document({ padding: 'x'.repeat(5_000_000) }))],
    ['a byte too many', () => new Response(padded(5121), { headers: asJson })],
    ['endless chunks', () => new Response(endless(), { headers: asJson })],
    [
      'a Content-Length that lies',
      () => new Response(padded(6000), { headers: { ...asJson, 'content-length': '10' } }),
    ],
    ['no UTF-8', () => new Response(Uint8Array.of(0x7b, 0xff, 0x7d), { headers: asJson })],
  ])('CD5 %s: LOCAL, and others are served', async (_, answer) => {
    const { web, rig } = setUp()
    web.serve('https://big.test/client.json', answer)
    expectLocal(await open(rig, 'https://big.test/client.json'))
    expect((await open(rig)).status).toBe(200)
  })

  test('CD5 5120 bytes are allowed', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, () => new Response(padded(5120), { headers: asJson }))
    expect((await open(rig)).status).toBe(200)
  })

  test.each<[string, () => Response | Promise<Response>]>([
    ['headers', () => new Promise<Response>(() => undefined)],
    ['body', () => new Response(new ReadableStream())],
  ])(
    'CD5 %s that never come: LOCAL after 5 s, the request is aborted, others are served',
    async (_, answer) => {
      const { web, rig } = setUp()
      const asked = new Promise<Request>((resolve) => {
        web.serve('https://slow.test/client.json', (request) => {
          resolve(request)
          return answer()
        })
      })
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const slow = open(rig, 'https://slow.test/client.json')
      const request = await asked
      expect((await open(rig)).status).toBe(200)
      await vi.advanceTimersByTimeAsync(5000)
      expectLocal(await slow)
      expect(request.signal.aborted).toBe(true)
    },
  )

  test.each<[string, unknown]>([
    ['HTML', '<!doctype html><title>Hello</title>'],
    ['an array', [document()]],
    ['null', null],
    ['no client_id', document({ client_id: undefined })],
    ['another client_id', document({ client_id: 'https://c.test/other.json' })],
    ['client_id in another spelling', document({ client_id: 'https://C.test/client.json' })],
    ['no client_name', document({ client_name: undefined })],
    ['no redirect_uris', document({ redirect_uris: undefined })],
    ['a redirect URI that registration refuses', document({ redirect_uris: ['javascript:alert(1)'] })],
    ['no redirect URI that can be used', document({ redirect_uris: ['http://evil.test/cb'] })],
    ['client_secret', document({ client_secret: 'x'.repeat(40) })],
    ['client_secret_expires_at', document({ client_secret_expires_at: 0 })],
    ['client_secret_basic', document({ token_endpoint_auth_method: 'client_secret_basic' })],
    ['client_secret_post', document({ token_endpoint_auth_method: 'client_secret_post' })],
    ['client_secret_jwt', document({ token_endpoint_auth_method: 'client_secret_jwt' })],
    ['a private key', document({ jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } })],
    ['a symmetric key', document({ jwks: { keys: [{ kty: 'oct' }] } })],
    ['http logo_uri', document({ logo_uri: 'http://c.test/logo.png' })],
    ['javascript client_uri', document({ client_uri: 'javascript:alert(1)' })],
    ['a software statement', document({ software_statement: 'a.b.c' })],
  ])('CD7 %s: LOCAL', async (_, answer) => {
    const { web, rig } = setUp()
    web.serve(
      documentId,
      () => new Response(typeof answer === 'string' ? answer : JSON.stringify(answer), { headers: asJson }),
    )
    expectLocal(await open(rig))
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'client.document-refused', clientId: documentId }),
    )
  })

  test('CD7 unknown, null and absent members do no harm', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, {
      ...document({
        token_endpoint_auth_method: undefined,
        logo_uri: null,
        client_secret: null,
        unknown: [1],
      }),
      __proto__: { polluted: true },
      jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] },
    })
    expect((await open(rig)).status).toBe(200)
  })
})

describe('keeping', () => {
  /** Seconds after which it is asked for again, of those that are tried. */
  const keptFor = async (cacheControl: string | undefined, times: readonly number[]): Promise<number[]> => {
    const { web, rig } = setUp()
    web.serve(documentId, document(), cacheControl === undefined ? {} : { 'cache-control': cacheControl })
    const start = rig.now
    await open(rig)
    const kept: number[] = []
    for (const time of times) {
      rig.now = start + time
      const before = web.requests.length
      await open(rig)
      if (web.requests.length === before) kept.push(time)
    }
    return kept
  }

  test.each<[string | undefined, number[], number[]]>([
    ['max-age=600', [599, 600], [599]],
    ['public, Max-Age="600"', [599, 600], [599]],
    ['max-age=600, s-maxage=900', [899, 900], [899]],
    ['max-age=5', [59, 60], [59]],
    ['max-age=0', [59, 60], [59]],
    ['no-cache', [59, 60], [59]],
    [undefined, [3599, 3600], [3599]],
    ['max-age=nonsense', [3599, 3600], [3599]],
    ['max-age=315360000', [86_399, 86_400], [86_399]],
    ['no-store', [0, 1], []],
    ['private, max-age=600', [0, 1], []],
    ['max-age=600, NO-STORE', [0, 1], []],
  ])('CD8 Cache-Control: %s', async (cacheControl, times, expected) => {
    expect(await keptFor(cacheControl, times)).toEqual(expected)
  })

  test('CD8 a dropped redirect URI is LOCAL after the end', async () => {
    const { web, rig } = setUp()
    expect((await open(rig)).status).toBe(200)
    web.serve(documentId, document({ redirect_uris: ['https://c.test/other'] }))
    rig.now += 3599
    expect((await open(rig)).status).toBe(200)
    rig.now += 1
    expectLocal(await open(rig))
    expect((await open(rig, documentId, { redirect_uri: 'https://c.test/other' })).status).toBe(200)
  })

  test('CD8 CN6 a changed document voids a remembered consent, an unchanged one does not', async () => {
    const { web, rig } = setUp({ lifetimes: { rememberedConsent: 86_400 } })
    const browser = browserOf(rig, 'alice')
    const url = await documentRequest()
    const scopes = ['notes:read', 'notes:write']
    await browser.submit(await browser.get(url), { decision: 'approve', scopes, fields: { remember: 'yes' } })
    rig.now += 3600
    web.serve(documentId, document({ unknown: 'what is not shown does not count' }))
    codeOf(await browser.get(url))
    rig.now += 3600
    web.serve(documentId, document({ client_name: 'Another name' }))
    const page = await browser.get(url)
    expect(page.status).toBe(200)
    expect(page.text).toContain('Another name')
  })

  test('CD8 changed between the page and the answer: the user is asked again', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, document(), { 'cache-control': 'no-store' })
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(await documentRequest())
    web.serve(documentId, document({ client_name: 'Another name' }))
    const answer = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    expect(answer.location?.pathname).toBe('/authorize')
    expect(answer.location?.searchParams.has('code')).toBe(false)
  })

  test.each(['approve', 'deny'] as const)(
    'CN7 changed back between the page and the answer: %s does not reach a remembered consent',
    async (decision) => {
      const { web, rig } = setUp({ lifetimes: { rememberedConsent: 86_400 } })
      web.serve(documentId, document(), { 'cache-control': 'no-store' })
      const browser = browserOf(rig, 'alice')
      const scopes = ['notes:read', 'notes:write']
      const approval = { decision: 'approve' as const, scopes, fields: { remember: 'yes' } }
      codeOf(await browser.submit(await browser.get(await documentRequest()), approval))
      web.serve(documentId, document({ client_name: 'Bank' }), { 'cache-control': 'no-store' })
      const page = await browser.get(await documentRequest(), { 'sec-fetch-site': 'cross-site' })
      web.serve(documentId, document(), { 'cache-control': 'no-store' })
      const answer = await browser.submit(page, { decision, scopes })
      const next = await browser.visit(answer.location!.href, { 'sec-fetch-site': 'same-origin' })
      expect([next.status, next.location]).toEqual([200, undefined])
    },
  )

  test('CD8 ETag: 304 renews what is kept; a 304 without a sent ETag is not a document', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, (request) =>
      request.headers.get('if-none-match') === '"one"'
        ? new Response(null, { status: 304, headers: { 'cache-control': 'max-age=7200' } })
        : Response.json(document(), { headers: { etag: '"one"' } }),
    )
    await open(rig)
    rig.now += 3600
    expect((await open(rig)).status).toBe(200)
    rig.now += 7199
    expect((await open(rig)).status).toBe(200)
    expect(web.requests.map(({ headers }) => headers.get('if-none-match'))).toEqual([null, '"one"'])
    rig.now += 1
    expect((await open(rig)).status).toBe(200)
    expect(web.requests).toHaveLength(3)
  })

  test('CD8 the shared cache: one request for two instances, an end of its own, and no trust in what lies there', async () => {
    const entries = new Map<string, { value: string; ttl: number }>()
    const cache = {
      get: async (key: string) => entries.get(key)?.value,
      put: async (key: string, value: string, { ttl }: { ttl: number }) =>
        void entries.set(key, { value, ttl }),
      delete: async (key: string) => void entries.delete(key),
    }
    const { web, rig } = setUp({ cache })
    const second = pagesRig({ fetch: web.fetch, cache })
    await open(rig)
    expect((await open(second)).status).toBe(200)
    expect(web.requests).toHaveLength(1)
    expect([...entries.values()].map(({ ttl }) => ttl)).toEqual([3600])
    // A cache that keeps it too long.
    second.now += 3600
    await open(second)
    expect(web.requests).toHaveLength(2)
    const [key] = entries.keys()
    const forged = document({ client_id: 'https://evil.test/client.json' })
    for (const value of [
      '',
      'x',
      '{}',
      'null',
      JSON.stringify({ until: 9e9, text: JSON.stringify(forged) }),
    ]) {
      entries.set(key!, { value, ttl: 3600 })
      const third = pagesRig({ fetch: web.fetch, cache })
      const shown = await open(third)
      expect(shown.text).not.toContain('evil.test')
    }
    const broken = memoryCache()
    const failing = pagesRig({
      fetch: web.fetch,
      cache: {
        ...broken,
        get: () => Promise.reject(new Error('down')),
        put: () => Promise.reject(new Error('down')),
      },
    })
    expect((await open(failing)).status).toBe(200)
  })
})

describe('how often', () => {
  test('one request for 50 at once', async () => {
    const { web, rig } = setUp()
    const shown = await Promise.all(Array.from({ length: 50 }, () => open(rig)))
    expect(shown.every(({ status }) => status === 200)).toBe(true)
    expect(web.requests).toHaveLength(1)
  })

  test('CD4 a document that was repaired at once is taken at once', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, () => new Response(null, { status: 404 }))
    expectLocal(await open(rig))
    web.serve(documentId, document())
    expect((await open(rig)).status).toBe(200)
  })

  test('a document that was refused twice is asked for again after 5 s, not before', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, () => new Response(null, { status: 404 }))
    for (let i = 0; i < 10; i++) expectLocal(await open(rig))
    expect(web.requests).toHaveLength(2)
    rig.now += 4.9
    expectLocal(await open(rig))
    expect(web.requests).toHaveLength(2)
    rig.now += 0.1
    expectLocal(await open(rig))
    expect(web.requests).toHaveLength(3)
  })

  test('30 new documents a minute from one host; another host, and what is known, are served', async () => {
    const { web, rig } = setUp({ rateLimit: { limit: async () => ({ success: true }) } })
    await open(rig)
    for (let i = 0; i < 80; i++) expectLocal(await open(rig, `https://c.test/${i}`))
    expect(web.requests).toHaveLength(30)
    const d = 'https://d.test/client.json'
    web.serve(d, document({ redirect_uris: ['https://c.test/cb'] }, d))
    expect((await open(rig, d)).status).toBe(200)
    expect((await open(rig)).status).toBe(200)
    rig.now += 60
    await open(rig, 'https://c.test/82')
    expect(web.urls).toContain('https://c.test/82')
  })

  test('a known document is fetched again although strangers have used the origin’s budget', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, document(), { 'cache-control': 'max-age=60' })
    await open(rig)
    rig.now += 60
    for (let i = 0; i < 70; i++) await open(rig, `https://c.test/${i}`)
    expect((await open(rig)).status).toBe(200)
  })
})

test('CD11 logo_uri, jwks_uri, policy_uri are never fetched, and the page shows no foreign picture', async () => {
  const { web, rig } = setUp()
  const uris = {
    logo_uri: 'https://169.254.169.254/logo.png',
    jwks_uri: 'https://10.0.0.1/jwks.json',
    policy_uri: 'https://internal.test/policy',
    tos_uri: 'https://internal.test/tos',
    client_uri: 'https://internal.test/',
  }
  web.serve(documentId, document(uris))
  const page = await open(rig)
  expect(page.status).toBe(200)
  expect(web.urls).toEqual([documentId])
  expect(page.text).not.toContain('169.254.169.254')
  expect(page.text).not.toMatch(/<img[^>]+src="https:/)
  expect(page.headers.get('content-security-policy')).not.toContain('internal.test')
})

describe('CD12', () => {
  test('CD12 a redirect URI that is not in the document: LOCAL; loopback on another port: accepted', async () => {
    const { rig } = setUp()
    for (const redirect of ['https://evil.test/cb', 'https://c.test/cb/x', 'http://localhost:3000/cb'])
      expectLocal(await open(rig, documentId, { redirect_uri: redirect }))
    expect((await open(rig, documentId, { redirect_uri: 'http://127.0.0.1:51004/cb' })).status).toBe(200)
  })

  test('CD12 CN1 a document with loopback redirects only: host of the id, host of the redirect, a warning', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, document({ redirect_uris: ['http://127.0.0.1:3000/cb'] }))
    const page = await browserOf(rig, 'alice').get(
      await requestUrl({ client_id: documentId, redirect_uri: 'http://127.0.0.1:51004/cb' }),
    )
    expect(page.status).toBe(200)
    expect(page.text).toContain('<bdi>c.test</bdi>')
    expect(page.text).toContain('127.0.0.1:51004')
    expect(page.text).toContain('Any program on this computer could be asking')
    expect(forms(page.text)).not.toEqual([])
  })
})

test('TK18 a blocked document client', async () => {
  const { rig } = setUp()
  const tokens = await tokensOf(rig)
  await rig.as.clients.block(documentId)
  expectLocal(await open(rig))
  expect(await refusal(await rig.refresh(tokens.refresh_token, { client_id: documentId }))).toBe(
    '401 invalid_client',
  )
})

test('CA3 a secret with a URL as client id: refused without a request', async () => {
  const { web, rig } = setUp()
  const form = { grant_type: 'refresh_token', refresh_token: 'x' }
  expect(await refusal(await rig.post(form, { headers: basic(documentId, 'x'.repeat(40)) }))).toBe(
    '401 invalid_client',
  )
  expect(web.requests).toEqual([])
})

test('clientDocuments: { fetch } fetches documents and nothing else does', async () => {
  const { web } = setUp()
  const { rig } = setUp({
    fetch: () => Promise.reject(new Error('not me')),
    clientDocuments: { fetch: web.fetch },
  })
  expect((await open(rig)).status).toBe(200)
  expect(web.urls).toEqual([documentId])
})

async function tokensOf(rig: Rig): Promise<{ access_token: string; refresh_token: string }> {
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await documentRequest())
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] }))
  return ok(
    await rig.post({
      grant_type: 'authorization_code',
      client_id: documentId,
      code,
      code_verifier: verifier,
    }),
  )
}

/** A good document of so many bytes. */
function padded(bytes: number): string {
  const empty = JSON.stringify(document({ padding: '' }))
  return JSON.stringify(document({ padding: 'x'.repeat(bytes - empty.length) }))
}

const endless = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(' '.repeat(1000)))
    },
  })
