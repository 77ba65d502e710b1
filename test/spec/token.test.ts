import { describe, expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import {
  answered,
  basic,
  confidentialSecret,
  encodeForm,
  header,
  ok,
  payload,
  refusal,
  RES_A,
  RES_B,
  resources,
  Rig,
} from '../support/as.ts'

const confId = 'conf: +%ü'

describe('PKCE', () => {
  const wrong: [string, Record<string, string>, string][] = [
    ['wrong', { code_verifier: randomToken(40) }, '400 invalid_grant'],
    ['42 characters', { code_verifier: 'a'.repeat(42) }, '400 invalid_grant'],
    ['129 characters', { code_verifier: 'a'.repeat(129) }, '400 invalid_grant'],
    ['illegal characters', { code_verifier: `${'a'.repeat(43)}=/+` }, '400 invalid_grant'],
    ['empty, so missing', { code_verifier: '' }, '400 invalid_request'],
  ]
  test.each(wrong)('TK5 verifier %s: nothing burned', async (_, more, expected) => {
    const rig = new Rig()
    const approved = await rig.approve('pub')
    const writes = rig.store.written.length
    expect(await refusal(await rig.redeem(approved, more))).toBe(expected)
    expect(rig.store.written).toHaveLength(writes)
    await ok(await rig.redeem(approved))
  })

  test('TK5 verifier equal to the challenge, and sent twice', async () => {
    const rig = new Rig()
    const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    const approved = await rig.approve('pub', { codeChallenge: challenge })
    expect(await refusal(await rig.redeem(approved, { code_verifier: challenge }))).toBe('400 invalid_grant')
    const right = { ...approved, verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' }
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'pub',
      code: approved.code,
    })
    form.append('code_verifier', right.verifier)
    form.append('code_verifier', right.verifier)
    expect(await refusal(await rig.post(form))).toBe('400 invalid_request')
    // RFC 7636 appendix B.
    await ok(await rig.redeem(right))
  })
})

