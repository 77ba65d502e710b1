// `auth.upstream()` in a tool: a fresh access token of the provider, out of the grant.
import { describe, expect, test } from 'vitest'
import { createContext } from '../../src/authorization-server/create-context.ts'
import { upstreamToken } from '../../src/authorization-server/grant/upstream-vault.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { UpstreamToken } from '../../src/types.ts'
import { upstream } from '../../src/upstream/index.ts'
import { refusal, Rig, secret, signedOut } from '../support/as.ts'
import { authAt, outcome, ToolWorld } from './tool-world.ts'

/** The provider's tokens last five minutes, so that a tool with a token of fifteen meets their end. */
async function toolWorld(options: Parameters<typeof ToolWorld.create>[0] = {}): Promise<ToolWorld> {
  const world = new ToolWorld(options)
  world.idp.lifetime = 300
  await world.connect()
  world.rig.events.length = 0
  return world
}

describe('a token for a tool', () => {
  test('a fresh one costs one read and no call; the refresh token stays inside', async () => {
    const world = await toolWorld()
    const auth = await world.auth()
    world.rig.store.calls.length = 0
    expect(await auth.upstream()).toEqual({
      accessToken: 'upstream-access-0',
      expiresAt: world.rig.now + 300,
      scopes: ['openid', 'profile', 'email', 'offline_access'],
    })
    expect(world.rig.store.calls.map(({ method }) => method)).toEqual(['get'])
    expect(world.renewals()).toBe(0)
  })

  test('by the name of its provider; another name is none', async () => {
    const world = await toolWorld()
    const auth = await world.auth()
    expect(await outcome(auth.upstream('acme'))).toBe('upstream-access-0')
    expect(await outcome(auth.upstream('github'))).toBe('There is no upstream token for this user')
  })

  test('near its end it is renewed, and the grant holds the rotated tokens and all else as before', async () => {
    const world = await toolWorld()
    const { upstream: before, ...others } = await world.grant()
    world.endsIn(30)
    expect(await world.upstream()).toBe('upstream-access-1')
    const { upstream: after, ...left } = await world.grant()
    expect(left).toEqual(others)
    expect(after).not.toBe(before)
    expect(await world.entry()).toMatchObject({
      accessToken: 'upstream-access-1',
      refreshToken: 'upstream-refresh-1',
      issuer: world.idp.issuer,
    })
    expect(world.types()).toEqual(['upstream.renewed'])
    expect(world.rig.events[0]).toMatchObject({ grantId: world.grantId, clientId: 'pub', level: 'info' })
  })

  test('50 parallel calls on two servers with one store, at expiry: the provider is asked once', async () => {
    const world = await toolWorld()
    world.endsIn(0)
    const tools = await Promise.all([world.auth(), world.auth(world.rig.twin())])
    const tokens = Array.from({ length: 50 }, (_, i) => outcome(tools[i % 2]!.upstream()))
    expect(new Set(await Promise.all(tokens))).toEqual(new Set(['upstream-access-1']))
    expect(world.renewals()).toBe(1)
  })

  test('renewal and refreshes of the client at the same time: neither loses what the other wrote', async () => {
    const world = await toolWorld()
    world.endsIn(30)
    const auth = await world.auth()
    const refreshes = Array.from({ length: 5 }, () => world.rig.refresh(world.tokensOfClient.refresh_token))
    const [token, ...answers] = await Promise.all([outcome(auth.upstream()), ...refreshes])
    expect(token).toMatch(/^upstream-access-[01]$/)
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(world.renewals()).toBe(1)
    expect(await world.entry()).toMatchObject({ accessToken: 'upstream-access-1' })
    world.tokensOfClient = (await answers[0]!.json()) as typeof world.tokensOfClient
    expect(await world.upstream()).toBe('upstream-access-1')
    expect((await world.rig.refresh(world.tokensOfClient.refresh_token)).status).toBe(200)
  })

  test('ST1 CN11 no form of an upstream token lies in the store, in events or in answers', async () => {
    const world = await toolWorld()
    world.endsIn(30)
    await world.upstream()
    const tokens = await world.refreshed()
    const written = world.rig.store.written.map(({ value }) => value).join('\n')
    const told = JSON.stringify([world.rig.events, tokens, atob(tokens.access_token.split('.')[1]!)])
    for (const text of ['upstream-access-', 'upstream-refresh-', btoa('upstream-access').slice(0, -2)])
      expect(written + told).not.toContain(text)
  })

  test('without upstream tokens there is none; tokens that name no provider are lent as they are', async () => {
    const rig = new Rig()
    const clock = () => rig.now
    const bare = await authAt(rig.as, (await rig.tokens()).access_token, clock)
    expect(await outcome(bare.upstream())).toBe('There is no upstream token for this user')
    const upstream = { accessToken: 'own', refreshToken: 'hidden', expiresAt: rig.now - 5 }
    const own = await authAt(rig.as, (await rig.tokens('pub', { upstream })).access_token, clock)
    expect(await own.upstream()).toEqual({ accessToken: 'own', expiresAt: rig.now - 5 })
  })

  test('a provider that is not configured any more: its token serves until its end, nothing is revoked', async () => {
    const world = await toolWorld()
    const without = world.rig.twin({ signIn: signedOut })
    expect(await world.upstream(without)).toBe('upstream-access-0')
    world.endsIn(0)
    const before = await world.grant()
    expect(await world.upstream(without)).toBe('invalid_grant')
    expect(await world.grant()).toEqual(before)
    expect(await world.upstream()).toBe('upstream-access-1')
  })

  test('revokeAll while it is renewed: no token, and what came is revoked', async () => {
    const world = await toolWorld()
    world.endsIn(0)
    const auth = await world.auth()
    world.idp.on('/token', async () => {
      world.idp.on('/token', () => undefined)
      await world.rig.as.revokeAll()
      return undefined
    })
    expect(await outcome(auth.upstream())).toBe('invalid_grant')
    await expect.poll(() => world.idp.revoked, { timeout: 10_000 }).toContain('upstream-access-1')
  })

  test('after revokeAll there is none', async () => {
    const world = await toolWorld()
    const auth = await world.auth()
    await world.rig.as.revokeAll()
    expect(await outcome(auth.upstream())).toBe('invalid_grant')
  })
})

