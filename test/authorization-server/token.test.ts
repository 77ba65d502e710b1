import { describe, expect, test } from 'vitest'
import {
  basic,
  confidentialSecret,
  encodeForm,
  header,
  ok,
  refusal,
  RES_A,
  RES_B,
  resources,
  Rig,
} from '../support/as.ts'

const confId = 'conf: +%ü'

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
})

describe('tokens', () => {
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

describe('refresh', () => {
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
