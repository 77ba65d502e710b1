import { expect, test } from 'vitest'
import { randomToken } from '../../src/lib/random.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { checkedIdentity } from '../../src/authorization-server/identity.ts'
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

test('revoking everything buries a grant that is listed and not yet written', async () => {
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

test('above 100 grants the one that was unused for longest goes, with an event', async () => {
  const rig = new Rig()
  const all = []
  for (let i = 0; i < 100; i++) {
    rig.now += 1
    all.push(await rig.tokens())
  }
  // The oldest is used again, so the second oldest is unused for longest.
  const used = await ok(await rig.refresh(all[0]!.refresh_token))
  await rig.tokens()
  expect(rig.events.filter(({ type }) => type === 'grant.evicted')).toMatchObject([
    { grantId: all[1]!.grantId },
  ])
  expect(await refusal(await rig.refresh(all[1]!.refresh_token))).toBe('400 invalid_grant')
  await ok(await rig.refresh(used.refresh_token))
  expect(await rig.as.grants.list('alice')).toHaveLength(100)
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

test('revoking one grant leaves the others, and takes the consents of its client along', async () => {
  const rig = new Rig()
  const one = await rig.tokens()
  const two = await rig.tokens('pub2')
  const expires = rig.now + 1000
  await rig.context.grants.rememberConsent('alice', { key: 'one', clientId: 'pub', expires })
  await rig.context.grants.rememberConsent('alice', { key: 'two', clientId: 'pub2', expires })
  await rig.as.grants.revoke('alice', one.grantId)
  expect(await rig.context.grants.isRemembered('alice', 'one')).toBe(false)
  expect(await rig.context.grants.isRemembered('alice', 'two')).toBe(true)
  expect((await rig.as.grants.list('alice')).map(({ id }) => id)).toEqual([two.grantId])
  rig.now += 1001
  expect(await rig.context.grants.isRemembered('alice', 'two')).toBe(false)
})

test('50 remembered consents, the oldest goes', async () => {
  const rig = new Rig()
  for (let i = 0; i < 51; i++)
    await rig.context.grants.rememberConsent('alice', {
      key: `k${i}`,
      clientId: 'pub',
      expires: rig.now + 1000,
    })
  expect(await rig.context.grants.isRemembered('alice', 'k0')).toBe(false)
  expect(await rig.context.grants.isRemembered('alice', 'k1')).toBe(true)
  expect(await rig.context.grants.isRemembered('alice', 'k50')).toBe(true)
  expect(await rig.context.grants.isRemembered('bob', 'k50')).toBe(false)
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

test.each(['', 'alice\ud800', '\udc00', 1, null])('ST6 no subject, and nobody else’s: %j', (subject) => {
  expect(() => checkedIdentity({ subject } as Identity)).toThrow(ConfigurationError)
  expect(checkedIdentity({ subject: 'alice😀' })?.subject).toBe('alice😀')
})

test('props that cannot be kept are the application’s mistake', async () => {
  const rig = new Rig()
  await expect(rig.approve('pub', { props: 'x'.repeat(16_001) })).rejects.toThrow(ConfigurationError)
  await expect(rig.approve('pub', { props: () => undefined })).rejects.toThrow(ConfigurationError)
})

test('the upstream token is there on demand, and nowhere else', async () => {
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