describe('the provider has ended it', () => {
  test('invalid_grant ends the grant: tools and the client have to sign in again', async () => {
    const world = await toolWorld()
    world.endsIn(30)
    world.idp.revoked.push('upstream-refresh-0')
    const auth = await world.auth()
    expect(await outcome(auth.upstream())).toBe('invalid_grant')
    expect((await world.grant()).state).toBe('revoked')
    expect((await world.grant()).upstream).toBeUndefined()
    for (let i = 0; i < 3; i++) expect(await outcome(auth.upstream())).toBe('invalid_grant')
    expect(world.renewals()).toBe(1)
    expect(world.warnings()).toEqual(['upstream.ended'])
    expect(await refusal(await world.rig.refresh(world.tokensOfClient.refresh_token))).toBe(
      '400 invalid_grant',
    )
    // The provider has ended it: it is not asked to revoke anything.
    expect(world.idp.to('/revoke')).toEqual([])
  })

  test('without a refresh token the access token serves until its end, then the grant ends', async () => {
    const world = new ToolWorld()
    world.idp.lifetime = 300
    world.idp.tokenAnswer = ({ refresh_token: _refresh, ...answer }) => answer
    await world.connect()
    world.endsIn(1)
    expect(await world.upstream()).toBe('upstream-access-0')
    world.endsIn(world.idp.lifetime - 1)
    expect(await world.upstream()).toBe('invalid_grant')
    expect((await world.grant()).state).toBe('revoked')
    expect(world.warnings()).toEqual(['upstream.ended'])
    expect(world.renewals()).toBe(0)
  })

  test('an outage loses nothing: 503 with what the provider says, and then the new token', async () => {
    const world = await toolWorld()
    world.endsIn(0)
    const before = await world.entry()
    let isDown = true
    world.idp.on('/token', () =>
      isDown ? new Response('busy', { status: 429, headers: { 'retry-after': '20' } }) : undefined,
    )
    expect(await world.upstream()).toBe('temporarily_unavailable 20')
    expect(await world.entry()).toEqual(before)
    expect(world.warnings()).toEqual(['upstream.renewal-failed'])
    isDown = false
    world.rig.now += 20
    expect(await world.upstream()).toBe('upstream-access-1')
  })
})

