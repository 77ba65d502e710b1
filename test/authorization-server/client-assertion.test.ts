import { CompactSign } from 'jose/jws/compact/sign'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import { basic, ok, refusal, Rig } from '../support/as.ts'
import { assertionForm, clientKey, signAssertion, type ClientKey } from '../support/client-assertions.ts'
import { document, documentId, documentRequest, Web } from '../support/client-documents.ts'
import { browserOf, codeOf, expectLocal, pagesRig, verifier, type Shown } from '../support/pages.ts'

const jwksUri = 'https://c.test/jwks.json'

let key: ClientKey
let other: ClientKey
beforeAll(async () => {
  key = await clientKey()
  other = await clientKey()
})

afterEach(() => {
  vi.useRealTimers()
})

/** As ChatGPT publishes it. */
const chatGpt = (more: Record<string, unknown> = {}): Record<string, unknown> =>
  document({
    client_name: 'ChatGPT',
    redirect_uris: ['https://c.test/cb', 'https://c.test/other', 'https://c.test/third'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg: 'ES256',
    jwks_uri: jwksUri,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    x_unknown: { a: [1] },
    ...more,
  })
const enforced = { token_endpoint_auth_methods_supported: undefined }

function setUp(
  more: Record<string, unknown> = {},
  options: Partial<AuthorizationServerOptions> = {},
): { web: Web; rig: Rig } {
  const web = new Web()
  web.serve(documentId, JSON.parse(JSON.stringify(chatGpt(more))) as object)
  web.serve(jwksUri, { keys: [key.jwk] })
  return { web, rig: pagesRig({ fetch: web.fetch, ...options }) }
}

const open = async (rig: Rig): Promise<Shown> => browserOf(rig, 'alice').get(await documentRequest())

/** A code that is not redeemed. */
async function newCode(rig: Rig): Promise<Record<string, string>> {
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await documentRequest())
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] }))
  return { grant_type: 'authorization_code', code, code_verifier: verifier }
}

interface How {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  by?: ClientKey
}
const sign = (rig: Rig, { claims = {}, header = {}, by = key }: How = {}): Promise<string> =>
  signAssertion(by, { clientId: documentId, now: rig.now, claims, header })
const asserted = async (rig: Rig, how: How = {}): Promise<Record<string, string>> =>
  assertionForm(await sign(rig, how))

const withId = { client_id: documentId }

