import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { basic, clients, ok, refusal, RES_A, Rig, type Tokens } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectLocal,
  pagesRig,
  registered,
  requestUrl,
  verifier,
} from '../support/pages.ts'

const day = 86_400
const stored = (options: Partial<AuthorizationServerOptions> = {}): Rig =>
  pagesRig({ registration: 'stored', ...options })
const evil = 'https://evil.test/cb'
const metadata = { client_name: 'Evil', redirect_uris: [evil] }
const request = (clientId: string): Promise<string> => requestUrl({ client_id: clientId, redirect_uri: evil })

/** Registered, approved, redeemed. */
async function tokensOf(rig: Rig, clientId: string): Promise<Tokens> {
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await request(clientId))
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] }))
  return ok(
    await rig.post({ grant_type: 'authorization_code', client_id: clientId, code, code_verifier: verifier }),
  )
}

describe('registration', () => {
  test('R1 a public client: a random id, no secret, and it works', async () => {
    const rig = stored()
    const response = await rig.register({ ...metadata, logo_uri: 'https://evil.test/logo.png', unknown: 1 })
    expect(response.status).toBe(201)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const client = (await response.json()) as Record<string, unknown>
    expect(client).toEqual({
      client_id: expect.stringMatching(/^tgs_[A-Za-z0-9_-]{27}$/) as string,
      client_id_issued_at: rig.now,
      client_name: 'Evil',
      redirect_uris: [evil],
      logo_uri: 'https://evil.test/logo.png',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    })
    const tokens = await tokensOf(rig, client['client_id'] as string)
    expect(await rig.call(tokens.access_token)).toBe(200)
    expect(await registered(rig)).not.toBe(client['client_id'])
  })

  test('R1 ST1 a confidential client: the secret is in the answer, its hash in the store', async () => {
    const rig = stored()
    const response = await rig.register({ ...metadata, token_endpoint_auth_method: 'client_secret_basic' })
    const {
      client_id: id,
      client_secret: secret,
      ...rest
    } = (await response.json()) as Record<string, string>
    expect(rest).toMatchObject({ client_secret_expires_at: 0 })
    expect(secret!.length).toBeGreaterThanOrEqual(32)
    expect(JSON.stringify(rig.store.written)).not.toContain(secret)
    const form = { grant_type: 'refresh_token', refresh_token: 'x' }
    expect(await refusal(await rig.post(form, { headers: basic(id!, secret!) }))).toBe('400 invalid_grant')
    expect(await refusal(await rig.post(form, { headers: basic(id!, 'wrong') }))).toBe('401 invalid_client')
    const inBody = { ...form, client_id: id!, client_secret: secret! }
    expect(await refusal(await rig.post(inBody))).toBe('401 invalid_client')
    // Another instance, and another issuer on the same store.
    expect(await refusal(await rig.post(form, { headers: basic(id!, secret!), as: rig.twin() }))).toBe(
      '400 invalid_grant',
    )
    const foreign = new Rig({ issuer: 'https://other.test', store: rig.store, registration: 'stored' })
    expect(await refusal(await foreign.post(form, { headers: basic(id!, secret!) }))).toBe(
      '401 invalid_client',
    )
  })

  test('R2 R8 what is refused writes nothing', async () => {
    const rig = stored()
    const bad: unknown[] = [
      { redirect_uris: ['javascript:alert(1)'] },
      { redirect_uris: [] },
      { ...metadata, token_endpoint_auth_method: 'private_key_jwt' },
      { ...metadata, logo_uri: 'data:image/png,x' },
      [],
      { redirect_uris: Array.from({ length: 10 }, (_, i) => `${evil}/${i}/${'x'.repeat(1000)}`) },
    ]
    for (const each of bad) expect((await rig.register(each)).status).toBe(400)
    expect(rig.store.written).toEqual([])
  })

  test('R1 fifty clients that register at the same moment: each has its record', async () => {
    const rig = stored()
    const answers = await Promise.all(Array.from({ length: 50 }, () => rig.register(metadata)))
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201))
  })

  test('R9 10 000 registrations by callers that cannot be told apart: 1000 an hour, then 429', async () => {
    const rig = stored()
    const statuses = new Map<number, number>()
    for (let i = 0; i < 10_000; i++) {
      const response = await rig.register(metadata)
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      if (response.status === 429) expect(response.headers.get('retry-after')).toBe('3600')
    }
    expect([...statuses]).toEqual([
      [201, 1000],
      [429, 9000],
    ])
    expect(rig.store.written.filter(({ key }) => key.endsWith(':client'))).toHaveLength(1000)
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'rate.limited', detail: 'registrations' }),
    )
    rig.now += 3599
    expect((await rig.register(metadata)).headers.get('retry-after')).toBe('1')
    rig.now += 1
    await registered(rig)
  })

  test.each([
    ['IPv4', (i: number) => `192.0.2.1:${1024 + i}`, '192.0.2.2'],
    [
      'an IPv6 site',
      (i: number) => `2001:db8:1:${(0x200 + (i % 256)).toString(16)}::${i.toString(16)}`,
      '2001:db8:1:300::1',
    ],
  ])('S15 R9 %s: one caller uses up only its share of the quota', async (_, addressOf, other) => {
    let address = ''
    const rig = stored({ clientAddress: () => address })
    const statuses = new Map<number, number>()
    for (let i = 0; i < 1100; i++) {
      // Below the limit of attempts a minute.
      if (i % 200 === 0) rig.now += 60
      address = addressOf(i)
      const { status } = await rig.register(metadata)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect([...statuses]).toEqual([
      [201, 200],
      [429, 900],
    ])
    address = other
    expect((await rig.register(metadata)).status).toBe(201)
  })

  test('R9 the quota is one for all instances, and parallel registrations get through', async () => {
    const rig = stored()
    const twin = rig.twin()
    const body = JSON.stringify(metadata)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? twin : rig.as).handle(
          new Request(rig.path('register'), {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
          }),
        ),
      ),
    )
    expect(answers.map((each) => each?.status)).toEqual(Array.from({ length: 10 }, () => 201))
    const quota = rig.store.written.findLast(({ key }) => key.endsWith(':quota'))!
    expect(JSON.parse(quota.value)).toMatchObject({ count: 10 })
    expect(quota.expiresAt! - rig.now).toBeLessThanOrEqual(3600)
  })

  test('R9 the store is down: 503', async () => {
    const rig = stored()
    rig.store.before = () => {
      throw new Error('down')
    }
    const response = await rig.register(metadata)
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await refusal(response)).toBe('503 temporarily_unavailable')
  })

  test('R10 initial access tokens: without, with a wrong one, with the right one', async () => {
    const token = 'an-initial-access-token-of-40-characters'
    const rig = stored({ initialAccessTokens: [token] })
    for (const headers of [{}, { authorization: 'Bearer wrong' }] as Record<string, string>[]) {
      const response = await rig.register(metadata, headers)
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
      expect(await refusal(response)).toBe('401 invalid_token')
    }
    expect(rig.store.written).toEqual([])
    expect((await rig.register(metadata, { authorization: `Bearer ${token}` })).status).toBe(201)
  })
})

