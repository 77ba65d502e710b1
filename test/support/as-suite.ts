// The rows TK and ST of the checks, for any store and any `checkRevocation`. A file per driver calls it with the real thing.
import { describe, expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import type { Awaitable, Store } from '../../src/types.ts'
import { confidentialSecret, ok, payload, refusal, RES_A, RES_B, resources, Rig } from './as.ts'

export interface SuiteSettings {
  checkRevocation: number | false
  accessTokens?: 'jwt' | 'opaque'
}

/** As the settled policy has it: all three, and opaque tokens. */
export const allSettings: readonly SuiteSettings[] = [
  { checkRevocation: false },
  { checkRevocation: 0 },
  { checkRevocation: 60 },
  { checkRevocation: false, accessTokens: 'opaque' },
]

export function tokenSuite(
  name: string,
  createStore: () => Awaitable<Store>,
  { checkRevocation, accessTokens = 'jwt' }: SuiteSettings,
): void {
  const settings = accessTokens === 'opaque' ? 'opaque' : `checkRevocation ${checkRevocation}`

  /** An issuer of its own: on a shared store it sees nothing of the others. */
  const rig = async (options: Partial<AuthorizationServerOptions> = {}): Promise<Rig> =>
    new Rig({
      issuer: `https://as-${randomToken(8)
        .toLowerCase()
        .replaceAll(/[^a-z0-9]/g, '0')}.test`,
      store: await createStore(),
      checkRevocation,
      resources: {
        [RES_A]: { ...resources[RES_A]!, accessTokens },
        [RES_B]: { ...resources[RES_B]!, accessTokens },
      },
      ...options,
    })

  /** Dead at the guard: at the next request, within so many seconds, or at `exp`. */
  const expectDead = async (r: Rig, token: string): Promise<void> => {
    if (accessTokens === 'jwt' && checkRevocation === false) {
      expect(await r.call(token)).toBe(200)
      r.now += 900 + 6
    } else if (accessTokens === 'jwt') r.now += checkRevocation || 0
    expect(await r.call(token)).toBe(401)
  }

  describe(`${name}, ${settings}`, () => {
    test('TK1 a code twice: at once it is refused, 6 s later the grant dies too', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      const first = await ok(await r.redeem(approved))
      expect(await r.call(first.access_token)).toBe(200)
      expect(await refusal(await r.redeem(approved))).toBe('400 invalid_grant')
      expect(await r.call(first.access_token)).toBe(200)
      r.now += 6
      expect(await refusal(await r.redeem(approved))).toBe('400 invalid_grant')
      expect(r.events.map(({ type }) => type)).toContain('code.replayed')
      expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
      await expectDead(r, first.access_token)
    })

    test('TK1 a replay without full proof revokes nothing', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      const first = await ok(await r.redeem(approved))
      r.now += 60
      const wrong = { ...approved, verifier: randomToken(40) }
      expect(await refusal(await r.redeem(wrong))).toBe('400 invalid_grant')
      expect(await refusal(await r.redeem(approved, { client_id: 'pub2' }))).toBe('400 invalid_grant')
      await ok(await r.refresh(first.refresh_token))
    })

    test('TK3 50 parallel redemptions of one code at two instances: one winner, one family', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      const twin = r.twin()
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => r.redeem(approved, {}, i % 2 ? twin : r.as)),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      for (const each of answers.filter(({ status }) => status !== 200))
        expect(await refusal(each)).toBe('400 invalid_grant')
      const winner = await ok(answers.find(({ status }) => status === 200)!)
      await ok(await r.refresh(winner.refresh_token))
    })

    test('TK4 a code after 61 s, of another client, with another redirect URI', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      expect(await refusal(await r.redeem(approved, { client_id: 'pub2' }))).toBe('400 invalid_grant')
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

    test('TK7 a refresh token that was used twice before: the whole family dies', async () => {
      const r = await rig()
      const first = await r.tokens()
      const second = await ok(await r.refresh(first.refresh_token))
      const third = await ok(await r.refresh(second.refresh_token))
      expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
      expect(r.events.find(({ type }) => type === 'refresh.reused')).toMatchObject({
        level: 'alert',
        grantId: first.grantId,
        clientId: 'pub',
      })
      expect(await refusal(await r.refresh(third.refresh_token))).toBe('400 invalid_grant')
      await expectDead(r, third.access_token)
    })

    test('TK8 a lost answer: the same successor inside the grace, nobody else, and death after it', async () => {
      const r = await rig()
      const first = await r.tokens()
      const second = await ok(await r.refresh(first.refresh_token))
      r.now += 29
      const before = r.store.written.length
      const again = await ok(await r.refresh(first.refresh_token))
      expect(again.refresh_token).toBe(second.refresh_token)
      expect(again.access_token).not.toBe(second.access_token)
      expect(r.store.written).toHaveLength(before)
      const stolen = await r.refresh(first.refresh_token, { client_id: 'pub2' })
      expect(await refusal(stolen)).toBe('400 invalid_grant')
      r.now += 1
      expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
      expect(await refusal(await r.refresh(second.refresh_token))).toBe('400 invalid_grant')
    })

    test('TK8 the grace ends where the successor was used', async () => {
      const r = await rig()
      const first = await r.tokens()
      const second = await ok(await r.refresh(first.refresh_token))
      await ok(await r.refresh(second.refresh_token))
      expect(await refusal(await r.refresh(first.refresh_token))).toBe('400 invalid_grant')
    })

    test('TK9 50 parallel refreshes at two instances converge', async () => {
      const r = await rig()
      const { refresh_token: token } = await r.tokens()
      const twin = r.twin()
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => r.refresh(token, {}, i % 2 ? twin : r.as)),
      )
      const successors = new Set(
        await Promise.all(answers.map(async (each) => (await ok(each)).refresh_token)),
      )
      expect(successors.size).toBe(1)
      const [head] = successors
      await ok(await r.refresh(head!))
    })

    test('TK11 narrower, the same again, wider', async () => {
      const r = await rig()
      const first = await r.tokens()
      const narrow = await ok(await r.refresh(first.refresh_token, { scope: 'notes:read' }))
      expect(narrow.scope).toBe('notes:read')
      const wide = await r.refresh(narrow.refresh_token, { scope: 'notes:read b:admin' })
      expect(await refusal(wide)).toBe('400 invalid_scope')
      const full = await ok(await r.refresh(narrow.refresh_token))
      expect(full.scope).toBe('notes:read notes:write')
    })

    test('TK12 resource of another grant burns nothing; of two, the named one or the first', async () => {
      const r = await rig()
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
      const r = await rig()
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

    test('TK18 revoked by the application: refresh at once, the guard as configured', async () => {
      const r = await rig()
      const mine = await r.tokens()
      const others = await r.tokens('pub', { subject: 'bob' })
      expect(await r.call(mine.access_token)).toBe(200)
      expect(await r.as.grants.list('alice')).toMatchObject([{ id: mine.grantId, clientId: 'pub' }])
      await r.as.grants.revoke('alice')
      expect(await r.as.grants.list('alice')).toEqual([])
      expect(await refusal(await r.refresh(mine.refresh_token))).toBe('400 invalid_grant')
      await ok(await r.refresh(others.refresh_token))
      await expectDead(r, mine.access_token)
    })

    test('TK18 a blocked client: invalid_client, and dead at the guard within the minute', async () => {
      const r = await rig()
      const tokens = await r.tokens()
      await r.as.clients.block('pub')
      expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('401 invalid_client')
      r.now += 60
      expect(await refusal(await r.refresh(tokens.refresh_token, {}, r.twin()))).toBe('401 invalid_client')
      await expectDead(r, tokens.access_token)
    })

    test('revokeAll kills codes, refresh tokens and access tokens', async () => {
      const r = await rig()
      const code = await r.approve('pub')
      const tokens = await r.tokens()
      await r.as.revokeAll()
      expect(await refusal(await r.redeem(code))).toBe('400 invalid_grant')
      expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
      if (accessTokens === 'jwt' && checkRevocation === false) r.now += 906
      expect(await r.call(tokens.access_token)).toBe(401)
      // Life goes on; the other instance's ring is read again after 300 s.
      r.now += 300
      const fresh = await r.tokens()
      expect(await r.call(fresh.access_token)).toBe(200)
    })

    test('ST3 every record ends no later than what it stands for, and expired ones are dead although they are there', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      const code = r.store.written.find(({ key }) => key.endsWith(`${approved.grantId}:grant`))!
      expect(code.expiresAt! - code.at).toBeLessThanOrEqual(60)
      const tokens = await ok(await r.redeem(approved))
      await ok(await r.refresh(tokens.refresh_token))
      for (const { key, expiresAt, at } of r.store.written.filter(
        (each) => !each.key.endsWith('keys:ring'),
      )) {
        expect(expiresAt, key).toBeDefined()
        expect(expiresAt! - at, key).toBeLessThanOrEqual(180 * 86_400)
      }
      const grant = r.store.written.findLast(({ key }) => key.endsWith(':grant'))!
      expect(grant.expiresAt! - grant.at).toBeLessThanOrEqual(30 * 86_400)
    })

    test('ST4 a lost answer is recognised: the write stands, the flow goes on', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      let lost = 0
      r.store.after = ({ method, key }) => {
        if (method !== 'put' || !key.endsWith(':grant') || lost++ > 0) return
        throw new Error('connection reset')
      }
      const tokens = await ok(await r.redeem(approved))
      expect(lost).toBe(1)
      lost = 0
      const next = await ok(await r.refresh(tokens.refresh_token))
      expect(lost).toBe(1)
      lost = 1
      await ok(await r.refresh(next.refresh_token))
    })

    test('ST4 a store that is down: 503 with Retry-After, nothing issued, nothing burned', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      await ok(await r.redeem(await r.approve('pub')))
      r.store.before = () => {
        throw new Error('down')
      }
      const response = await r.redeem(approved)
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(await refusal(response)).toBe('503 temporarily_unavailable')
      r.store.before = ({ method }) => {
        if (method === 'put') throw new Error('read only')
      }
      expect(await refusal(await r.redeem(approved))).toBe('503 temporarily_unavailable')
      r.store.before = () => undefined
      const tokens = await ok(await r.redeem(approved))
      r.store.before = () => {
        throw new Error('down')
      }
      expect(await refusal(await r.refresh(tokens.refresh_token))).toBe('503 temporarily_unavailable')
      const status = await r.call(tokens.access_token)
      expect(status).toBe(accessTokens === 'jwt' && checkRevocation === false ? 200 : 503)
    })

    test('exact store calls: exchange and refresh one read and one conditional write, the guard none unless asked', async () => {
      const r = await rig()
      const tokens = await r.tokens()
      const approved = await r.approve('pub')
      const count = async (work: () => Promise<unknown>): Promise<string> => {
        r.store.calls.length = 0
        await work()
        return r.store.calls.map(({ method, ifVersion }) => (ifVersion ? `${method} if` : method)).join(', ')
      }
      expect(await count(() => r.redeem(approved))).toBe('get, put if')
      expect(await count(() => r.refresh(tokens.refresh_token))).toBe('get, put if')
      await r.call(tokens.access_token)
      const each = accessTokens === 'opaque' || checkRevocation === 0 ? 'get' : ''
      expect(await count(() => r.call(tokens.access_token))).toBe(each)
    })

    test('TK5 a wrong verifier burns nothing', async () => {
      const r = await rig()
      const approved = await r.approve('pub')
      const writes = r.store.written.length
      const wrong = { ...approved, verifier: randomToken(40) }
      expect(await refusal(await r.redeem(wrong))).toBe('400 invalid_grant')
      expect(r.store.written).toHaveLength(writes)
      await ok(await r.redeem(approved))
    })

    test('TK10 a confidential client’s refresh without and with a wrong secret, and by others: nothing is rotated', async () => {
      const r = await rig()
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

    test('TK13 TK16 tokens are random, and none passes for another kind', async () => {
      const r = await rig()
      const first = await r.tokens()
      const second = await ok(await r.refresh(first.refresh_token))
      const approved = await r.approve('pub')
      expect(second.access_token.slice(-40)).not.toBe(first.access_token.slice(-40))
      for (const token of [first.access_token, approved.code])
        expect(await refusal(await r.refresh(token))).toBe('400 invalid_grant')
      for (const code of [first.access_token, second.refresh_token])
        expect(await refusal(await r.redeem({ ...approved, code }))).toBe('400 invalid_grant')
      for (const token of [second.refresh_token, approved.code]) expect(await r.call(token)).toBe(401)
      if (accessTokens === 'opaque') {
        expect(first.access_token).toMatch(/^tga_[A-Za-z0-9_-]{100,}$/)
        const bytes = atob(first.access_token.slice(4).replaceAll('-', '+').replaceAll('_', '/'))
        for (const readable of ['alice', 'notes', first.grantId]) expect(bytes).not.toContain(readable)
      }
      await ok(await r.redeem(approved))
    })

    test('G25 a token that the guard keeps dies at its end, and when it is revoked alone', async () => {
      const r = await rig()
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
      const r = await rig()
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
  })
}