describe('client authentication', () => {
  const redeem = async (
    rig: Rig,
    clientId: string,
    headers: Record<string, string>,
    more: Record<string, string> = {},
  ): Promise<Response> => {
    const { code, verifier } = await rig.approve(clientId)
    const form = { grant_type: 'authorization_code', code, code_verifier: verifier, ...more }
    return rig.post(form, { headers })
  }

  test('CA1 Basic: form-encoded, raw as the official SDK sends it, any case of the scheme, client_id in the body or not', async () => {
    const rig = new Rig()
    const { authorization } = basic(confId, confidentialSecret) as { authorization: string }
    await ok(await redeem(rig, confId, { authorization }))
    await ok(await redeem(rig, confId, { authorization: authorization.replace('Basic', 'basic') }))
    await ok(await redeem(rig, confId, { authorization }, { client_id: confId }))
    await ok(await redeem(rig, 'either', { authorization: `Basic ${raw(`either:${confidentialSecret}`)}` }))
  })

  test.each([
    ['bad base64', 'Basic !!!!'],
    ['no colon', `Basic ${btoa('conf')}`],
    ['bad percent', `Basic ${btoa('conf%zz:secret')}`],
    ['empty id', `Basic ${btoa(':secret')}`],
    ['unknown client', `Basic ${btoa('nobody:secret')}`],
    ['wrong secret', `Basic ${btoa(`${encodeForm(confId)}:wrong`)}`],
    ['another scheme', 'Bearer abc'],
  ])('CA1 %s: invalid_client with a challenge', async (_, authorization) => {
    const rig = new Rig()
    const response = await redeem(rig, confId, { authorization })
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic /)
    expect(await refusal(response)).toBe('401 invalid_client')
  })

  test('CA2 header and body secret together, two different ids, secret in the URL', async () => {
    const rig = new Rig()
    const headers = basic(confId, confidentialSecret)
    const both = await redeem(rig, confId, headers, { client_secret: confidentialSecret })
    expect(await refusal(both)).toBe('400 invalid_request')
    expect(await refusal(await redeem(rig, confId, headers, { client_id: 'pub' }))).toBe(
      '400 invalid_request',
    )
    const { code, verifier } = await rig.approve('post')
    const url = `${rig.path('token')}?client_id=post&client_secret=${encodeForm(confidentialSecret)}`
    const form = { grant_type: 'authorization_code', code, code_verifier: verifier }
    expect(await refusal(await rig.post(form, { url }))).toBe('401 invalid_client')
  })

  test('CA3 the registered method is the only one', async () => {
    const rig = new Rig()
    const secretInBody = { client_id: confId, client_secret: confidentialSecret }
    expect(await refusal(await redeem(rig, confId, {}, secretInBody))).toBe('401 invalid_client')
    expect(await refusal(await redeem(rig, 'post', basic('post', confidentialSecret)))).toBe(
      '401 invalid_client',
    )
    expect(await refusal(await redeem(rig, 'pub', {}, { client_id: 'pub', client_secret: 'x' }))).toBe(
      '401 invalid_client',
    )
    expect(await refusal(await redeem(rig, confId, {}, { client_id: confId }))).toBe('401 invalid_client')
    await ok(await redeem(rig, 'post', {}, { client_id: 'post', client_secret: confidentialSecret }))
    // Where the configuration names no method, either way of sending the secret is right.
    await ok(await redeem(rig, 'either', basic('either', confidentialSecret)))
    await ok(await redeem(rig, 'either', {}, { client_id: 'either', client_secret: confidentialSecret }))
    expect(await refusal(await redeem(rig, 'either', {}, { client_id: 'either' }))).toBe('401 invalid_client')
  })

  test('TK10 refresh of a confidential client: without secret, wrong secret, by another client; not rotated', async () => {
    const rig = new Rig()
    const tokens = await ok(await redeem(rig, confId, basic(confId, confidentialSecret)))
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const writes = rig.store.written.length
    expect(await refusal(await rig.post({ ...form, client_id: confId }))).toBe('401 invalid_client')
    expect(await refusal(await rig.post(form, { headers: basic(confId, 'wrong') }))).toBe(
      '401 invalid_client',
    )
    expect(await refusal(await rig.post({ ...form, client_id: 'pub' }))).toBe('400 invalid_grant')
    const other = { headers: basic('either', confidentialSecret) }
    expect(await refusal(await rig.post(form, other))).toBe('400 invalid_grant')
    expect(rig.store.written).toHaveLength(writes)
    await ok(await rig.post(form, { headers: basic(confId, confidentialSecret) }))
  })

  test('TK4 a code with the credentials of a confidential client that it was not issued to', async () => {
    const rig = new Rig()
    const approved = await rig.approve('pub')
    const { code, verifier } = approved
    const form = { grant_type: 'authorization_code', code, code_verifier: verifier }
    const foreign = await rig.post(form, { headers: basic(confId, confidentialSecret) })
    expect(await refusal(foreign)).toBe('400 invalid_grant')
    await ok(await rig.redeem(approved))
  })
})

describe('tokens', () => {
  test('TK13 a JWT as RFC 9068 has it, signed with ES256', async () => {
    const rig = new Rig()
    const grant = { authTime: 1_799_999_000.5, acr: 'mfa', props: { email: 'a@b.test' } }
    const tokens = await rig.tokens('pub', grant)
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'notes:read notes:write' })
    expect(header(tokens.access_token)).toMatchObject({
      typ: 'at+jwt',
      alg: 'ES256',
      kid: expect.any(String),
    })
    const claims = payload(tokens.access_token)
    expect(claims).toMatchObject({
      iss: 'https://as.test',
      aud: RES_A,
      sub: 'alice',
      client_id: 'pub',
      scope: 'notes:read notes:write',
      iat: rig.now,
      exp: rig.now + 900,
      auth_time: 1_799_999_000,
      acr: 'mfa',
    })
    expect(claims['jti']).toMatch(new RegExp(`^${tokens.grantId}\\.[\\w-]{27}$`))
    expect(JSON.stringify(claims)).not.toContain('b.test')
    expect(tokens.code).toMatch(/^[\w-]{27}\.[\w-]{27}$/)
    expect(tokens.refresh_token).toMatch(/^[\w-]{27}\.[\w-]{27}\.[\w-]{27}$/)
    expect(tokens.refresh_token).not.toContain('alice')
  })

  test('TK13 opaque tokens say nothing, and their lifetime is the one of the resource', async () => {
    const rig = new Rig({
      resources: { [RES_A]: { ...resources[RES_A]!, accessTokens: 'opaque', lifetime: 60 } },
    })
    const tokens = await rig.tokens()
    expect(tokens.expires_in).toBe(60)
    expect(tokens.access_token).toMatch(/^tga_[\w-]+$/)
    expect(tokens.access_token).not.toContain(tokens.grantId)
    expect(await rig.call(tokens.access_token)).toBe(200)
    rig.now += 65
    expect(await rig.call(tokens.access_token)).toBe(401)
  })

  test.each(['EdDSA', 'RS256'] as const)('TK13 %s on request', async (algorithm) => {
    const rig = new Rig({ keys: { algorithm } })
    const tokens = await rig.tokens()
    expect(header(tokens.access_token)['alg']).toBe(algorithm)
    expect(await rig.call(tokens.access_token)).toBe(200)
  })

  test('TK13 a forged or foreign token is refused: another issuer on the same secret and store, a changed byte, another type', async () => {
    const rig = new Rig()
    const other = new Rig({ issuer: 'https://other.test', store: rig.store })
    const mine = await rig.tokens()
    const foreign = await other.tokens()
    expect(await rig.call(foreign.access_token)).toBe(401)
    expect(await rig.call(mine.access_token, rig.guardB, RES_B)).toBe(401)
    const [head, body, signature] = mine.access_token.split('.') as [string, string, string]
    const flipped = signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
    expect(await rig.call([head, body, flipped].join('.'))).toBe(401)
    const untyped = btoa(JSON.stringify({ ...header(mine.access_token), typ: 'JWT' })).replaceAll('=', '')
    expect(await rig.call([untyped, body, signature].join('.'))).toBe(401)
    expect(await rig.call(mine.access_token)).toBe(200)
  })
})

