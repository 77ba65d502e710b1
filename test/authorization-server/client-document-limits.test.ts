import { describe, expect, test } from 'vitest'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { BlockedAddressError } from '../../src/http/guarded-fetch.ts'
import { ok, refusal, type Rig } from '../support/as.ts'
import { assertionForm, clientKey, signAssertion } from '../support/client-assertions.ts'
import { document, documentId, documentRequest, Web } from '../support/client-documents.ts'
import { browserOf, codeOf, expectLocal, pagesRig, verifier, type Shown } from '../support/pages.ts'

function setUp(options: Partial<AuthorizationServerOptions> = {}): { web: Web; rig: Rig } {
  const web = new Web()
  web.serve(documentId, document())
  return { web, rig: pagesRig({ fetch: web.fetch, ...options }) }
}

const open = async (rig: Rig, id = documentId, headers: Record<string, string> = {}): Promise<Shown> =>
  browserOf(rig, 'alice').get(await documentRequest(id), headers)

const many = (count: number, id: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => id(i))

async function tokensOf(rig: Rig): Promise<{ access_token: string; refresh_token: string }> {
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await documentRequest())
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] }))
  const form = { grant_type: 'authorization_code', client_id: documentId, code, code_verifier: verifier }
  return ok(await rig.post(form))
}

describe('S10 what one anonymous caller can have requested in a minute', () => {
  test.each<[string, string[], number]>([
    ['ports of a host', many(300, (i) => `https://c.test:${10_000 + i}/client.json`), 30],
    ['paths of a host', many(300, (i) => `https://c.test/${i}`), 30],
    ['names below one name', many(300, (i) => `https://a${i}.evil.test/client.json`), 60],
    ['names below one name of a country', many(300, (i) => `https://b.a${i}.evil.co.uk/client.json`), 60],
    ['names of their own', many(400, (i) => `https://evil${i}.test/client.json`), 300],
    ['addresses', many(400, (i) => `https://8.8.${i >> 8}.${i & 255}/client.json`), 300],
  ])('S10 %s', async (_, ids, most) => {
    const { web, rig } = setUp()
    for (const id of ids) expectLocal(await open(rig, id))
    expect(web.requests).toHaveLength(most)
    expect((await open(rig)).status).toBe(most === 30 || most === 300 ? 400 : 200)
    rig.now += 60
    expect((await open(rig)).status).toBe(200)
  })

  test('S10 each caller has a limit of its own, and what was good before does not count', async () => {
    const { web, rig } = setUp({
      clientAddress: (request) => request.headers.get('x-test-address') ?? undefined,
    })
    web.serve(documentId, document(), { 'cache-control': 'max-age=60' })
    const one = { 'x-test-address': '192.0.2.1' }
    expect((await open(rig, documentId, one)).status).toBe(200)
    const shown: number[] = []
    for (const id of many(70, (i) => `https://evil${i}.test/client.json`))
      shown.push((await open(rig, id, one)).status)
    expect(shown.filter((status) => status === 429)).toHaveLength(11)
    const other = 'https://other.test/client.json'
    web.serve(other, document({ redirect_uris: ['https://c.test/cb'] }, other))
    expect((await open(rig, other, { 'x-test-address': '192.0.2.2' })).status).toBe(200)
    rig.now += 59
    expect((await open(rig, documentId, one)).status).toBe(200)
  })

  test('S10 what was good before, at names below one name', async () => {
    const { web, rig } = setUp()
    const ids = many(300, (i) => `https://a${i}.evil.test/client.json`)
    for (const id of ids) web.serve(id, document({}, id), { 'cache-control': 'no-store' })
    for (const [i, id] of ids.entries()) {
      if (i % 60 === 0) rig.now += 60
      expect((await open(rig, id)).status).toBe(200)
    }
    rig.now += 60
    const before = web.requests.length
    for (let round = 0; round < 3; round++) for (const id of ids) await open(rig, id)
    expect(web.requests.length - before).toBe(240)
    expect((await open(rig)).status).toBe(200)
  })

  test('S10 so many flights at the same moment', async () => {
    const { web, rig } = setUp()
    const pending: ((response: Response) => void)[] = []
    const ids = many(100, (i) => `https://slow${i}.test/client.json`)
    for (const id of ids) web.serve(id, () => new Promise((resolve) => pending.push(resolve)))
    const shown = ids.map((id) => open(rig, id))
    await Promise.race(shown)
    expect(pending).toHaveLength(20)
    for (const resolve of pending) resolve(new Response(null, { status: 404 }))
    for (const each of await Promise.all(shown)) expectLocal(each)
    expect((await open(rig)).status).toBe(200)
  })
})

