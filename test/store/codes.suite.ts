// TK1 to TK5: codes.
import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import type { Suite } from './tokens.suite.ts'
import { basic, confidentialSecret, ok, refusal } from '../support/as.ts'

const confId = 'conf: +%ü'

export function codeRows({ rig, instances, expectDead }: Suite): void {
  test('TK1 replay of a code: at once it is refused, 6 s later the grant is revoked too', async () => {
    const r = rig()
    const [, other] = instances(r)
    const approved = await r.approve('pub')
    const first = await ok(await r.redeem(approved))
    expect(await r.call(first.access_token)).toBe(200)
    expect(await refusal(await r.redeem(approved, {}, other))).toBe('400 invalid_grant')
    expect(await r.call(first.access_token)).toBe(200)
    r.now += 6
    expect(await refusal(await r.redeem(approved, {}, other))).toBe('400 invalid_grant')
    expect(r.events.map(({ type }) => type)).toContain('code.replayed')
    expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
    await expectDead(r, first.access_token)
  })

  test('TK1 a replay without full proof revokes nothing', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    const first = await ok(await r.redeem(approved))
    r.now += 60
    const wrong = { ...approved, verifier: randomToken(40) }
    expect(await refusal(await r.redeem(wrong))).toBe('400 invalid_grant')
    expect(await refusal(await r.redeem(approved, { client_id: 'pub2' }))).toBe('400 invalid_grant')
    await ok(await r.refresh(first.refresh_token))
  })

  test('TK3 50 parallel redemptions of one code at every instance: one winner, one family', async () => {
    const r = rig()
    const all = instances(r)
    for (let round = 0; round < 2; round++) {
      const approved = await r.approve('pub')
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => r.redeem(approved, {}, all[i % all.length])),
      )
      const winners = answers.filter(({ status }) => status === 200)
      expect(winners).toHaveLength(1)
      for (const each of answers)
        if (each !== winners[0]) expect(await refusal(each)).toBe('400 invalid_grant')
      await ok(await r.refresh((await ok(winners[0]!)).refresh_token, {}, all[1]))
    }
  })

  test('TK4 a code of another client, with the credentials of a third, with another redirect URI, after 61 s', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    expect(await refusal(await r.redeem(approved, { client_id: 'pub2' }))).toBe('400 invalid_grant')
    const foreignForm = {
      grant_type: 'authorization_code',
      code: approved.code,
      code_verifier: approved.verifier,
    }
    const asThird = await r.post(foreignForm, { headers: basic(confId, confidentialSecret) })
    expect(await refusal(asThird)).toBe('400 invalid_grant')
    const other = { redirect_uri: 'http://127.0.0.1:3000/cb' }
    expect(await refusal(await r.redeem(approved, other))).toBe('400 invalid_grant')
    r.now += 61
    expect(await refusal(await r.redeem(approved))).toBe('400 invalid_grant')
    // Omitted, although the authorization request had it; sent, although it had none.
    await ok(await r.redeem(await r.approve('pub')))
    const without = await r.approve('pub', { redirectUri: undefined })
    const foreign = { redirect_uri: 'https://evil.test/cb' }
    expect(await refusal(await r.redeem(without, foreign))).toBe('400 invalid_grant')
    await ok(await r.redeem(without, { redirect_uri: 'https://app.test/cb' }))
  })

  test.each([
    ['wrong', randomToken(40), '400 invalid_grant'],
    ['42 characters', 'a'.repeat(42), '400 invalid_grant'],
    ['129 characters', 'a'.repeat(129), '400 invalid_grant'],
    ['illegal characters', `${'a'.repeat(43)}=/+`, '400 invalid_grant'],
    ['empty, so missing', '', '400 invalid_request'],
  ])('TK5 verifier %s: nothing burned', async (_, code_verifier, expected) => {
    const r = rig()
    const approved = await r.approve('pub')
    const writes = r.store.written.length
    expect(await refusal(await r.redeem(approved, { code_verifier }))).toBe(expected)
    expect(r.store.written).toHaveLength(writes)
    await ok(await r.redeem(approved))
  })

  test('TK5 verifier equal to the challenge, and sent twice', async () => {
    const r = rig()
    // RFC 7636 appendix B.
    const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    const approved = await r.approve('pub', { codeChallenge: challenge })
    expect(await refusal(await r.redeem(approved, { code_verifier: challenge }))).toBe('400 invalid_grant')
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'pub',
      code: approved.code,
    })
    form.append('code_verifier', verifier)
    form.append('code_verifier', verifier)
    expect(await refusal(await r.post(form))).toBe('400 invalid_request')
    await ok(await r.redeem({ ...approved, verifier }))
  })
}