describe('the request', () => {
  const form = 'grant_type=refresh_token&client_id=pub&refresh_token=a.b.c'

  test.each([
    ['JSON', 'application/json', '{"grant_type":"refresh_token"}', 400],
    ['text', 'text/plain', form, 400],
    ['multipart', 'multipart/form-data; boundary=x', form, 400],
    ['another type that ends so', 'foo/application/x-www-form-urlencoded', form, 400],
    ['1 MB', 'application/x-www-form-urlencoded', `${form}&x=${'x'.repeat(1_000_000)}`, 413],
  ])('TK15 %s: invalid_request', async (_, type, body, status) => {
    const rig = new Rig()
    const response = await rig.post(body, { headers: { 'content-type': type } })
    expect(await refusal(response)).toBe(`${status} invalid_request`)
    expect(rig.store.calls).toEqual([])
  })

  test('TK15 form with charset, invalid UTF-8, other methods, code and secret in the query', async () => {
    const rig = new Rig()
    const approved = await rig.approve('pub')
    const { code, verifier } = approved
    const good = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'pub',
      code,
      code_verifier: verifier,
    }).toString()
    const inQuery = await rig.post('grant_type=authorization_code&client_id=pub', {
      url: `${rig.path('token')}?${good}`,
    })
    expect(await refusal(inQuery)).toBe('400 invalid_request')
    const type = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }
    await ok(await rig.post(good, { headers: type }))
    const request = new Request(rig.path('token'), {
      method: 'POST',
      headers: type,
      body: new Uint8Array([0x61, 0x3d, 0xff]),
    })
    expect(await refusal(await answered(rig.as.handle(request)))).toBe('400 invalid_request')
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await answered(rig.get(rig.path('token'), { method }))
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST, OPTIONS')
    }
  })

  test('TK16 duplicates, empty, unknown and harmless parameters', async () => {
    const rig = new Rig()
    const tokens = await rig.tokens()
    const doubled = `${form}&client_id=pub`
    expect(await refusal(await rig.post(doubled))).toBe('400 invalid_request')
    const odd = { scope: '', foo: 'bar', __proto__x: '1', constructor: 'x' }
    const next = await ok(await rig.refresh(tokens.refresh_token, odd))
    const proto = `grant_type=refresh_token&client_id=pub&refresh_token=${next.refresh_token}&__proto__=x`
    await ok(await rig.post(proto))
  })

  test('TK16 grant_type missing, unknown, not registered; tokens in each other’s place', async () => {
    const rig = new Rig()
    const tokens = await rig.tokens()
    expect(await refusal(await rig.post({ client_id: 'pub' }))).toBe('400 invalid_request')
    const password = { client_id: 'pub', grant_type: 'password', username: 'a', password: 'b' }
    expect(await refusal(await rig.post(password))).toBe('400 unsupported_grant_type')
    const unregistered = await rig.refresh(tokens.refresh_token, { client_id: 'norefresh' })
    expect(await refusal(unregistered)).toBe('400 unauthorized_client')
    expect(await refusal(await rig.refresh(tokens.access_token))).toBe('400 invalid_grant')
    expect(await refusal(await rig.refresh(tokens.code))).toBe('400 invalid_grant')
    const swapped = { ...tokens, code: tokens.refresh_token }
    expect(await refusal(await rig.redeem(swapped))).toBe('400 invalid_grant')
    expect(await rig.call(tokens.refresh_token)).toBe(401)
    expect(await rig.call(tokens.code)).toBe(401)
    await ok(await rig.refresh(tokens.refresh_token))
  })

  test('TK17 every answer: JSON, no-store, no cookie, printable description; unknown and wrong look alike', async () => {
    const rig = new Rig()
    const approved = await rig.approve('pub')
    const answers = [
      await rig.redeem(approved),
      await rig.redeem(approved),
      await rig.post({}),
      await rig.post({ client_id: 'nobody', client_secret: 'x', grant_type: 'refresh_token' }),
      await rig.post({ client_id: 'post', client_secret: 'x', grant_type: 'refresh_token' }),
      await rig.post({ client_id: 'pub', grant_type: '"\\\u0001ü' }),
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

  test('TK7 whoever knows only the id of a grant does no harm to it', async () => {
    const rig = new Rig()
    const tokens = await rig.tokens()
    const guess = `${tokens.grantId}.${randomToken()}.${randomToken()}`
    const writes = rig.store.written.length
    expect(await refusal(await rig.refresh(guess))).toBe('400 invalid_grant')
    expect(await refusal(await rig.redeem({ ...tokens, code: `${tokens.grantId}.${randomToken()}` }))).toBe(
      '400 invalid_grant',
    )
    expect(rig.store.written).toHaveLength(writes)
    await ok(await rig.refresh(tokens.refresh_token))
  })

  test('TK8 without grace a used refresh token is reuse', async () => {
    const rig = new Rig({ lifetimes: { refreshGrace: 0 } })
    const tokens = await rig.tokens()
    const next = await ok(await rig.refresh(tokens.refresh_token))
    expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await rig.refresh(next.refresh_token))).toBe('400 invalid_grant')
  })

  test('TK8 without grace a racer is reuse as well; only the answer that was lost is recognised', async () => {
    const rig = new Rig({ lifetimes: { refreshGrace: 0 } })
    const tokens = await rig.tokens()
    const put = rig.store.put.bind(rig.store)
    // Somebody else's refresh comes between the read and the write.
    rig.store.put = async (...parameters) => {
      rig.store.put = put
      await ok(await rig.refresh(tokens.refresh_token))
      return put(...parameters)
    }
    expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')

    const others = await rig.tokens()
    rig.store.put = async (...parameters) => {
      rig.store.put = put
      await put(...parameters)
      throw new Error('the answer was lost')
    }
    await ok(await rig.refresh(others.refresh_token))
  })

  test('TK8 a changed deployment secret: old tokens refresh, and the grace spans the change', async () => {
    const rig = new Rig()
    const tokens = await rig.tokens()
    const successor = await ok(await rig.refresh(tokens.refresh_token))
    const changed = rig.twin({
      secret: ['another secret of more than 32 bytes!', rig.options.secret as string],
    })
    const again = await ok(await rig.refresh(tokens.refresh_token, {}, changed))
    expect(again.refresh_token).toBe(successor.refresh_token)
    await ok(await rig.refresh(successor.refresh_token, {}, changed))
  })

  test('TK11 offline_access is a wish that changes nothing', async () => {
    const rig = new Rig()
    const tokens = await rig.tokens()
    const next = await ok(await rig.refresh(tokens.refresh_token, { scope: 'notes:read offline_access' }))
    expect(next.scope).toBe('notes:read')
    expect(await refusal(await rig.refresh(next.refresh_token, { scope: 'notes:read"' }))).toBe(
      '400 invalid_scope',
    )
  })

  test('TK12 two resources in one token request', async () => {
    const rig = new Rig()
    const approved = await rig.approve('pub', { resources: [RES_A, RES_B] })
    const two = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'pub',
      code: approved.code,
      code_verifier: approved.verifier,
    })
    two.append('resource', RES_A)
    two.append('resource', RES_B)
    expect(await refusal(await rig.post(two))).toBe('400 invalid_target')
    await ok(await rig.redeem(approved))
  })
})

function raw(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}