describe('ST2 what is sealed for one grant', () => {
  const key = (world: ToolWorld, id: string): string =>
    world.rig.store.written.find((each) => each.key.endsWith(`${id}:grant`))!.key

  /** Changes the stored record, as one who can write to the store. */
  async function tamper(world: ToolWorld, id: string, change: (sealed: string) => string): Promise<void> {
    const found = (await world.rig.store.get(key(world, id)))!
    const record = JSON.parse(found.value) as { upstream: string }
    const value = JSON.stringify({ ...record, upstream: change(record.upstream) })
    const expiresAt = found.expiresAt!
    await world.rig.store.put(key(world, id), value, { ifVersion: found.version, expiresAt })
  }

  const flipped = (sealed: string): string =>
    sealed.slice(0, 40) + (sealed[40] === 'A' ? 'B' : 'A') + sealed.slice(41)

  test.each([
    ['a flipped byte', flipped],
    ['nothing', () => ''],
    ['what is no sealed value', () => '{"accessToken":"attacker"}'],
  ])('%s opens nothing: the user signs in again, with an alert', async (_, change) => {
    const world = await toolWorld()
    await tamper(world, world.grantId, change)
    expect(await world.upstream()).toBe('invalid_grant')
    expect(world.rig.events).toMatchObject([
      { type: 'record.damaged', level: 'alert', detail: 'upstream', grantId: world.grantId },
    ])
    expect(await refusal(await world.rig.refresh(world.tokensOfClient.refresh_token))).toBe(
      '400 invalid_grant',
    )
    expect(world.renewals()).toBe(0)
  })

  test('the tokens of another user’s grant do not open in this one', async () => {
    const world = await toolWorld()
    const ours = world.grantId
    const { upstream: foreign } = await world.grant()
    world.idp.login({ sub: 'mallory', name: 'Mallory' })
    await world.connect()
    expect(world.grantId).not.toBe(ours)
    await tamper(world, world.grantId, () => foreign!)
    expect(await world.upstream()).toBe('invalid_grant')
  })

  test('after the old deployment secret is gone they do not open', async () => {
    const world = await toolWorld()
    const rotated = 'another deployment secret of more than forty bytes'
    const at = async (secrets: string | string[]): Promise<string> => {
      const { context } = createContext({ ...world.rig.options, secret: secrets })
      return outcome(upstreamToken(context, world.grantId, await world.grant()) as Promise<UpstreamToken>)
    }
    expect(await at([rotated, secret])).toBe('upstream-access-0')
    expect(await at(rotated)).toBe('invalid_grant')
  })
})

test('tokens that just fit at the sign-in still fit with a lease', async () => {
  const store = memoryStore()
  const world = new ToolWorld({ server: { store } })
  world.idp.lifetime = 300
  // What else lies there takes 190 bytes, and a lease 70 more.
  world.idp.tokenAnswer = (answer) => ({ ...answer, access_token: 'a'.repeat(15_780) })
  await world.connect()
  const size = JSON.stringify(await world.entry()).length
  expect([size <= 16_000, size > 15_940]).toEqual([true, true])
  world.endsIn(0)
  expect(await world.upstream()).toHaveLength(15_780)
  expect(world.renewals()).toBe(1)
})

test('a sign-in that keeps no tokens has none for tools, and refreshes ask nothing', async () => {
  const world = new ToolWorld({ options: { keepTokens: false } })
  await world.connect()
  expect(await world.upstream()).toBe('There is no upstream token for this user')
  world.rig.now += 7200
  await world.refreshed()
  expect(world.renewals()).toBe(0)
  expect(upstream(world.idp.provider(), { admit: () => true, keepTokens: false }).upstreams).toBeUndefined()
})