describe('CD13 the document of ChatGPT', () => {
  test('RC1 CD13 with "none" in the list it is a public client; an assertion that is sent must be valid', async () => {
    const { rig, web } = setUp()
    expect((await open(rig)).status).toBe(200)
    await ok(await rig.post({ ...(await newCode(rig)), ...withId }))
    expect(web.urls).toEqual([documentId])

    const form = await newCode(rig)
    const wrong = [
      await asserted(rig, { by: other }),
      await asserted(rig, { claims: { exp: rig.now - 60 } }),
      assertionForm('not.a.jwt'),
      { client_assertion: await sign(rig) },
      {
        ...(await asserted(rig)),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      },
    ]
    for (const each of wrong)
      expect(await refusal(await rig.post({ ...form, ...withId, ...each }))).toBe('401 invalid_client')
    // Nothing of it burnt the code.
    await ok(await rig.post({ ...form, ...withId, ...(await asserted(rig)) }))
  })

  test('RC1 CD13 without the list the assertion is demanded: at token, refresh and revocation', async () => {
    const { rig } = setUp(enforced)
    expect((await open(rig)).status).toBe(200)
    const form = await newCode(rig)
    for (const each of [
      {},
      await asserted(rig, { by: other }),
      await asserted(rig, { claims: { exp: rig.now - 60 } }),
    ])
      expect(await refusal(await rig.post({ ...form, ...withId, ...each }))).toBe('401 invalid_client')
    // The client_id may be left out: the assertion names it.
    const tokens = await ok(await rig.post({ ...form, ...(await asserted(rig)) }))
    expect(await refusal(await rig.refresh(tokens.refresh_token, withId))).toBe('401 invalid_client')
    const next = await ok(await rig.refresh(tokens.refresh_token, { ...withId, ...(await asserted(rig)) }))
    const url = rig.path('revoke')
    const revocation = { token: next.refresh_token, ...withId }
    expect(await refusal(await rig.post(revocation, { url }))).toBe('401 invalid_client')
    expect(await rig.call(next.access_token)).toBe(200)
    expect((await rig.post({ ...revocation, ...(await asserted(rig)) }, { url })).status).toBe(200)
    expect(
      await refusal(await rig.refresh(next.refresh_token, { ...withId, ...(await asserted(rig)) })),
    ).toBe('400 invalid_grant')
  })

  test.each<[string, Record<string, unknown>]>([
    ['no keys', { jwks_uri: undefined }],
    ['both ways to name keys', { jwks: { keys: [] as unknown[] }, jwks_uri: jwksUri }],
    ['jwks that is not a key set', { jwks: 'x', jwks_uri: undefined }],
    ['an http jwks_uri', { jwks_uri: 'http://c.test/jwks.json' }],
    ['an algorithm that is not asymmetric', { token_endpoint_auth_signing_alg: 'HS256' }],
    ['only a secret', { token_endpoint_auth_method: 'client_secret_jwt' }],
  ])('RC1 %s: LOCAL, and the page and an event name the member', async (_, more) => {
    const { rig } = setUp({ ...enforced, ...more })
    const page = await open(rig)
    expectLocal(page)
    expect(page.text).toMatch(/jwks|token_endpoint_auth_(method|signing_alg)/)
    expect(page.text).not.toContain('add it again')
    expect(rig.events).toContainEqual(
      expect.objectContaining({
        type: 'client.document-refused',
        clientId: documentId,
        detail: expect.stringMatching(/jwks|token_endpoint_auth_(method|signing_alg)/),
      }),
    )
  })

  test('RC1 a client may prefer a secret if it lists "none"', async () => {
    const methods = ['client_secret_basic', 'none']
    const { rig } = setUp({
      token_endpoint_auth_method: 'client_secret_basic',
      token_endpoint_auth_methods_supported: methods,
    })
    await ok(await rig.post({ ...(await newCode(rig)), ...withId }))
    // It does not say that it signs, so nothing that is signed is its.
    const form = { ...(await newCode(rig)), ...withId, ...(await asserted(rig)) }
    expect(await refusal(await rig.post(form))).toBe('401 invalid_client')
  })

  test('RC1 registration takes what it can of the list, and says so', async () => {
    const { rig } = setUp()
    const method = async (metadata: object): Promise<unknown> => {
      const response = await rig.register({ redirect_uris: ['https://c.test/cb'], ...metadata })
      return (
        ((await response.json()) as Record<string, unknown>)['token_endpoint_auth_method'] ?? response.status
      )
    }
    const preferred = { token_endpoint_auth_method: 'private_key_jwt' }
    expect(
      await method({ ...preferred, token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'] }),
    ).toBe('none')
    expect(
      await method({ ...preferred, token_endpoint_auth_methods_supported: ['client_secret_post'] }),
    ).toBe('client_secret_post')
    expect(await method(preferred)).toBe(400)
  })
})

describe('CA4 the assertion', () => {
  const cases: [string, (rig: Rig) => How | Promise<How>][] = [
    ['aud: the revocation endpoint', (rig) => ({ claims: { aud: rig.path('revoke') } })],
    ['aud: issuer and token endpoint', (rig) => ({ claims: { aud: [rig.issuer, rig.path('token')] } })],
    ['aud: a list with another', (rig) => ({ claims: { aud: [rig.issuer, 'https://evil.test'] } })],
    ['aud: a list', (rig) => ({ claims: { aud: [rig.issuer] } })],
    ['aud: another issuer', () => ({ claims: { aud: 'https://evil.test' } })],
    ['aud: with a slash', (rig) => ({ claims: { aud: `${rig.issuer}/` } })],
    ['no aud', () => ({ claims: { aud: undefined } })],
    ['iss: another', () => ({ claims: { iss: 'https://evil.test/c.json' } })],
    ['sub: another', () => ({ claims: { sub: 'pub' } })],
    ['no iss', () => ({ claims: { iss: undefined } })],
    ['no sub', () => ({ claims: { sub: undefined } })],
    ['no exp', () => ({ claims: { exp: undefined } })],
    ['exp: a text', (rig) => ({ claims: { exp: String(rig.now + 60) } })],
    ['exp: in 11 minutes', (rig) => ({ claims: { exp: rig.now + 660 } })],
    ['exp: past', (rig) => ({ claims: { exp: rig.now - 6 } })],
    ['nbf: in a minute', (rig) => ({ claims: { nbf: rig.now + 60 } })],
    ['iat: in a minute', (rig) => ({ claims: { iat: rig.now + 60 } })],
    ['no jti', () => ({ claims: { jti: undefined } })],
    ['jti: empty', () => ({ claims: { jti: '' } })],
    ['jti: 1 kB', () => ({ claims: { jti: 'x'.repeat(1025) } })],
    ['an unknown key', async () => ({ by: await clientKey('one') })],
    ['typ: an access token', () => ({ header: { typ: 'at+jwt' } })],
    ['crit', () => ({ header: { crit: ['x'], x: 1 } })],
  ]
  test.each(cases)('CA4 %s: invalid_client, and the code is not burnt', async (_, how) => {
    for (const more of [{}, enforced]) {
      const { rig, web } = setUp(more)
      const form = { ...(await newCode(rig)), ...withId }
      const wrong = await asserted(rig, await how(rig))
      expect(await refusal(await rig.post({ ...form, ...wrong }))).toBe('401 invalid_client')
      expect(rig.events).toContainEqual(expect.objectContaining({ type: 'client.rejected', status: 401 }))
      expect(JSON.stringify(rig.events)).not.toContain(wrong['client_assertion'])
      await ok(await rig.post({ ...form, ...(await asserted(rig)) }))
      expect(new Set(web.urls)).toEqual(new Set([documentId, jwksUri]))
    }
  })

  test.each([undefined, 'JWT', 'client-authentication+jwt'])('RC1 typ %s is good', async (typ) => {
    const { rig } = setUp(enforced)
    const header = typ === undefined ? {} : { typ }
    await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...(await asserted(rig, { header })) }))
  })

  test('CA4 alg none and HS256 with the public key', async () => {
    const { rig } = setUp(enforced)
    const form = { ...(await newCode(rig)), ...withId }
    const [head, body, signature] = (await sign(rig)).split('.') as [string, string, string]
    const encode = (value: object): string =>
      btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
    const secret = utf8(JSON.stringify(key.jwk))
    const hs256 = await new CompactSign(utf8(atob(body.replaceAll('-', '+').replaceAll('_', '/'))))
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(secret)
    const twice = encode({ alg: 'ES256' }).slice(0, -2)
    for (const each of [
      `${encode({ alg: 'none' })}.${body}.`,
      `${encode({ alg: 'none', kid: 'one' })}.${body}.${signature}`,
      hs256,
      `${head}.${body}.${'A'.repeat(86)}`,
      `${twice}.${body}.${signature}`,
    ])
      expect(await refusal(await rig.post({ ...form, ...assertionForm(each) }))).toBe('401 invalid_client')
  })

  test('CA4 a jku, x5u or jwk of the header is not used: nothing is requested there', async () => {
    const { rig, web } = setUp(enforced)
    web.serve('https://evil.test/jwks.json', { keys: [other.jwk] })
    const form = { ...(await newCode(rig)), ...withId }
    for (const header of [
      { jku: 'https://evil.test/jwks.json' },
      { x5u: 'https://evil.test/cert' },
      { jwk: other.jwk },
    ])
      expect(
        await refusal(await rig.post({ ...form, ...(await asserted(rig, { by: other, header })) })),
      ).toBe('401 invalid_client')
    expect(web.urls.filter((url) => url.includes('evil'))).toEqual([])
  })

  test('CA4 replay: each assertion once, at every instance, until it has expired', async () => {
    const { rig } = setUp(enforced)
    const used = await asserted(rig, { claims: { jti: 'the same' } })
    const tokens = await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...used }))
    for (const as of [rig.as, rig.twin()])
      expect(await refusal(await rig.refresh(tokens.refresh_token, { ...withId, ...used }, as))).toBe(
        '401 invalid_client',
      )
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'client.assertion-replayed', level: 'alert', clientId: documentId }),
    )
    rig.now += 600
    const later = await asserted(rig, { claims: { jti: 'the same' } })
    await ok(await rig.refresh(tokens.refresh_token, { ...withId, ...later }))
    const records = rig.store.written.filter(({ key }) => key.includes('assertion'))
    expect(records).toHaveLength(2)
    expect(new Set(records.map(({ key }) => key.split(':')[0]))).toHaveLength(1)
    for (const { key, expiresAt, at } of records) {
      expect(key).not.toContain('the same')
      expect(expiresAt! - at).toBeLessThanOrEqual(605)
    }
  })

  test('RC1 CA4 aud: the token endpoint, as ChatGPT writes it: of a client that may do without, and of no other', async () => {
    const { rig } = setUp()
    const claims = { aud: rig.path('token') }
    await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...(await asserted(rig, { claims })) }))
    const { rig: strict } = setUp(enforced)
    const form = { ...(await newCode(strict)), ...withId }
    expect(await refusal(await strict.post({ ...form, ...(await asserted(strict, { claims })) }))).toBe(
      '401 invalid_client',
    )
    await ok(await strict.post({ ...form, ...(await asserted(strict)) }))
  })

  test('CA4 client_id of another client', async () => {
    const { rig } = setUp(enforced)
    const { code, verifier: code_verifier } = await rig.approve('pub')
    const form = { grant_type: 'authorization_code', code, code_verifier, client_id: 'pub' }
    expect(await refusal(await rig.post({ ...form, ...(await asserted(rig)) }))).toBe('401 invalid_client')
  })

  test('CA2 an assertion and another way at once', async () => {
    const { rig } = setUp(enforced)
    const form = { ...(await newCode(rig)), ...withId, ...(await asserted(rig)) }
    expect(await refusal(await rig.post({ ...form, client_secret: 'x' }))).toBe('400 invalid_request')
    expect(await refusal(await rig.post(form, { headers: basic(documentId, 'x') }))).toBe(
      '400 invalid_request',
    )
  })

  test('CA4 dangerouslyAllowTokenEndpointAudience: the token endpoint too, also at revocation', async () => {
    const { rig } = setUp(enforced, { dangerouslyAllowTokenEndpointAudience: true })
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'option.weakening', detail: 'dangerouslyAllowTokenEndpointAudience' }),
    )
    const aud = rig.path('token')
    const legacy = await asserted(rig, { claims: { aud } })
    const tokens = await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...legacy }))
    await ok(await rig.refresh(tokens.refresh_token, { ...withId, ...(await asserted(rig)) }))
    for (const wrong of [[aud], rig.path('revoke'), [rig.issuer, aud]]) {
      const form = { ...withId, ...(await asserted(rig, { claims: { aud: wrong } })) }
      expect(await refusal(await rig.refresh(tokens.refresh_token, form))).toBe('401 invalid_client')
    }
    expect(() => setUp({}, { dangerouslyAllowTokenEndpointAudience: 1 } as never)).toThrow(
      /dangerouslyAllowTokenEndpointAudience/,
    )
  })
})

