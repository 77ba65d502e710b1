import { expect, test } from 'vitest'
import { answered, RES_A, Rig } from '../support/as.ts'

type Document = Record<string, unknown>

const documentAt = async (rig: Rig, url: string): Promise<Document> => {
  const response = await answered(rig.get(url))
  expect(response.status, url).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
  return (await response.json()) as Document
}

test('MD1 a root issuer: the same document at each place', async () => {
  const rig = new Rig()
  const urls = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `https://as.test/.well-known/${name}`,
  )
  const [first, second] = await Promise.all(urls.map((url) => documentAt(rig, url)))
  expect(first).toEqual(second)
  expect(first!['issuer']).toBe('https://as.test')
})

test('MD1 an issuer with a path: inserted and appended, and nothing of another tenant', async () => {
  const options = { issuer: 'https://as.test/t1' }
  const rig = new Rig(options)
  const urls = [
    'https://as.test/.well-known/oauth-authorization-server/t1',
    'https://as.test/.well-known/openid-configuration/t1',
    'https://as.test/t1/.well-known/openid-configuration',
  ]
  for (const url of urls) expect((await documentAt(rig, url))['issuer']).toBe('https://as.test/t1')
  const document = await documentAt(rig, urls[0]!)
  expect(document['token_endpoint']).toBe('https://as.test/t1/token')
  const foreign = [
    'https://as.test/.well-known/oauth-authorization-server/t2',
    'https://as.test/.well-known/oauth-authorization-server',
    'https://as.test/t2/.well-known/openid-configuration',
    'https://as.test/t1/.well-known/oauth-authorization-server',
    'https://as.test/token',
  ]
  for (const url of foreign) expect(await rig.get(url), url).toBeUndefined()
})

test('MD1 the issuer is one verbatim string, with its trailing slash', async () => {
  const rig = new Rig({ issuer: 'https://as.test/' })
  const document = await documentAt(rig, 'https://as.test/.well-known/oauth-authorization-server')
  expect(document['issuer']).toBe('https://as.test/')
  expect(document['authorization_endpoint']).toBe('https://as.test/authorize')
})

test('MD2 what the document says is so, and no member is null', async () => {
  const rig = new Rig()
  const document = await documentAt(rig, 'https://as.test/.well-known/oauth-authorization-server')
  expect(document).toMatchObject({
    code_challenge_methods_supported: ['S256'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    token_endpoint_auth_methods_supported: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    scopes_supported: ['notes:read', 'notes:write', 'b:admin'],
  })
  const text = JSON.stringify(document)
  expect(text).not.toContain('null')
  expect(document['id_token_signing_alg_values_supported']).not.toContain('none')
  for (const [name, value] of Object.entries(document).filter(([each]) => /(_endpoint|_uri)$/.test(each))) {
    const url = new URL(value as string)
    expect(url.protocol, name).toBe('https:')
    expect(url.hash, name).toBe('')
    expect(await rig.get(url.href), name).toBeInstanceOf(Response)
  }
})

test('MD2 what is off is not there, and its path answers 404 or nothing', async () => {
  const rig = new Rig({ registration: false, clientDocuments: false })
  const document = await documentAt(rig, 'https://as.test/.well-known/oauth-authorization-server')
  expect(document).not.toHaveProperty('registration_endpoint')
  expect(document).not.toHaveProperty('client_id_metadata_document_supported')
  const response = await rig.get('https://as.test/register', { method: 'POST' })
  expect(response?.status ?? 404).toBe(404)
})

test('MD3 a 2025-03-26 client finds everything at the root of the MCP server’s host', async () => {
  const rig = new Rig({ issuer: 'https://mcp.test/auth', paths: { token: '/oauth/t' } })
  const document = await documentAt(rig, 'https://mcp.test/.well-known/oauth-authorization-server')
  expect(document['issuer']).toBe('https://mcp.test/auth')
  expect(document['token_endpoint']).toBe('https://mcp.test/oauth/t')
  for (const path of ['/token', '/register', '/oauth/t', '/auth/register']) {
    const response = await answered(rig.get(`https://mcp.test${path}`))
    expect(response.status, path).toBe(405)
  }
  expect(await rig.get('https://mcp.test/auth/token')).toBeUndefined()
  const separate = new Rig({ issuer: 'https://mcp.test/auth', rootEndpoints: false })
  expect(await separate.get('https://mcp.test/token')).toBeUndefined()
})

test('MD4 the key set before and after a rotation', async () => {
  const rig = new Rig()
  const keySet = async (): Promise<Record<string, string>[]> =>
    ((await documentAt(rig, rig.path('jwks')))['keys'] as Record<string, string>[]) ?? []
  const day = 86_400
  const first = await keySet()
  expect(first).toHaveLength(1)
  const old = await rig.tokens()
  rig.now += 89 * day
  expect(await keySet()).toHaveLength(2)
  const beforeTurn = await rig.tokens()
  rig.now += day - 60
  const lastOfOld = await rig.tokens()
  rig.now += 120
  const firstOfNew = await rig.tokens()
  const kid = (token: string): string =>
    (JSON.parse(atob(token.split('.')[0]!.replaceAll('-', '+').replaceAll('_', '/'))) as { kid: string }).kid
  expect(kid(old.access_token)).toBe(first[0]!['kid'])
  expect(kid(beforeTurn.access_token)).toBe(first[0]!['kid'])
  expect(kid(firstOfNew.access_token)).not.toBe(first[0]!['kid'])
  expect(await rig.call(lastOfOld.access_token)).toBe(200)
  expect(await rig.call(firstOfNew.access_token)).toBe(200)
  for (const key of await keySet()) {
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: expect.any(String) })
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(member)
  }
  expect((await keySet()).map((each) => each['kid'])).toContain(first[0]!['kid'])
  rig.now += 7200 + 300
  expect((await keySet()).map((each) => each['kid'])).not.toContain(first[0]!['kid'])
})

