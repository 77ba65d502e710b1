// TK7 to TK14: refresh tokens.
import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import type { Suite } from './tokens.suite.ts'
import { confidentialSecret, ok, refusal, RES_A, RES_B } from '../support/as.ts'

export function refreshRows({ rig, instances, expectDead }: Suite): void {
  test('TK7 replay of a refresh token two generations old: the grant is revoked', async () => {
    const r = rig()
    const [, other] = instances(r)
    const first = await r.tokens()
    const second = await ok(await r.refresh(first.refresh_token))
    const third = await ok(await r.refresh(second.refresh_token, {}, other))
    expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
    expect(r.events.find(({ type }) => type === 'refresh.reused')).toMatchObject({
      level: 'alert',
      grantId: first.grantId,
      clientId: 'pub',
    })
    expect(await refusal(await r.refresh(third.refresh_token))).toBe('400 invalid_grant')
    await expectDead(r, third.access_token)
  })

  test('TK7 a caller that knows only the id of a grant does no harm to it', async () => {
    const r = rig()
    const tokens = await r.tokens()
    const guess = `${tokens.grantId}.${randomToken()}.${randomToken()}`
    const writes = r.store.written.length
    expect(await refusal(await r.refresh(guess))).toBe('400 invalid_grant')
    expect(await refusal(await r.redeem({ ...tokens, code: `${tokens.grantId}.${randomToken()}` }))).toBe(
      '400 invalid_grant',
    )
    expect(r.store.written).toHaveLength(writes)
    await ok(await r.refresh(tokens.refresh_token))
  })

  test('TK8 a lost answer: the same successor within the grace, for this client only; revoked after it', async () => {
    const r = rig()
    const [, other] = instances(r)
    const first = await r.tokens()
    const second = await ok(await r.refresh(first.refresh_token))
    r.now += 29
    const before = r.store.written.at(-1)!
    const again = await ok(await r.refresh(first.refresh_token, {}, other))
    expect(again.refresh_token).toBe(second.refresh_token)
    expect(again.access_token).not.toBe(second.access_token)
    expect((await r.store.get(before.key))!.expiresAt).toBe(before.expiresAt)
    expect(r.events.at(-2)).toMatchObject({ type: 'refresh.repeated', level: 'warning', count: 1 })
    const stolen = await r.refresh(first.refresh_token, { client_id: 'pub2' })
    expect(await refusal(stolen)).toBe('400 invalid_grant')
    r.now += 1
    expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await r.refresh(second.refresh_token))).toBe('400 invalid_grant')
  })

  test('TK8 the grace ends when the successor is used', async () => {
    const r = rig()
    const first = await r.tokens()
    const second = await ok(await r.refresh(first.refresh_token))
    await ok(await r.refresh(second.refresh_token))
    expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
  })

  test('TK9 50 parallel refreshes at every instance converge: one successor, one head', async () => {
    const r = rig()
    const all = instances(r)
    let { refresh_token: token } = await r.tokens()
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => r.refresh(token, {}, all[i % all.length])),
      )
      const tokens = await Promise.all(answers.map(async (each) => (await ok(each)).refresh_token))
      const successors = new Set(tokens)
      expect(successors.size).toBe(1)
      expect(successors.has(token)).toBe(false)
      token = tokens[0]!
    }
    await ok(await r.refresh(token, {}, all[1]))
  })

  test('TK10 a confidential client’s refresh without and with a wrong secret, and by others: nothing is rotated', async () => {
    const r = rig()
    const approved = await r.approve('either')
    const secret = { client_id: 'either', client_secret: confidentialSecret }
    const tokens = await ok(await r.redeem(approved, secret))
    const writes = r.store.written.length
    const { refresh_token: token } = tokens
    expect(await refusal(await r.refresh(token, { client_id: 'either' }))).toBe('401 invalid_client')
    const wrong = { client_id: 'either', client_secret: 'wrong' }
    expect(await refusal(await r.refresh(token, wrong))).toBe('401 invalid_client')
    expect(await refusal(await r.refresh(token))).toBe('400 invalid_grant')
    expect(r.store.written).toHaveLength(writes)
    await ok(await r.refresh(token, secret))
  })

  test('TK11 narrower, the same again, wider', async () => {
    const r = rig()
    const first = await r.tokens()
    const narrow = await ok(await r.refresh(first.refresh_token, { scope: 'notes:read' }))
    expect(narrow.scope).toBe('notes:read')
    const wide = await r.refresh(narrow.refresh_token, { scope: 'notes:read b:admin' })
    expect(await refusal(wide)).toBe('400 invalid_scope')
    const full = await ok(await r.refresh(narrow.refresh_token))
    expect(full.scope).toBe('notes:read notes:write')
  })

  test('TK12 resource of another grant burns nothing; of two, the named one or the first', async () => {
    const r = rig()
    const approved = await r.approve('pub')
    const writes = r.store.written.length
    expect(await refusal(await r.redeem(approved, { resource: RES_B }))).toBe('400 invalid_target')
    expect(await refusal(await r.redeem(approved, { resource: `${RES_A}/x` }))).toBe('400 invalid_target')
    expect(r.store.written).toHaveLength(writes)
    const tokens = await ok(await r.redeem(approved, { resource: 'HTTPS://MCP.TEST:443/mcp' }))
    const refused = await r.refresh(tokens.refresh_token, { resource: RES_B })
    expect(await refusal(refused)).toBe('400 invalid_target')
    expect(r.store.written).toHaveLength(writes + 1)

    const both = await r.approve('pub', { resources: [RES_B, RES_A], scopes: ['notes:read', 'b:admin'] })
    const forB = await ok(await r.redeem(both))
    expect(forB.scope).toBe('notes:read b:admin')
    expect(await r.call(forB.access_token, r.guardB, RES_B)).toBe(200)
    expect(await r.call(forB.access_token)).toBe(401)
    const forA = await ok(await r.refresh(forB.refresh_token, { resource: RES_A }))
    expect(forA.scope).toBe('notes:read')
    expect(await r.call(forA.access_token)).toBe(200)
    expect(await r.call(forA.access_token, r.guardB, RES_B)).toBe(401)
  })

  test('TK14 idle and absolute lifetime, and no refresh token for who does not refresh', async () => {
    const r = rig()
    const day = 86_400
    const idle = await r.tokens()
    r.now += 30 * day
    expect(await refusal(await r.refresh(idle.refresh_token))).toBe('400 invalid_grant')

    let { refresh_token: token } = await r.tokens()
    const start = r.now
    while (r.now + 29 * day < start + 180 * day) {
      r.now += 29 * day
      token = (await ok(await r.refresh(token))).refresh_token
    }
    r.now = start + 180 * day - 30
    const last = await ok(await r.refresh(token))
    expect(last.expires_in).toBe(30)
    r.now += 30
    expect(await refusal(await r.refresh(last.refresh_token))).toBe('400 invalid_grant')

    const none = await r.approve('norefresh')
    const tokens = await ok(await r.redeem(none, { client_id: 'norefresh' }))
    expect(tokens).not.toHaveProperty('refresh_token')
    expect(await r.call(tokens.access_token)).toBe(200)
  })
}
