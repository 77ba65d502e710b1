import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import { answered, basic, ok, refusal, Rig } from '../support/as.ts'

type Registered = Record<string, unknown> & {
  client_id: string
  client_secret?: string
  redirect_uris: string[]
}

const registered = async (response: Response): Promise<Registered> => {
  const body = (await response.json()) as Registered
  expect(response.status, JSON.stringify(body)).toBe(201)
  expect(response.headers.get('cache-control')).toBe('no-store')
  return body
}
const uris = (...redirect_uris: unknown[]): object => ({ redirect_uris })

test('R1 a public client: no secret; the answer says what is enforced', async () => {
  const rig = new Rig()
  const metadata = {
    client_name: 'Notes',
    redirect_uris: ['http://127.0.0.1:3000/cb', 'https://app.test/cb'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    scope: 'notes:read',
    software_id: 'x',
    client_uri: 'https://app.test',
  }
  const client = await registered(await rig.register(metadata))
  expect(client).toEqual({
    client_id: client.client_id,
    client_id_issued_at: rig.now,
    client_name: 'Notes',
    client_uri: 'https://app.test',
    redirect_uris: metadata.redirect_uris,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native',
  })
  expect(client.client_id).toMatch(/^tgc_[\w-]{100,}$/)
  expect(client.client_id.length).toBeLessThanOrEqual(1024)
  const again = await registered(await rig.register(metadata))
  expect(again.client_id).not.toBe(client.client_id)
  expect(rig.store.calls).toEqual([])
  expect(rig.events).toContainEqual(
    expect.objectContaining({ type: 'client.registered', clientId: expect.any(String) }),
  )
  await ok(await rig.redeem(await rig.approve(client.client_id), { client_id: client.client_id }))
})

test('R1 a confidential client: a secret that works, at another instance too, and only by its method', async () => {
  const rig = new Rig()
  const metadata = { ...uris('https://c.test/cb'), token_endpoint_auth_method: 'client_secret_basic' }
  const client = await registered(await rig.register(metadata))
  expect(client).toMatchObject({
    client_secret: expect.stringMatching(/^[\w-]{43}$/),
    client_secret_expires_at: 0,
  })
  const redeem = async (
    headers: Record<string, string>,
    more: Record<string, string> = {},
  ): Promise<Response> => {
    const { code, verifier } = await rig.approve(client.client_id)
    const form = { grant_type: 'authorization_code', code, code_verifier: verifier, ...more }
    return rig.post(form, { headers, as: rig.twin() })
  }
  await ok(await redeem(basic(client.client_id, client.client_secret!)))
  expect(await refusal(await redeem(basic(client.client_id, randomToken(32))))).toBe('401 invalid_client')
  expect(await refusal(await redeem({}, { client_id: client.client_id }))).toBe('401 invalid_client')
  const inBody = { client_id: client.client_id, client_secret: client.client_secret! }
  expect(await refusal(await redeem({}, inBody))).toBe('401 invalid_client')
})

test('R1 a client id outlives a change of the deployment secret, and means nothing to another issuer', async () => {
  const rig = new Rig()
  const metadata = { ...uris('https://c.test/cb'), token_endpoint_auth_method: 'client_secret_post' }
  const client = await registered(await rig.register(metadata))
  const { code, verifier } = await rig.approve(client.client_id)
  const form = {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    client_id: client.client_id,
    client_secret: client.client_secret!,
  }
  const foreign = new Rig({ issuer: 'https://other.test', store: rig.store })
  expect(await refusal(await foreign.post(form))).toBe('401 invalid_client')
  const stranger = rig.twin({ secret: 'an entirely different secret, of 40 bytes' })
  expect(await refusal(await rig.post(form, { as: stranger }))).toBe('401 invalid_client')
  const rotated = rig.twin({
    secret: ['an entirely different secret, of 40 bytes', rig.options.secret as string],
  })
  await ok(await rig.post(form, { as: rotated }))
})

test.each([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\tscript:alert(1)',
  ' javascript:alert(1)',
  '\x01javascript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://a.test/x',
  'about:blank',
  'mailto:a@b.test',
])('R2 redirect URI %j', async (uri) => {
  const rig = new Rig()
  expect(await refusal(await rig.register(uris('https://app.test/cb', uri)))).toBe('400 invalid_redirect_uri')
  expect(rig.store.calls).toEqual([])
})

test('R3 http is for this machine only', async () => {
  const rig = new Rig()
  const refused = [
    'evil.test/cb',
    'localhost.evil.test/cb',
    '127.0.0.1.evil.test/',
    '0.0.0.0/',
    '192.168.1.5/cb',
  ]
  for (const each of refused)
    expect(await refusal(await rig.register(uris(`http://${each}`))), each).toBe('400 invalid_redirect_uri')
  for (const each of ['http://127.0.0.1/cb', 'http://[::1]:1/cb', 'http://localhost:3000/cb'])
    expect((await registered(await rig.register(uris(each)))).redirect_uris).toEqual([each])
})

test('R4 URIs that are not in order, and lists that are not', async () => {
  const rig = new Rig()
  const refused: unknown[] = [
    'https://u:p@app.test/cb',
    'https://app.test/cb#x',
    'https://*.app.test/cb',
    'https://app.test\\@evil.test/cb',
    'https://app.test/a/../b',
    'https://app.test/%2e%2e/b',
    'https://app.test/\u0000',
    '/cb',
    'app.test/cb',
    '',
    7,
    null,
    `https://app.test/${'x'.repeat(3000)}`,
    'https://app.test/cb?code=x&iss=y',
  ]
  for (const each of refused)
    expect(await refusal(await rig.register(uris(each))), String(each)).toBe('400 invalid_redirect_uri')
  const hundred = Array.from({ length: 100 }, (_, i) => `https://app.test/${i}`)
  for (const redirect_uris of [[], hundred, 'https://app.test/cb', undefined])
    expect(await refusal(await rig.register({ redirect_uris }))).toBe('400 invalid_redirect_uri')
})

test('R6 links with schemes that no page should carry, also localised', async () => {
  const rig = new Rig()
  for (const name of ['logo_uri', 'client_uri', 'tos_uri', 'policy_uri', 'jwks_uri', 'logo_uri#fr'])
    for (const value of ['javascript:alert(1)', 'data:text/html,x', 'http://169.254.169.254/'])
      expect(await refusal(await rig.register({ ...uris('https://app.test/cb'), [name]: value })), name).toBe(
        '400 invalid_client_metadata',
      )
})

test('R8 other bodies and methods', async () => {
  const rig = new Rig()
  const good = JSON.stringify(uris('https://app.test/cb'))
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'text/plain; application/json', ''])
    expect((await rig.register(good, { 'content-type': type })).status, type).toBe(400)
  expect((await rig.register('[]')).status).toBe(400)
  expect((await rig.register('null')).status).toBe(400)
  expect((await rig.register('{')).status).toBe(400)
  expect((await rig.register(`{"x":"${'x'.repeat(1_000_000)}"}`)).status).toBe(413)
  const get = await answered(rig.get(rig.path('register')))
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  expect(rig.store.calls).toEqual([])
})

