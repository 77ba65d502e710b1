import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import { answered, basic, confidentialSecret, ok, refusal, Rig } from '../support/as.ts'

const revoke = (rig: Rig, token: string, more: Record<string, string> = {}): Promise<Response> =>
  rig.post({ token, client_id: 'pub', ...more }, { url: rig.path('revoke') })

/** A rig whose guard refuses a revoked access token at once. */
const strict = (): Rig => new Rig({ checkRevocation: 0 })

test('RV1 the 33rd access token that is revoked by itself revokes the grant', async () => {
  const r = strict()
  let tokens = await r.tokens()
  for (let i = 0; i < 32; i++) {
    expect((await revoke(r, tokens.access_token)).status).toBe(200)
    tokens = { ...tokens, ...(await ok(await r.refresh(tokens.refresh_token))) }
  }
  expect(await r.call(tokens.access_token)).toBe(200)
  await revoke(r, tokens.access_token)
  expect(await r.call(tokens.access_token)).toBe(401)
  expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
})

test('RV2 unknown, malformed, expired, a code: 200 and nothing happens', async () => {
  const r = strict()
  const tokens = await r.tokens()
  const approved = await r.approve('pub')
  const [id, series] = tokens.refresh_token.split('.') as [string, string]
  const writes = r.store.written.length
  const worthless = [
    'x',
    '.'.repeat(20),
    `tga_${randomToken(40)}`,
    `${randomToken()}.${randomToken()}.${randomToken()}`,
    // A caller that knows only the id of a grant can do no harm to it.
    `${id}.${randomToken()}.${randomToken()}`,
    `${id}.${series}`,
    `${tokens.access_token.slice(0, -4)}AAAA`,
    approved.code,
  ]
  for (const token of worthless) expect((await revoke(r, token)).status, token).toBe(200)
  expect(r.store.written).toHaveLength(writes)
  await ok(await r.redeem(approved))
  await ok(await r.refresh(tokens.refresh_token))
  r.now += 906
  expect((await revoke(r, tokens.access_token)).status).toBe(200)
})

test('RV2 any hint, the right one, the wrong one, an unknown one', async () => {
  const r = strict()
  for (const hint of ['refresh_token', 'access_token', 'nonsense']) {
    const tokens = await r.tokens()
    expect((await revoke(r, tokens.access_token, { token_type_hint: hint })).status).toBe(200)
    expect(await r.call(tokens.access_token)).toBe(401)
    expect((await revoke(r, tokens.refresh_token, { token_type_hint: hint })).status).toBe(200)
    expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  }
})

test('RV2 twice; an old generation of the refresh token', async () => {
  const r = strict()
  const first = await r.tokens()
  const second = await ok(await r.refresh(first.refresh_token))
  expect((await revoke(r, first.refresh_token)).status).toBe(200)
  expect((await revoke(r, first.refresh_token)).status).toBe(200)
  expect(await refusal(await r.refresh(second.refresh_token))).toBe('400 invalid_grant')
  expect(r.events.filter(({ type }) => type === 'grant.revoked')).toHaveLength(1)
})

test('RV2 no token, GET, JSONP, JSON, a token in the query, a repeated parameter', async () => {
  const r = strict()
  const tokens = await r.tokens()
  expect(await refusal(await r.post({ client_id: 'pub' }, { url: r.path('revoke') }))).toBe(
    '400 invalid_request',
  )
  const get = await answered(r.as.handle(new Request(`${r.path('revoke')}?token=x&client_id=pub`)))
  expect(get.status).toBe(405)
  expect(get.headers.get('allow')).toBe('POST, OPTIONS')
  const json = await r.post(JSON.stringify({ token: tokens.refresh_token, client_id: 'pub' }), {
    url: r.path('revoke'),
    headers: { 'content-type': 'application/json' },
  })
  expect(await refusal(json)).toBe('400 invalid_request')
  const inQuery = `${r.path('revoke')}?token=${tokens.refresh_token}`
  expect(await refusal(await r.post({ client_id: 'pub' }, { url: inQuery }))).toBe('400 invalid_request')
  const twice = `client_id=pub&token=${tokens.refresh_token}&token=x`
  expect(await refusal(await r.post(twice, { url: r.path('revoke') }))).toBe('400 invalid_request')
  await ok(await r.refresh(tokens.refresh_token))
  const jsonp = await revoke(r, 'x', { callback: 'steal' })
  expect(jsonp.status).toBe(200)
  expect(await jsonp.text()).toBe('')
})

test('RV3 a confidential client with no, wrong, foreign and right credentials', async () => {
  const r = strict()
  const id = 'conf: +%ü'
  const approved = await r.approve(id)
  const form = { grant_type: 'authorization_code', code: approved.code, code_verifier: approved.verifier }
  const tokens = await ok(await r.post(form, { headers: basic(id, confidentialSecret) }))
  const attempt = (more: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
    r.post({ token: tokens.refresh_token, ...more }, { url: r.path('revoke'), headers })
  const none = await attempt({ client_id: id })
  expect(none.headers.get('www-authenticate')).toMatch(/^Basic /)
  expect(await refusal(none)).toBe('401 invalid_client')
  expect(await refusal(await attempt({}))).toBe('401 invalid_client')
  expect(await refusal(await attempt({}, basic(id, 'wrong')))).toBe('401 invalid_client')
  // CA3: the registered method is the only one.
  expect(await refusal(await attempt({ client_id: id, client_secret: confidentialSecret }))).toBe(
    '401 invalid_client',
  )
  expect(await refusal(await attempt({}, basic('either', confidentialSecret)))).toBe('400 invalid_grant')
  expect(await r.call(tokens.access_token)).toBe(200)
  expect((await attempt({}, basic(id, confidentialSecret))).status).toBe(200)
  expect(await r.call(tokens.access_token)).toBe(401)
})

test('RL1 guesses are counted by address and client, honest revocations are not', async () => {
  const r = new Rig({ clientAddress: (request) => request.headers.get('x-test-address') ?? undefined })
  const guess = (address: string): Promise<Response> =>
    r.post(
      { token: `${randomToken()}.${randomToken()}.${randomToken()}`, client_id: 'pub' },
      {
        url: r.path('revoke'),
        headers: { 'x-test-address': address },
      },
    )
  for (let i = 0; i < 60; i++) expect((await guess('1.2.3.4')).status).toBe(200)
  const refused = await guess('1.2.3.4')
  expect(refused.headers.get('retry-after')).toBe('60')
  expect(refused.status).toBe(429)
  expect((await guess('5.6.7.8')).status).toBe(200)
})

test('RV1 MD2 the endpoint stands in the metadata and can be called across origins', async () => {
  const r = new Rig()
  const document = await (await r.get(`${r.issuer}/.well-known/oauth-authorization-server`))!.json()
  expect(document).toMatchObject({
    revocation_endpoint: 'https://as.test/revoke',
    revocation_endpoint_auth_methods_supported: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
  })
  const origin = 'https://app.test'
  const preflight = await r.get(r.path('revoke'), {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  })
  expect(preflight!.status).toBe(204)
  expect(preflight!.headers.get('access-control-allow-origin')).toBe('*')
})

test('P10 RFC 7009 §2.2 a revocation is answered by an empty 200, also for what is not known', async () => {
  const r = strict()
  const { refresh_token } = await r.tokens()
  for (const token of [refresh_token, refresh_token, 'unknown']) {
    const response = await revoke(r, token)
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
})
