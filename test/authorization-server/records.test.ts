import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { checkIdentity } from '../../src/authorization-server/sign-in/identity.ts'
import type { NewGrant } from '../../src/authorization-server/grants.ts'
import type { Identity } from '../../src/types.ts'
import { ok, refusal, Rig } from '../support/as.ts'

test('an approval twice, also at once: one code', async () => {
  const rig = new Rig()
  const id = randomToken()
  const results = await Promise.all([
    rig.approve('pub', { id }),
    rig.approve('pub', { id }),
    rig.approve('pub', { id }),
  ])
  expect(results.filter(({ code }) => code === 'taken')).toHaveLength(2)
  expect((await rig.approve('pub', { id })).code).toBe('taken')
  expect(await rig.context.grants.exists(id)).toBe(true)
  expect(await rig.context.grants.exists(randomToken())).toBe(false)
  expect(await rig.as.grants.list('alice')).toHaveLength(1)
})

test('one user who approves fifty times at the same moment: fifty grants', async () => {
  const rig = new Rig()
  const approved = await Promise.all(Array.from({ length: 50 }, () => rig.approve('pub')))
  expect(new Set(approved.map(({ grantId }) => grantId)).size).toBe(50)
  expect(await rig.as.grants.list('alice')).toHaveLength(50)
})

test('the list is written before the grant', async () => {
  const rig = new Rig()
  await rig.approve('pub')
  const keys = rig.store.written.map(({ key }) => key.split(':')[1])
  expect(keys.indexOf('user')).toBeLessThan(keys.indexOf('grant'))
})

test('revoking everything revokes a grant that is listed and not yet written', async () => {
  const rig = new Rig()
  const id = randomToken()
  let revoking = false
  rig.store.before = async ({ method, key }) => {
    if (revoking || method !== 'put' || !key.endsWith(`${id}:grant`)) return
    revoking = true
    await rig.as.grants.revoke('alice')
  }
  expect((await rig.approve('pub', { id })).code).toBe('taken')
  expect(await rig.as.grants.list('alice')).toEqual([])
})