describe('CA5 the keys', () => {
  test('CA5 in the document itself: nothing else is fetched', async () => {
    const { rig, web } = setUp({
      ...enforced,
      jwks_uri: undefined,
      jwks: { keys: [other.jwk, { ...key.jwk, kid: 'two' }] },
    })
    const header = { kid: 'two' }
    await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...(await asserted(rig, { header })) }))
    // Without a kid each key that fits is tried.
    await ok(
      await rig.post({
        ...(await newCode(rig)),
        ...withId,
        ...(await asserted(rig, { header: { kid: undefined } })),
      }),
    )
    expect(web.urls).toEqual([documentId])
  })

  test.each<[string, (web: Web) => void, Record<string, unknown>]>([
    ['a private address', () => undefined, { jwks_uri: 'https://10.0.0.1/jwks.json' }],
    [
      'a redirect',
      (web) =>
        web.serve(
          jwksUri,
          () => new Response(null, { status: 302, headers: { location: 'https://d.test/' } }),
        ),
      {},
    ],
    ['an error', (web) => web.serve(jwksUri, () => new Response('x', { status: 500 })), {}],
    ['not there', (web) => web.serve(jwksUri, () => new Response('x', { status: 404 })), {}],
    ['no key set', (web) => web.serve(jwksUri, { nothing: 1 }), {}],
    ['too large', (web) => web.serve(jwksUri, { keys: [], padding: 'x'.repeat(300_000) }), {}],
    ['no connection', (web) => web.serve(jwksUri, () => Promise.reject(new TypeError('refused'))), {}],
  ])('CA5 S10 %s: one status and one text, and the code is not burnt', async (_, prepare, more) => {
    const { rig, web } = setUp({ ...enforced, ...more })
    prepare(web)
    const form = { ...(await newCode(rig)), ...withId }
    const response = await rig.post({ ...form, ...(await asserted(rig)) })
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'The metadata of the client cannot be read now',
    })
    expect(web.urls.every((url) => url === documentId || url === jwksUri)).toBe(true)
    if ('jwks_uri' in more) return
    web.serve(jwksUri, { keys: [key.jwk] })
    rig.now += 30
    await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...(await asserted(rig)) }))
  })

  test('CA5 a rotated key works; a thousand unknown kids are one fetch in 30 s', async () => {
    const { rig, web } = setUp(enforced)
    const tokens = await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...(await asserted(rig)) }))
    const fetches = (): number => web.urls.filter((url) => url === jwksUri).length
    expect(fetches()).toBe(1)
    rig.now += 31
    const next = await clientKey('next')
    web.serve(jwksUri, { keys: [key.jwk, next.jwk] })
    const second = await ok(
      await rig.refresh(tokens.refresh_token, { ...withId, ...(await asserted(rig, { by: next })) }),
    )
    expect(fetches()).toBe(2)
    rig.now += 31
    for (let i = 0; i < 1000; i++) {
      const form = { ...withId, ...(await asserted(rig, { header: { kid: `unknown-${i}` } })) }
      // Where the cooldown forbids to look it is not known whether the key is wrong.
      expect((await rig.refresh(second.refresh_token, form)).status).toBeGreaterThanOrEqual(400)
    }
    expect(fetches()).toBe(3)
    rig.now += 61
    await ok(await rig.refresh(second.refresh_token, { ...withId, ...(await asserted(rig, { by: next })) }))
  })

  test('CA5 an outage is bridged with the keys that were there', async () => {
    const { rig, web } = setUp(enforced)
    let tokens = await ok(await rig.post({ ...(await newCode(rig)), ...withId, ...(await asserted(rig)) }))
    web.serve(jwksUri, () => new Response('x', { status: 500 }))
    rig.now += 3600
    tokens = await ok(await rig.refresh(tokens.refresh_token, { ...withId, ...(await asserted(rig)) }))
    rig.now += 86_400
    const late = await rig.refresh(tokens.refresh_token, { ...withId, ...(await asserted(rig)) })
    expect(await refusal(late)).toBe('503 temporarily_unavailable')
  })
})

