// auth.exchange() with the embedded server: the subject token is the upstream token of the user's grant.
import { expect, test } from 'vitest'
import type { SignInProfile } from '../../src/types.ts'
import { outcome, ToolWorld } from './tool-world.ts'

const calendar = { resource: 'https://calendar.test', scope: 'events.read' }
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const signIn: SignInProfile = {
  name: 'Acme',
  protocol: 'oidc',
  offlineScope: 'offline_access',
  exchange: 'rfc8693',
}

async function exchangeWorld(profile: SignInProfile = signIn): Promise<ToolWorld> {
  const world = new ToolWorld({ provider: { signIn: profile } })
  world.idp.lifetime = 300
  world.idp.on('/token', (_, { form }) =>
    form.get('grant_type') === grantType
      ? Response.json({
          access_token: `for-${form.get('subject_token')}`,
          token_type: 'Bearer',
          expires_in: 600,
        })
      : undefined,
  )
  await world.connect()
  world.rig.events.length = 0
  return world
}

const exchanges = (world: ToolWorld): (string | null)[] =>
  world.idp
    .to('/token')
    .filter(({ form }) => form.get('grant_type') === grantType)
    .map(({ form }) => form.get('subject_token'))

test('CN16 the upstream token is exchanged, once for parallel callers; the client’s token goes nowhere', async () => {
  const world = await exchangeWorld()
  const auth = await world.auth()
  const tokens = await Promise.all([1, 2, 3].map(() => auth.exchange(calendar)))
  expect(tokens[0]).toEqual({ accessToken: 'for-upstream-access-0', expiresAt: world.rig.now + 600 })
  expect(exchanges(world)).toEqual(['upstream-access-0'])
  expect(world.idp.requests.map(({ form }) => form.toString()).join()).not.toContain(auth.token)
})

test('CN16 near its end the upstream token is renewed first', async () => {
  const world = await exchangeWorld()
  world.endsIn(30)
  expect(await outcome((await world.auth()).exchange(calendar))).toBe('for-upstream-access-1')
  expect(world.renewals()).toBe(1)
})

test('CN16 another user, and another grant of this user, has a token of its own', async () => {
  const world = await exchangeWorld()
  const alice = await world.auth()
  world.idp.login({ sub: 'bob-1', name: 'Bob' })
  await world.connect()
  const bob = await world.auth()
  expect(bob.subject).not.toBe(alice.subject)
  for (const auth of [alice, bob, alice]) await auth.exchange(calendar)
  expect(exchanges(world)).toEqual(['upstream-access-0', 'upstream-access-1'])
})

test('CN16 a revoked grant exchanges nothing, not even what is in memory', async () => {
  const world = await exchangeWorld()
  const auth = await world.auth()
  await auth.exchange(calendar)
  await world.rig.as.grants.revoke(auth.subject!)
  expect(await outcome(auth.exchange(calendar))).toBe('invalid_grant')
  expect(exchanges(world)).toHaveLength(1)
})

test('CN16 an outage loses nothing; what only the user can help is told to the tool', async () => {
  const world = await exchangeWorld()
  const answers = [
    () => new Response('', { status: 503, headers: { 'retry-after': '7' } }),
    () => Response.json({ error: 'consent_required' }, { status: 400 }),
  ]
  world.idp.on('/token', () => answers.shift()?.())
  const auth = await world.auth()
  expect(await outcome(auth.exchange(calendar))).toBe('temporarily_unavailable 7')
  expect(await outcome(auth.exchange(calendar))).toBe('consent_required')
  // The grant stands.
  expect(await world.upstream()).toBe('upstream-access-0')
  expect(world.warnings()).toEqual([])
})

test('CN16 a provider that offers none has none', async () => {
  const { exchange: _, ...without } = signIn
  const world = await exchangeWorld(without)
  expect(await outcome((await world.auth()).exchange(calendar))).toBe(
    'There is no token exchange for this user',
  )
})