describe('how long', () => {
  test('R9 ST3 never approved: it ends after 24 hours', async () => {
    const rig = stored()
    const id = await registered(rig)
    const record = rig.store.written.find(({ key }) => key.endsWith(':client'))!
    expect(record.expiresAt! - record.at).toBe(day)
    rig.now += day - 1
    expect((await browserOf(rig, 'alice').get(await request(id))).status).toBe(200)
    rig.now += 1
    expectLocal(await browserOf(rig, 'alice').get(await request(id)))
    expect(await refusal(await rig.refresh('x', { client_id: id }))).toBe('401 invalid_client')
    expect(await rig.as.clients.get(id)).toBeUndefined()
  })

  test('R9 looking at the page, denying and failing are no approval', async () => {
    const rig = stored()
    const id = await registered(rig)
    const browser = browserOf(rig, 'alice')
    await browser.submit(await browser.get(await request(id)), { decision: 'deny' })
    await rig.refresh('x', { client_id: id })
    rig.now += day
    expectLocal(await browser.get(await request(id)))
  })

  test('R9 180 days after the last approval', async () => {
    const rig = stored()
    const id = await registered(rig)
    await tokensOf(rig, id)
    expect(await rig.as.clients.get(id)).toMatchObject({ created: rig.now, expires: rig.now + 180 * day })
    rig.now += 100 * day
    await tokensOf(rig, id)
    const writes = rig.store.written.filter(({ key }) => key.endsWith(':client')).length
    rig.now += 3600
    await tokensOf(rig, id)
    expect(rig.store.written.filter(({ key }) => key.endsWith(':client'))).toHaveLength(writes)
    rig.now += 180 * day - 3601
    expect((await browserOf(rig, 'alice').get(await request(id))).status).toBe(200)
    rig.now += 1
    expectLocal(await browserOf(rig, 'alice').get(await request(id)))
  })

  test('R9 ST4 the approval cannot be written: no code', async () => {
    const rig = stored()
    const id = await registered(rig)
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(await request(id))
    rig.store.before = ({ method, key }) => {
      if (method === 'put' && key.endsWith(':client')) throw new Error('read only')
    }
    const answer = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    expect(answer.location?.searchParams.has('code') ?? false).toBe(false)
    expect(rig.store.written.filter(({ key }) => key.endsWith(':grant'))).toEqual([])
  })
})