describe('pre-registered clients', () => {
  const client = (): object => ({
    client_id: 'signing',
    redirect_uris: ['https://c.test/cb'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key.jwk] },
  })
  const assertionOf = async (rig: Rig): Promise<Record<string, string>> =>
    assertionForm(await signAssertion(key, { clientId: 'signing', now: rig.now }))

  test('RC1 CA4 a client of the configuration, or put there: the assertion is its only way', async () => {
    const configured = pagesRig({ clients: [client()] as never })
    const stored = pagesRig({ clients: [] })
    await stored.as.clients.put(client() as never)
    for (const rig of [configured, stored]) {
      const { code, verifier: code_verifier } = await rig.approve('signing')
      const form = { grant_type: 'authorization_code', code, code_verifier, client_id: 'signing' }
      expect(await refusal(await rig.post(form))).toBe('401 invalid_client')
      expect(await refusal(await rig.post({ ...form, client_secret: 'x'.repeat(20) }))).toBe(
        '401 invalid_client',
      )
      const tokens = await ok(await rig.post({ ...form, ...(await assertionOf(rig)) }))
      expect((await rig.as.clients.get('signing'))?.authMethod).toBe('private_key_jwt')
      // It may introspect its own tokens, as any confidential client of the configuration.
      if (rig === stored) continue
      const url = rig.path('introspect')
      const asked = await rig.post({ token: tokens.access_token, ...(await assertionOf(rig)) }, { url })
      expect(await asked.json()).toMatchObject({ active: true, client_id: 'signing' })
    }
  })

  test('RC1 what does not fit is a ConfigurationError', () => {
    for (const wrong of [
      { jwks: undefined },
      { client_secret: 'x'.repeat(20) },
      { jwks: undefined, jwks_uri: 'http://c.test/jwks.json' },
      { jwks_uri: jwksUri },
      { token_endpoint_auth_signing_alg: 'HS256' },
      { jwks: { keys: [{ kty: 'oct', k: 'x' }] } },
    ])
      expect(
        () => pagesRig({ clients: [{ ...client(), ...wrong }] as never }),
        JSON.stringify(wrong),
      ).toThrow(/^`?clients\[0\]/)
  })
})

test('RC1 MD1 the metadata says what is accepted', async () => {
  const { rig } = setUp()
  const url = 'https://as.test/.well-known/oauth-authorization-server'
  const metadata = (await (await rig.get(url))!.json()) as Record<string, string[]>
  for (const endpoint of ['token', 'revocation']) {
    expect(metadata[`${endpoint}_endpoint_auth_methods_supported`]).toContain('private_key_jwt')
    const algorithms = metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`]!
    expect(algorithms).toEqual(expect.arrayContaining(['RS256', 'PS256', 'ES256', 'EdDSA']))
    expect(algorithms.every((alg) => /^(RS|PS|ES|Ed)/.test(alg))).toBe(true)
  }
})

