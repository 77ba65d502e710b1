// TK18, RV1 to RV4 and G25: what ends before its time, and how soon.
import { expect, test } from 'vitest'
import type { EmbeddedAuthorizationServer } from '../../src/authorization-server/index.ts'
import type { Suite } from './tokens.suite.ts'
import { ok, payload, refusal, type Rig } from '../support/as.ts'

export function revocationRows({ rig, instances, expectDead, accessTokens, unchecked }: Suite): void {
  const revoke = (
    r: Rig,
    token: string,
    more: Record<string, string> = {},
    as?: EmbeddedAuthorizationServer,
  ): Promise<Response> =>
    r.post(
      { token, client_id: 'pub', ...more },
      { url: r.path('revoke'), ...(as === undefined ? {} : { as }) },
    )

  test('TK18 revoked by the application: refresh at once, the guard as configured', async () => {
    const r = rig()
    const mine = await r.tokens()
    const others = await r.tokens('pub', { subject: 'bob' })
    expect(await r.call(mine.access_token)).toBe(200)
    expect(await r.as.grants.list('alice')).toMatchObject([{ id: mine.grantId, clientId: 'pub' }])
    await instances(r)[1]!.grants.revoke('alice')
    expect(await r.as.grants.list('alice')).toEqual([])
    expect(await refusal(await r.refresh(mine.refresh_token))).toBe('400 invalid_grant')
    await ok(await r.refresh(others.refresh_token))
    await expectDead(r, mine.access_token)
  })

  test('TK18 a blocked client: invalid_client, and refused by the guard within a minute', async () => {
    const r = rig()
    const tokens = await r.tokens()
    await r.as.clients.block('pub')
    expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('401 invalid_client')
    r.now += 60
    const [, other] = instances(r)
    expect(await refusal(await r.refresh(tokens.refresh_token, {}, other))).toBe('401 invalid_client')
    await expectDead(r, tokens.access_token)
  })

  test('TK18 clients that registered themselves into the store: known at every instance, until blocked or gone', async () => {
    const r = rig({ registration: 'stored' })
    const [, other] = instances(r) as [unknown, EmbeddedAuthorizationServer]
    const register = async (): Promise<string> => {
      const response = await r.register({
        redirect_uris: ['https://app.test/cb'],
        token_endpoint_auth_method: 'none',
      })
      return ((await response.json()) as { client_id: string }).client_id
    }
    const client_id = await register()
    const tokens = await ok(await r.redeem(await r.approve(client_id), { client_id }, other))
    expect(await r.call(tokens.access_token)).toBe(200)
    await other.clients.block(client_id)
    r.now += 60
    expect(await refusal(await r.refresh(tokens.refresh_token, { client_id }))).toBe('401 invalid_client')
    await expectDead(r, tokens.access_token)

    const gone = await register()
    const { refresh_token } = await ok(await r.redeem(await r.approve(gone), { client_id: gone }, other))
    r.now = (await other.clients.get(gone))!.expires!
    const late = await r.refresh(refresh_token, { client_id: gone }, other)
    expect(await refusal(late)).toBe('401 invalid_client')
    expect(await other.clients.get(gone)).toBeUndefined()
  })

  test('S4 revokeAll kills codes, refresh tokens and access tokens', async () => {
    const r = rig()
    const code = await r.approve('pub')
    const tokens = await r.tokens()
    await r.as.revokeAll()
    expect(await refusal(await r.redeem(code))).toBe('400 invalid_grant')
    expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
    expect(await r.call(tokens.access_token)).toBe(401)
    // Life goes on; the other instance's ring is read again after 300 s.
    r.now += 300
    const fresh = await r.tokens()
    expect(await r.call(fresh.access_token)).toBe(200)
  })

  test('RV1 G25 a refresh token: the grant and its access tokens are revoked', async () => {
    const r = rig()
    const first = await r.tokens()
    const second = await ok(await r.refresh(first.refresh_token))
    expect(await r.call(second.access_token)).toBe(200)
    const response = await revoke(r, second.refresh_token, {}, instances(r)[1])
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await refusal(await r.refresh(second.refresh_token))).toBe('400 invalid_grant')
    expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
    await expectDead(r, second.access_token)
    expect(await r.call(first.access_token)).toBe(401)
    expect(r.events).toContainEqual(
      expect.objectContaining({ type: 'grant.revoked', grantId: first.grantId }),
    )
  })

  test('RV1 G25 an access token: only this one is revoked', async () => {
    const r = rig()
    const first = await r.tokens()
    const end = r.now + first.expires_in
    r.now += 10
    const second = await ok(await r.refresh(first.refresh_token))
    expect(await r.call(first.access_token)).toBe(200)
    expect((await revoke(r, first.access_token, {}, instances(r)[1])).status).toBe(200)
    expect(r.events).toContainEqual(
      expect.objectContaining({ type: 'token.revoked', grantId: first.grantId }),
    )
    await expectDead(r, first.access_token)
    if (!unchecked) expect(await r.call(second.access_token)).toBe(200)
    await ok(await r.refresh(second.refresh_token))
    // Until its last second, also when others are revoked after it.
    r.now = Math.max(r.now, end - 1)
    await revoke(r, second.access_token)
    expect(await r.call(first.access_token)).toBe(401)
  })

  test('RV2 twice, an old generation, another hint: 200, and revoked', async () => {
    const r = rig()
    const first = await r.tokens()
    const second = await ok(await r.refresh(first.refresh_token))
    for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense'])
      expect((await revoke(r, first.refresh_token, { token_type_hint })).status).toBe(200)
    expect(await refusal(await r.refresh(second.refresh_token))).toBe('400 invalid_grant')
    expect(r.events.filter(({ type }) => type === 'grant.revoked')).toHaveLength(1)
  })

  test('RV3 the tokens of another client stay alive', async () => {
    const r = rig()
    const tokens = await r.tokens()
    const writes = r.store.written.length
    for (const token of [tokens.refresh_token, tokens.access_token])
      expect(await refusal(await revoke(r, token, { client_id: 'pub2' }))).toBe('400 invalid_grant')
    expect(r.store.written).toHaveLength(writes)
    expect(await r.call(tokens.access_token)).toBe(200)
    await ok(await r.refresh(tokens.refresh_token))
  })

  test.each(['by its client', 'by the application'])(
    'RV4 revoked %s while 20 refreshes are in flight at every instance: nothing lives afterwards',
    async (who) => {
      const r = rig()
      const all = instances(r)
      const first = await r.tokens()
      const [answers] = await Promise.all([
        Promise.all(
          Array.from({ length: 20 }, (_, i) => r.refresh(first.refresh_token, {}, all[i % all.length])),
        ),
        who === 'by its client'
          ? revoke(r, first.refresh_token, {}, all.at(-1)).then(({ status }) => expect(status).toBe(200))
          : all.at(-1)!.grants.revoke('alice'),
      ])
      expect(await all[1]!.grants.list('alice')).toEqual([])
      const issued = [first]
      for (const each of answers)
        if (each.status === 200) issued.push({ ...first, ...(await ok(each)) })
        else expect(await refusal(each)).toBe('400 invalid_grant')
      for (const { refresh_token } of issued)
        expect(await refusal(await r.refresh(refresh_token))).toBe('400 invalid_grant')
      await expectDead(r, issued.at(-1)!.access_token)
      for (const { access_token } of issued) expect(await r.call(access_token)).toBe(401)
    },
  )

  test('RV4 the store is down, or takes no writes: 503 with Retry-After, never 200', async () => {
    const r = rig()
    const tokens = await r.tokens()
    const down = [() => true, ({ method }: { method: string }) => method === 'put']
    for (const fails of down) {
      r.store.before = (call) => {
        if (fails(call)) throw new Error('down')
      }
      for (const token of [tokens.refresh_token, tokens.access_token]) {
        const response = await revoke(r, token)
        expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
        expect(await refusal(response)).toBe('503 temporarily_unavailable')
      }
    }
    r.store.before = () => undefined
    expect(await r.call(tokens.access_token)).toBe(200)
    await ok(await r.refresh(tokens.refresh_token))
  })

  test('G25 a token that the guard caches ends when it expires, and when it is revoked by itself', async () => {
    const r = rig()
    const first = await r.tokens()
    r.now += 899
    expect(await r.call(first.access_token)).toBe(200)
    r.now += 5
    expect(await r.call(first.access_token)).toBe(200)
    r.now += 1
    expect(await r.call(first.access_token)).toBe(401)
    const second = await ok(await r.refresh(first.refresh_token))
    expect(await r.call(second.access_token)).toBe(200)
    const form = { client_id: 'pub', token: second.access_token }
    expect((await r.post(form, { url: r.path('revoke') })).status).toBe(200)
    await expectDead(r, second.access_token)
  })

  test('G25 the answer of a co-located guard carries subject, scopes and props', async () => {
    const r = rig()
    const small = await r.tokens('pub', { props: { login: 'octocat' } })
    await r.call(small.access_token)
    expect(r.seen.at(-1)).toMatchObject({
      subject: 'alice',
      clientId: 'pub',
      scopes: ['notes:read', 'notes:write'],
      props: { login: 'octocat' },
    })
    const large = { login: 'x'.repeat(5000) }
    const big = await r.tokens('pub', { props: large })
    await r.call(big.access_token)
    expect(r.seen.at(-1)?.props).toEqual(large)
    expect(r.seen.at(-1)?.claims).not.toHaveProperty('props')
    if (accessTokens === 'jwt') expect(JSON.stringify(payload(small.access_token))).not.toContain('octocat')
  })
}