describe('as.clients', () => {
  const own = { client_id: 'own', client_name: 'Our own', redirect_uris: [evil] }

  test('put and get: a client of the application’s own, at once here and at another instance', async () => {
    const rig = stored()
    await rig.as.clients.put(own)
    expect(await rig.as.clients.get('own')).toEqual({
      id: 'own',
      kind: 'preregistered',
      name: 'Our own',
      redirectUris: [evil],
      authMethod: 'none',
      grantTypes: ['authorization_code', 'refresh_token'],
      blocked: false,
      created: rig.now,
    })
    expect(await rig.twin().clients.get('own')).toMatchObject({ id: 'own' })
    await tokensOf(rig, 'own')
    rig.now += 400 * day
    await tokensOf(rig, 'own')
  })

  test('put with a secret: sent in header or body, its hash in the store; put again: the old one is refused', async () => {
    const rig = stored({ registration: false })
    const secret = 'a secret of the application’s own'
    await rig.as.clients.put({ ...own, client_secret: secret })
    const form = { grant_type: 'refresh_token', refresh_token: 'x' }
    expect(await refusal(await rig.post(form, { headers: basic('own', secret) }))).toBe('400 invalid_grant')
    expect(await refusal(await rig.post({ ...form, client_id: 'own', client_secret: secret }))).toBe(
      '400 invalid_grant',
    )
    expect(await refusal(await rig.post({ ...form, client_id: 'own' }))).toBe('401 invalid_client')
    expect(JSON.stringify(rig.store.written)).not.toContain(secret)
    expect(JSON.stringify(await rig.as.clients.get('own'))).not.toContain('secret of')
    await rig.as.clients.put({ ...own, client_secret: 'another secret of its own' })
    expect(await refusal(await rig.post(form, { headers: basic('own', secret) }))).toBe('401 invalid_client')
  })

  test('another instance sees a changed client within a minute', async () => {
    const rig = stored()
    const twin = rig.twin()
    await rig.as.clients.put(own)
    expect(await twin.clients.get('own')).toMatchObject({ name: 'Our own' })
    await rig.as.clients.put({ ...own, client_name: 'Renamed' })
    expect(await rig.as.clients.get('own')).toMatchObject({ name: 'Renamed' })
    rig.now += 60
    expect(await twin.clients.get('own')).toMatchObject({ name: 'Renamed' })
  })

  test.each<[string, unknown]>([
    ['no id', { redirect_uris: [evil] }],
    ['a bad redirect', { ...own, redirect_uris: ['http://evil.test/cb'] }],
    ['a grant type that is not offered', { ...own, grant_types: ['authorization_code', 'password'] }],
    ['a short secret', { ...own, client_secret: 'short' }],
    ['an id of the configuration', { ...own, client_id: 'pub' }],
    ['an id that is a document', { ...own, client_id: 'https://c.test/client.json' }],
    ['an id that is a sealed registration', { ...own, client_id: 'tgc_x' }],
  ])('put with %s: ConfigurationError, nothing is written', async (_, client) => {
    const rig = stored()
    await expect(rig.as.clients.put(client as typeof own)).rejects.toThrow(ConfigurationError)
    expect(rig.store.written).toEqual([])
  })

  test('get of each kind, and of an unknown client', async () => {
    const rig = stored({ registration: 'stateless' })
    const sealed = await registered(rig)
    expect(await rig.as.clients.get('pub')).toMatchObject({
      kind: 'preregistered',
      name: clients[0].client_name,
    })
    expect(await rig.as.clients.get(sealed)).toMatchObject({
      kind: 'registered',
      name: 'Evil',
      blocked: false,
    })
    expect(await rig.as.clients.get('unknown')).toBeUndefined()
  })

  test('TK18 block: page, token endpoint and guard refuse it, and it stays readable', async () => {
    const rig = stored({ checkRevocation: 0 })
    const id = await registered(rig)
    const tokens = await tokensOf(rig, id)
    expect(await rig.call(tokens.access_token)).toBe(200)
    await rig.as.clients.block(id)
    await rig.as.clients.block(id)
    expectLocal(await browserOf(rig, 'alice').get(await request(id)))
    expect(await refusal(await rig.refresh(tokens.refresh_token, { client_id: id }))).toBe(
      '401 invalid_client',
    )
    expect(await rig.call(tokens.access_token)).toBe(401)
    expect(await rig.as.clients.get(id)).toMatchObject({ blocked: true })
  })

  test('ST6 ids with colons, slashes, stars, 600 bytes, and of Object.prototype', async () => {
    const rig = stored()
    for (const id of ['a:b', '../x', '*', '%', 'ü'.repeat(300), '__proto__', 'constructor']) {
      expect(await rig.as.clients.get(id)).toBeUndefined()
      await rig.as.clients.put({ ...own, client_id: id })
      expect(await rig.as.clients.get(id)).toMatchObject({ id })
    }
    for (const { key } of rig.store.written) expect(key).toMatch(/^[A-Za-z0-9:_-]{1,200}$/)
  })
})

test('as.grants: list and revoke one, and revokeAll takes what is left', async () => {
  const rig = stored({ checkRevocation: 0 })
  const id = await registered(rig)
  const first = await tokensOf(rig, id)
  rig.now += 10
  const second = await rig.tokens('pub')
  const listed = await rig.as.grants.list('alice')
  expect(listed.map(({ clientId }) => clientId).sort()).toEqual(['pub', id].sort())
  expect(listed.find(({ clientId }) => clientId === id)).toMatchObject({
    clientName: 'Evil',
    resources: [RES_A],
    scopes: ['notes:read'],
    created: rig.now - 10,
    lastUsed: rig.now - 10,
  })
  await rig.as.grants.revoke('bob', second.grantId)
  expect(await rig.call(second.access_token)).toBe(200)
  await rig.as.grants.revoke('alice', second.grantId)
  expect(await rig.call(second.access_token)).toBe(401)
  expect(await rig.call(first.access_token)).toBe(200)
  await rig.as.revokeAll()
  expect(await rig.call(first.access_token)).toBe(401)
  expect(await rig.as.grants.list('alice')).toEqual([])
  // Who is registered stays so.
  const again = await tokensOf(rig, id)
  expect(await rig.call(again.access_token)).toBe(200)
})