const preregistered = (): Partial<AuthorizationServerOptions> => ({
  clients: [
    {
      client_id: 'signer',
      redirect_uris: ['https://signer.test/cb'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    },
  ],
})

test('CA4 a replay in the last moment of an assertion, while the store is slow: refused', async () => {
  const rig = new Rig(preregistered())
  const assertion = await signAssertion(key, { clientId: 'signer', now: rig.now })
  const { code, verifier: proof } = await rig.approve('signer')
  const form = { grant_type: 'authorization_code', code, code_verifier: proof }
  const { refresh_token } = await ok(await rig.post({ ...form, ...assertionForm(assertion) }))
  // It ends 60 s after its making, and 5 s are allowed to clocks.
  rig.now += 64.99
  rig.store.before = ({ key: at }) => {
    if (at.includes(':assertion-')) rig.now += 0.02
  }
  const again = await rig.post({
    grant_type: 'refresh_token',
    refresh_token,
    ...assertionForm(assertion),
  })
  expect(await refusal(again)).toBe('401 invalid_client')
  expect(rig.events.filter(({ type }) => type === 'client.assertion-replayed')).toHaveLength(1)
})

test.each(['token', 'revoke', 'introspect'] as const)(
  'CA4 ST a client that is not approved writes nothing by signing: %s endpoint',
  async (endpoint) => {
    const { rig } = setUp(enforced, { clientAddress: () => '192.0.2.1', ...preregistered() })
    expect((await open(rig)).status).toBe(200)
    const written = rig.store.written.length
    const statuses = new Set<number>()
    for (let i = 0; i < 70; i++) {
      const form = { grant_type: 'refresh_token', refresh_token: 'x', token: 'x', ...withId }
      const answer = await rig.post({ ...form, ...(await asserted(rig)) }, { url: rig.path(endpoint) })
      statuses.add(answer.status)
    }
    expect(rig.store.written).toHaveLength(written)
    expect(statuses).toContain(429)
  },
)

test('CA4 RL1 wrong assertions shut out no client', async () => {
  const rig = new Rig(preregistered())
  const { code, verifier: proof } = await rig.approve('signer')
  const wrong = { clientId: 'signer', now: rig.now }
  for (let i = 0; i < 70; i++)
    await rig.post({
      grant_type: 'refresh_token',
      refresh_token: 'x',
      ...assertionForm(await signAssertion(other, wrong)),
    })
  const right = assertionForm(await signAssertion(key, { clientId: 'signer', now: rig.now }))
  await ok(await rig.post({ grant_type: 'authorization_code', code, code_verifier: proof, ...right }))
})