test('a refresh in flight cannot bring a revoked grant back', async () => {
  const rig = new Rig({ checkRevocation: 0 })
  const tokens = await rig.tokens()
  let revoked = false
  rig.store.before = async ({ method, key }) => {
    if (revoked || method !== 'put' || !key.endsWith(':grant')) return
    revoked = true
    await rig.as.grants.revoke('alice')
  }
  expect(await refusal(await rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await rig.call(tokens.access_token)).toBe(401)
})

test('F8 above 100 grants the ten that were unused for longest go, with an event each, so that few sign-ins read them all', async () => {
  const rig = new Rig()
  const all = []
  for (let i = 0; i < 100; i++) {
    rig.now += 1
    all.push(await rig.tokens())
  }
  // The oldest is used again, so the second oldest is unused for longest.
  const used = await ok(await rig.refresh(all[0]!.refresh_token))
  await rig.tokens()
  expect(rig.events.filter(({ type }) => type === 'grant.evicted')).toMatchObject(
    all.slice(1, 11).map(({ grantId }) => ({ grantId, level: 'warning' })),
  )
  expect(await refusal(await rig.refresh(all[1]!.refresh_token))).toBe('400 invalid_grant')
  await ok(await rig.refresh(used.refresh_token))
  expect(await rig.as.grants.list('alice')).toHaveLength(91)
  rig.store.calls.length = 0
  for (let i = 0; i < 9; i++) await rig.approve('pub')
  expect(rig.store.calls.length).toBeLessThan(9 * 8)
  expect(await rig.as.grants.list('alice')).toHaveLength(100)
})

test('T14 a client that fills the list loses only its own grants', async () => {
  const rig = new Rig()
  const others = [await rig.tokens('pub2'), await rig.tokens('pub2'), await rig.tokens('norefresh')]
  for (let i = 0; i < 250; i++) {
    rig.now += 1
    await rig.tokens()
  }
  for (const each of others.slice(0, 2))
    expect((await rig.refresh(each.refresh_token, { client_id: 'pub2' })).status).toBe(200)
  // A newcomer costs the client that has most, too.
  for (let i = 0; i < 20; i++) await rig.tokens('pub2')
  const evicted = new Set(
    rig.events.filter(({ type }) => type === 'grant.evicted').map(({ clientId }) => clientId),
  )
  expect([...evicted]).toEqual(['pub'])
  expect((await rig.as.grants.list('alice')).length).toBeLessThanOrEqual(100)
})

test('approvals that were never redeemed make room first', async () => {
  const rig = new Rig()
  const kept = await rig.tokens()
  for (let i = 0; i < 120; i++) {
    rig.now += 1
    await rig.approve('pub')
  }
  expect(rig.events.filter(({ type }) => type === 'grant.evicted')).toEqual([])
  await ok(await rig.refresh(kept.refresh_token))
})

const consent = (key: string, expires: number): Partial<NewGrant> => ({
  consent: { key, host: 'app.test', expires },
})
const rememberedKeys = async (rig: Rig, subject = 'alice'): Promise<string[]> =>
  (await rig.context.grants.consents(subject)).map(({ key }) => key)

test('T7 however a grant is revoked, the consents of its client go along, and no others', async () => {
  const rig = new Rig()
  const expires = rig.now + 1000
  const one = await rig.tokens('pub', consent('one', expires))
  const two = await rig.tokens('pub2', consent('two', expires))
  expect(await rememberedKeys(rig)).toEqual(['one', 'two'])
  await rig.as.grants.revoke('alice', one.grantId)
  expect(await rememberedKeys(rig)).toEqual(['two'])
  expect((await rig.as.grants.list('alice')).map(({ id }) => id)).toEqual([two.grantId])
  const three = await rig.tokens('pub', consent('three', expires))
  await rig.context.grants.revokeGrant(three.grantId)
  expect(await rememberedKeys(rig)).toEqual(['two'])
  // A code that is replayed takes them, too.
  const four = await rig.tokens('pub', consent('four', expires))
  rig.now += 6
  expect((await rig.redeem(four)).status).toBe(400)
  expect(await rememberedKeys(rig)).toEqual(['two'])
  rig.now += 1000
  expect(await rememberedKeys(rig)).toEqual([])
})

test('T7 T14 a grant that is evicted takes the consents of its client along, and the new one is written', async () => {
  const rig = new Rig()
  const expires = rig.now + 10_000
  await rig.tokens('pub2', consent('two', expires))
  for (let i = 0; i < 98; i++) await rig.tokens()
  await rig.tokens('pub', consent('one', expires))
  expect(await rememberedKeys(rig)).toEqual(['two', 'one'])
  const last = await rig.tokens('pub', consent('three', expires))
  expect(rig.events.filter(({ type }) => type === 'grant.evicted')).toHaveLength(10)
  expect(await rememberedKeys(rig)).toEqual(['two', 'three'])
  expect((await rig.as.grants.list('alice')).map(({ id }) => id)).toContain(last.grantId)
})

test('T7 a grant is not revoked as long as its consents cannot be ended', async () => {
  const rig = new Rig()
  const tokens = await rig.tokens('pub', consent('one', rig.now + 1000))
  rig.store.before = ({ method, key }) => {
    if (method === 'put' && key.endsWith(':user')) throw new Error('down')
  }
  await expect(rig.context.grants.revokeGrant(tokens.grantId)).rejects.toThrow()
  rig.store.before = () => undefined
  expect(await rememberedKeys(rig)).toEqual(['one'])
  await rig.context.grants.revokeGrant(tokens.grantId)
  expect([await rememberedKeys(rig), (await rig.refresh(tokens.refresh_token)).status]).toEqual([[], 400])
})

test('50 remembered consents, the oldest goes', async () => {
  const rig = new Rig()
  for (let i = 0; i < 51; i++) await rig.approve('pub', consent(`k${i}`, rig.now + 1000))
  const keys = await rememberedKeys(rig)
  expect([keys.length, keys[0], keys.at(-1)]).toEqual([50, 'k1', 'k50'])
  expect(await rememberedKeys(rig, 'bob')).toEqual([])
})

test('ST6 a full user record, with the longest names and all that is remembered, fits a store’s value', async () => {
  const rig = new Rig()
  for (let i = 0; i < 100; i++)
    await rig.approve('pub', {
      clientName: '語'.repeat(200),
      consent: { key: 'k'.repeat(41) + (i % 50), host: 'h'.repeat(253), expires: rig.now + 1000 },
    })
  const values = rig.store.written.filter(({ key }) => key.endsWith(':user')).map(({ value }) => value)
  expect(JSON.parse(values.at(-1)!)).toMatchObject({ consents: { length: 50 }, grants: { length: 100 } })
  expect(new TextEncoder().encode(values.at(-1)!).length).toBeLessThan(60_000)
})

test('single access tokens are revoked, at most 32, then the whole grant', async () => {
  const rig = new Rig({ checkRevocation: 0 })
  const tokens = await rig.tokens()
  const next = await ok(await rig.refresh(tokens.refresh_token))
  const jti = (token: string): string =>
    (JSON.parse(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as { jti: string }).jti
  await rig.context.grants.revokeToken(tokens.grantId, jti(tokens.access_token), rig.now + 900)
  expect(await rig.call(tokens.access_token)).toBe(401)
  expect(await rig.call(next.access_token)).toBe(200)
  for (let i = 0; i < 31; i++) await rig.context.grants.revokeToken(tokens.grantId, `x.${i}`, rig.now + 900)
  expect(await rig.call(next.access_token)).toBe(200)
  await rig.context.grants.revokeToken(tokens.grantId, 'x.32', rig.now + 900)
  expect(await rig.call(next.access_token)).toBe(401)
  expect(await refusal(await rig.refresh(next.refresh_token))).toBe('400 invalid_grant')
})

test.each(['', 'alice\ud800', '\udc00', 1, null])(
  'ST6 not a subject, and not that of another user: %j',
  (subject) => {
    expect(() => checkIdentity({ subject } as Identity)).toThrow(ConfigurationError)
    expect(checkIdentity({ subject: 'alice😀' })?.subject).toBe('alice😀')
  },
)

test('props that cannot be kept are the application’s mistake', async () => {
  const rig = new Rig()
  await expect(rig.approve('pub', { props: 'x'.repeat(16_001) })).rejects.toThrow(ConfigurationError)
  await expect(rig.approve('pub', { props: () => undefined })).rejects.toThrow(ConfigurationError)
  // JSON would make `{}` or `null` of them.
  for (const [value, kind] of [
    [new Map([['team', 'a']]), 'Map'],
    [new Set([1]), 'Set'],
    [Promise.resolve(1), 'Promise'],
    [() => 1, 'Function'],
    [Symbol('x'), 'Symbol'],
    [1n, 'BigInt'],
    [/x/, 'RegExp'],
    [NaN, 'NaN'],
  ] as const)
    for (const props of [value, { team: value }, [value]])
      await expect(rig.approve('pub', { props })).rejects.toThrow(
        new RegExp(`^\`identity\\.props\` must be JSON; got (?:a )?${kind}$`),
      )
  await rig.approve('pub', { props: { at: new Date(0), left: undefined, no: null, list: [1.5, true] } })
})

test('the upstream token is given on demand only', async () => {
  const rig = new Rig()
  const upstream = {
    accessToken: 'up-access',
    expiresAt: rig.now + 60,
    scopes: ['repo'],
    refreshToken: 'up-refresh',
  }
  const tokens = await rig.tokens('pub', { upstream })
  await rig.call(tokens.access_token)
  const auth = rig.seen.at(-1)!
  expect(await auth.upstream()).toEqual({
    accessToken: 'up-access',
    expiresAt: rig.now + 60,
    scopes: ['repo'],
  })
  expect(JSON.stringify([tokens, auth, auth.claims])).not.toContain('up-')
  const without = await rig.tokens()
  await rig.call(without.access_token)
  await expect(rig.seen.at(-1)!.upstream()).rejects.toThrow(/no upstream/i)
})