const asJson = { 'content-type': 'application/json' }
const failures: [string, () => Response | Promise<Response>][] = [
  ['a closed port', () => Promise.reject(new TypeError('ECONNREFUSED'))],
  [
    'a private address behind the name',
    () => Promise.reject(new BlockedAddressError('The host leads to 10.0.0.1')),
  ],
  ['404', () => new Response('x', { status: 404 })],
  ['401', () => new Response('x', { status: 401, headers: { 'www-authenticate': 'Basic' } })],
  ['500', () => new Response('x', { status: 500 })],
  ['429', () => new Response('x', { status: 429 })],
  ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://d.test/' } })],
  ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['no JSON', () => new Response('hello', { headers: asJson })],
  ['JSON of something else', () => Response.json({ internal: 'secret' })],
  ['a document of another', () => Response.json(document({}, 'https://d.test/client.json'))],
  ['too large', () => new Response(' '.repeat(10_000), { headers: asJson })],
]

describe('S10 no port scan: whatever happened out there, one status and one text', () => {
  test('S10 at /authorize', async () => {
    const texts = new Set<string>()
    for (const [, answer] of failures) {
      const { web, rig } = setUp()
      web.serve(documentId, answer)
      const page = await open(rig)
      expectLocal(page)
      texts.add(page.text.replaceAll(/nonce="[^"]*"/g, ''))
    }
    expect(texts.size).toBe(1)
  })

  test.each(failures)('S10 at /token, for a client that has a grant: %s', async (_, answer) => {
    const { web, rig } = setUp()
    const tokens = await tokensOf(rig)
    web.serve(documentId, answer)
    rig.now += 3600
    for (let i = 0; i < 3; i++) {
      const response = await rig.refresh(tokens.refresh_token, { client_id: documentId })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('5')
      expect(await response.json()).toEqual({
        error: 'temporarily_unavailable',
        error_description: 'The metadata of the client cannot be read now',
      })
    }
    web.serve(documentId, document())
    rig.now += 5
    await ok(await rig.refresh(tokens.refresh_token, { client_id: documentId }))
  })

  test('S10 the events tell the operator what it was', async () => {
    const { web, rig } = setUp()
    web.serve(documentId, () => new Response('x', { status: 404 }))
    await open(rig)
    const refused = rig.events.filter(({ type }) => type === 'client.document-refused')
    expect(refused).toEqual([
      expect.objectContaining({ clientId: documentId, detail: expect.stringContaining('404') }),
    ])
  })
})

describe('S10 nothing is requested for an id that no grant has', () => {
  test('S10 token, revocation and introspection', async () => {
    const { web, rig } = setUp()
    const { refresh_token, access_token } = await tokensOf(rig)
    const before = web.requests.length
    const strange = { client_id: 'https://evil.test/client.json' }
    const { code, verifier: code_verifier } = await rig.approve('pub')
    for (const token of ['x', refresh_token])
      expect(await refusal(await rig.refresh(token, strange))).toBe('400 invalid_grant')
    for (const each of [code, 'x', `${code}x`]) {
      const form = { grant_type: 'authorization_code', code: each, code_verifier, ...strange }
      expect(await refusal(await rig.post(form))).toBe('400 invalid_grant')
    }
    expect(await refusal(await rig.post({ grant_type: 'client_credentials', ...strange }))).toBe(
      '400 invalid_grant',
    )
    for (const token of ['x', refresh_token, access_token]) {
      expect((await rig.post({ token, ...strange }, { url: rig.path('revoke') })).status).toBe(200)
      await rig.post({ token, ...strange }, { url: 'https://as.test/introspect' }).catch(() => undefined)
    }
    expect(web.requests).toHaveLength(before)
    expect(await rig.call(access_token)).toBe(200)
    await ok(await rig.refresh(refresh_token, { client_id: documentId }))
  })

  test('S10 with a grant an instance that does not know the document fetches it', async () => {
    const { web, rig } = setUp()
    const tokens = await tokensOf(rig)
    const [second, third, fourth] = [rig.twin(), rig.twin(), rig.twin()]
    const next = await ok(await rig.refresh(tokens.refresh_token, { client_id: documentId }, second))
    expect(web.requests).toHaveLength(2)
    const url = rig.path('revoke')
    const revoke = (token: string, as: typeof second): Promise<Response> =>
      rig.post({ token, client_id: documentId }, { url, as })
    expect((await revoke(next.access_token, third)).status).toBe(200)
    expect((await revoke(next.refresh_token, fourth)).status).toBe(200)
    expect(web.requests).toHaveLength(4)
    expect(await refusal(await rig.refresh(next.refresh_token, { client_id: documentId }))).toBe(
      '400 invalid_grant',
    )
  })

  test('S10 guesses are counted', async () => {
    const { rig } = setUp({ clientAddress: () => '192.0.2.1' })
    const statuses: number[] = []
    for (let i = 0; i < 70; i++)
      statuses.push((await rig.refresh('x', { client_id: 'https://evil.test/client.json' })).status)
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
  })
})

describe('RC1 the page and an event name the member that is wrong', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ client_name: undefined }, 'client_name'],
    [{ client_secret: 'x'.repeat(20) }, 'client_secret'],
    [{ redirect_uris: undefined }, 'redirect_uris'],
    [{ redirect_uris: ['https://c.test/cb', 'javascript:alert(1)'] }, 'redirect_uris[1]'],
    [{ token_endpoint_auth_method: 'client_secret_post' }, 'token_endpoint_auth_method'],
    [{ grant_types: ['client_credentials'] }, 'grant_types'],
    [{ response_types: ['token'] }, 'response_types'],
    [{ scope: 'a"b' }, 'scope'],
    [{ jwks: { keys: [{ kty: 'oct', k: 'x' }] } }, 'jwks'],
    [{ logo_uri: 'javascript:alert(1)' }, 'logo_uri'],
    [{ application_type: 'spa' }, 'application_type'],
    [{ software_statement: 'a.b.c' }, 'oftware statement'],
  ])('RC1 %j', async (more, member) => {
    const { web, rig } = setUp()
    web.serve(documentId, JSON.parse(JSON.stringify(document(more))) as object)
    // The second and third time it is not asked for again, and the reason stays.
    for (let i = 0; i < 3; i++) {
      const page = await open(rig)
      expectLocal(page)
      expect(page.text).toContain(member)
      expect(page.text).not.toContain('add it again')
    }
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'client.document-refused', detail: expect.stringContaining(member) }),
    )
  })
})

