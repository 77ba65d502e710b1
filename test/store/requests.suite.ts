// TK13, TK15 to TK17: what is issued, and what is asked for.
import { expect, test } from 'vitest'
import type { Suite } from './tokens.suite.ts'
import { answered, header, ok, payload, refusal, RES_A } from '../support/as.ts'

export function requestRows({ rig, accessTokens }: Suite): void {
  test('TK13 what is issued: RFC 9068 has the claims of a JWT; an opaque token, a refresh token and a code say nothing', async () => {
    const r = rig()
    const grant = { authTime: r.now - 1000.5, acr: 'mfa', props: { email: 'a@b.test' } }
    const tokens = await r.tokens('pub', grant)
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'notes:read notes:write' })
    expect(tokens.code).toMatch(/^[\w-]{27}\.[\w-]{27}$/)
    expect(tokens.refresh_token).toMatch(/^[\w-]{27}\.[\w-]{27}\.[\w-]{27}$/)
    if (accessTokens === 'opaque') {
      expect(tokens.access_token).toMatch(/^tga_[A-Za-z0-9_-]{100,}$/)
      const bytes = atob(tokens.access_token.slice(4).replaceAll('-', '+').replaceAll('_', '/'))
      for (const readable of ['alice', 'notes', 'b.test', tokens.grantId]) {
        expect(bytes).not.toContain(readable)
        expect(tokens.access_token).not.toContain(readable)
      }
      return
    }
    expect(header(tokens.access_token)).toMatchObject({
      typ: 'at+jwt',
      alg: 'ES256',
      kid: expect.any(String),
    })
    const claims = payload(tokens.access_token)
    expect(claims).toMatchObject({
      iss: r.issuer,
      aud: RES_A,
      sub: 'alice',
      client_id: 'pub',
      scope: 'notes:read notes:write',
      iat: r.now,
      exp: r.now + 900,
      auth_time: r.now - 1001,
      acr: 'mfa',
    })
    expect(claims['jti']).toMatch(new RegExp(`^${tokens.grantId}\\.[\\w-]{27}$`))
    expect(JSON.stringify(claims)).not.toContain('b.test')
  })

  test('TK13 a token of another issuer on the same store and secret is nothing here', async () => {
    const r = rig()
    const foreign = await rig().tokens()
    expect(await r.call(foreign.access_token)).toBe(401)
    expect(await refusal(await r.refresh(foreign.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await r.redeem(foreign))).toBe('400 invalid_grant')
  })

  const form = 'grant_type=refresh_token&client_id=pub&refresh_token=a.b.c'

  test.each([
    ['JSON', 'application/json', '{"grant_type":"refresh_token"}', 400],
    ['text', 'text/plain', form, 400],
    ['multipart', 'multipart/form-data; boundary=x', form, 400],
    ['another type that ends so', 'foo/application/x-www-form-urlencoded', form, 400],
    ['1 MB', 'application/x-www-form-urlencoded', `${form}&x=${'x'.repeat(1_000_000)}`, 413],
  ])('TK15 %s: invalid_request', async (_, type, body, status) => {
    const r = rig()
    const response = await r.post(body, { headers: { 'content-type': type } })
    expect(await refusal(response)).toBe(`${status} invalid_request`)
    expect(r.store.calls).toEqual([])
  })

  test('TK15 form with charset, invalid UTF-8, other methods, code and secret in the query', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    const { code, verifier } = approved
    const good = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'pub',
      code,
      code_verifier: verifier,
    }).toString()
    const inQuery = await r.post('grant_type=authorization_code&client_id=pub', {
      url: `${r.path('token')}?${good}`,
    })
    expect(await refusal(inQuery)).toBe('400 invalid_request')
    const type = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }
    await ok(await r.post(good, { headers: type }))
    const request = new Request(r.path('token'), {
      method: 'POST',
      headers: type,
      body: new Uint8Array([0x61, 0x3d, 0xff]),
    })
    expect(await refusal(await answered(r.as.handle(request)))).toBe('400 invalid_request')
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await answered(r.get(r.path('token'), { method }))
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST, OPTIONS')
    }
  })

  test('TK16 duplicates, empty, unknown and harmless parameters', async () => {
    const r = rig()
    const tokens = await r.tokens()
    const doubled = `${form}&client_id=pub`
    expect(await refusal(await r.post(doubled))).toBe('400 invalid_request')
    const odd = { scope: '', foo: 'bar', __proto__x: '1', constructor: 'x' }
    const next = await ok(await r.refresh(tokens.refresh_token, odd))
    const proto = `grant_type=refresh_token&client_id=pub&refresh_token=${next.refresh_token}&__proto__=x`
    await ok(await r.post(proto))
  })

  test('TK16 grant_type missing, unknown, not registered; tokens in each other’s place', async () => {
    const r = rig()
    const tokens = await r.tokens()
    expect(await refusal(await r.post({ client_id: 'pub' }))).toBe('400 invalid_request')
    const password = { client_id: 'pub', grant_type: 'password', username: 'a', password: 'b' }
    expect(await refusal(await r.post(password))).toBe('400 unsupported_grant_type')
    const unregistered = await r.refresh(tokens.refresh_token, { client_id: 'norefresh' })
    expect(await refusal(unregistered)).toBe('400 unauthorized_client')
    expect(await refusal(await r.refresh(tokens.access_token))).toBe('400 invalid_grant')
    expect(await refusal(await r.refresh(tokens.code))).toBe('400 invalid_grant')
    const swapped = { ...tokens, code: tokens.refresh_token }
    expect(await refusal(await r.redeem(swapped))).toBe('400 invalid_grant')
    expect(await r.call(tokens.refresh_token)).toBe(401)
    expect(await r.call(tokens.code)).toBe(401)
    await ok(await r.refresh(tokens.refresh_token))
  })

  test('TK17 every answer: JSON, no-store, no cookie, printable description; unknown and wrong look alike', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    const answers = [
      await r.redeem(approved),
      await r.redeem(approved),
      await r.post({}),
      await r.post({ client_id: 'unknown', client_secret: 'x', grant_type: 'refresh_token' }),
      await r.post({ client_id: 'post', client_secret: 'x', grant_type: 'refresh_token' }),
      await r.post({ client_id: 'pub', grant_type: '"\\\u0001ü' }),
    ]
    for (const each of answers) {
      expect(each.headers.get('content-type')).toBe('application/json')
      expect(each.headers.get('cache-control')).toBe('no-store')
      expect(each.headers.get('set-cookie')).toBeNull()
    }
    const bodies = await Promise.all(
      answers.map(async (each) => (await each.json()) as Record<string, string>),
    )
    expect(bodies[0]).toHaveProperty('access_token')
    for (const body of bodies.slice(1))
      expect(body['error_description']).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
    expect(bodies[3]).toEqual(bodies[4])
    expect(answers[3]!.status).toBe(answers[4]!.status)
  })
}