test('PR3 hosts and forwarded headers change nothing', async () => {
  const rig = new Rig()
  const spoofed = {
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'http',
    forwarded: 'host=evil.test',
  }
  const url = 'https://evil.test/.well-known/oauth-authorization-server'
  const response = await answered(rig.get(url, { headers: spoofed }))
  expect(await response.text()).not.toContain('evil.test')
})

test('HT1 CORS: metadata, keys, token and registration for any origin without credentials', async () => {
  const rig = new Rig()
  const origin = { origin: 'https://app.test' }
  for (const [url, method] of [
    ['https://as.test/.well-known/oauth-authorization-server', 'GET'],
    [rig.path('jwks'), 'GET'],
    [rig.path('token'), 'POST'],
    [rig.path('register'), 'POST'],
  ] as const) {
    const preflight = await answered(
      rig.get(url, { method: 'OPTIONS', headers: { ...origin, 'access-control-request-method': method } }),
    )
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    expect(preflight.headers.get('access-control-allow-methods')).toContain(method)
    const actual = await answered(rig.get(url, { method, headers: origin }))
    expect(actual.headers.get('access-control-allow-origin')).toBe('*')
    const wrong = await answered(rig.get(url, { method: 'PUT', headers: origin }))
    expect(wrong.status).toBe(405)
    expect(wrong.headers.get('access-control-allow-origin')).toBe('*')
  }
})

test('PR4 HEAD has no body, and metadata needs no store', async () => {
  const rig = new Rig()
  rig.store.before = () => {
    throw new Error('down')
  }
  const url = 'https://as.test/.well-known/oauth-authorization-server'
  const response = await answered(rig.get(url, { method: 'HEAD' }))
  expect(response.status).toBe(200)
  expect(await response.text()).toBe('')
  await documentAt(rig, url)
  const keys = await answered(rig.get(rig.path('jwks')))
  expect(keys.status).toBe(503)
  expect(keys.headers.get('retry-after')).toMatch(/^\d+$/)
})

test('other paths are not answered', async () => {
  const rig = new Rig()
  for (const url of [RES_A, 'https://as.test/', 'https://as.test/token/', 'https://as.test//token'])
    expect(await rig.get(url), url).toBeUndefined()
})