test('S10 an assertion without a grant: no key set is requested, and nothing is written', async () => {
  const key = await clientKey()
  const jwksUri = 'https://c.test/jwks.json'
  const { web, rig } = setUp()
  const methods = ['none', 'private_key_jwt']
  web.serve(documentId, document({ token_endpoint_auth_methods_supported: methods, jwks_uri: jwksUri }))
  web.serve(jwksUri, { keys: [key.jwk] })
  // The document is known from here on.
  expect((await open(rig)).status).toBe(200)
  const before = rig.store.written.length
  const forms: Record<string, string>[] = [
    { grant_type: 'unknown' },
    { grant_type: 'authorization_code', code: `${'a'.repeat(27)}.${'b'.repeat(27)}` },
    { grant_type: 'refresh_token', refresh_token: 'x' },
  ]
  for (const form of forms) {
    const assertion = assertionForm(await signAssertion(key, { clientId: documentId, now: rig.now }))
    const answer = await rig.post({ client_id: documentId, ...form, ...assertion })
    expect(await refusal(answer)).toBe('400 invalid_grant')
  }
  const assertion = assertionForm(await signAssertion(key, { clientId: documentId, now: rig.now }))
  await rig.post({ client_id: documentId, token: 'x', ...assertion }, { url: rig.path('revoke') })
  expect(web.urls).toEqual([documentId])
  expect(rig.store.written.length).toBe(before)
})