test('R9 10 000 registrations leave the store empty; too many of one address are refused', async () => {
  const rig = new Rig({ clientAddress: (request) => request.headers.get('x-test-address') ?? undefined })
  const metadata = uris('https://app.test/cb')
  let refused = 0
  for (let i = 0; i < 10_000; i++) {
    const response = await rig.register(metadata, { 'x-test-address': '192.0.2.1' })
    if (response.status !== 429) continue
    refused++
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect(refused).toBe(9700)
  await registered(await rig.register(metadata, { 'x-test-address': '192.0.2.2' }))
  rig.now += 61
  await registered(await rig.register(metadata, { 'x-test-address': '192.0.2.1' }))
  expect(rig.store.written).toEqual([])
})

test('R10 initial access tokens, registration off, and no management (RFC 7592)', async () => {
  const token = 'an-initial-access-token-of-40-characters'
  const rig = new Rig({ initialAccessTokens: [token] })
  const metadata = uris('https://app.test/cb')
  for (const authorization of [
    undefined,
    `Basic ${btoa('a:b')}`,
    'Bearer wrong',
    'Bearer ',
    `Bearer ${token} x`,
    `Bearer ${token.toUpperCase()}`,
  ]) {
    const response = await rig.register(metadata, authorization === undefined ? {} : { authorization })
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await refusal(response)).toBe('401 invalid_token')
  }
  const both = { authorization: `Bearer ${token}, Bearer ${token}` }
  expect((await rig.register(metadata, both)).status).toBe(400)
  const client = await registered(await rig.register(metadata, { authorization: `Bearer ${token}` }))
  expect(client).not.toHaveProperty('registration_client_uri')
  for (const method of ['GET', 'PUT', 'DELETE'])
    expect(await rig.get(`${rig.path('register')}/${client.client_id}`, { method })).toBeUndefined()
})

test('what clients in the field register with', async () => {
  const rig = new Rig()
  const field: object[] = [
    uris('https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'),
    uris('http://localhost:51004/callback'),
    uris('https://chatgpt.com/connector_platform_oauth_redirect'),
    uris(
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'http://localhost:8787/callback',
    ),
    uris(
      'http://127.0.0.1:33418/',
      'http://127.0.0.1/',
      'https://vscode.dev/redirect',
      'https://insiders.vscode.dev/redirect',
    ),
    uris('http://localhost:6274/oauth/callback'),
    { ...uris('http://localhost:3334/oauth/callback'), scope: 'notes:read notes:write offline_access' },
  ]
  for (const metadata of field) {
    const client = await registered(await rig.register({ ...metadata, client_name: 'A client in the field' }))
    expect(client['grant_types']).toContain('refresh_token')
    expect(client.client_id.length).toBeLessThanOrEqual(1024)
  }
})

test('what does not fit into a client id is refused; the link goes first', async () => {
  const rig = new Rig()
  const long = (length: number): object =>
    uris(...Array.from({ length }, (_, i) => `https://app.test/${i}/${'x'.repeat(70)}`))
  expect(await refusal(await rig.register(long(10)))).toBe('400 invalid_client_metadata')
  const withLink = { ...long(6), client_uri: `https://app.test/${'y'.repeat(300)}` }
  const client = await registered(await rig.register(withLink))
  expect(client).not.toHaveProperty('client_uri')
  expect(client.redirect_uris).toHaveLength(6)
})
