// CN12: our tokens may outlive the provider's access token, never its refresh token.
import { describe, expect, test } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { ok, refusal, Rig, signedOut, type Tokens } from '../support/as.ts'
import { ToolWorld } from './tool-world.ts'

type Options = Parameters<typeof ToolWorld.create>[0]

/** A client whose user signed in upstream; `left`: seconds until the upstream access token ends. */
async function clientWorld(left: number, options: Options = {}): Promise<ToolWorld> {
  const world = await ToolWorld.create(options)
  world.endsIn(left)
  world.rig.events.length = 0
  world.rig.store.calls.length = 0
  return world
}

const refresh = (world: ToolWorld): Promise<Response> => world.rig.refresh(world.tokensOfClient.refresh_token)

const grantCalls = ({ rig }: ToolWorld): string[] =>
  rig.store.calls.filter(({ key }) => key.endsWith(':grant')).map(({ method }) => method)

describe('CN12 at a refresh of the client', () => {
  test('an upstream token that lasts is not asked for: one read and one write, as without', async () => {
    const world = await clientWorld(3600)
    await ok(await refresh(world))
    expect([grantCalls(world), world.renewals()]).toEqual([['get', 'put'], 0])
  })

  test.each([60, 0, -86_400])(
    '%i s before its end it is renewed once, and the grant keeps it',
    async (left) => {
      const world = await clientWorld(left)
      await ok(await refresh(world))
      expect(world.renewals()).toBe(1)
      expect(await world.entry()).toMatchObject({ refreshToken: 'upstream-refresh-1' })
      expect(world.types()).toEqual(['upstream.renewed', 'token.refreshed'])
    },
  )

  test('many refreshes at once, on two servers: one call, one successor', async () => {
    const world = await clientWorld(0)
    const twin = world.rig.twin()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        world.rig.refresh(world.tokensOfClient.refresh_token, {}, i % 2 === 0 ? twin : undefined),
      ),
    )
    const tokens = await Promise.all(answers.map(ok))
    expect(new Set(tokens.map((each) => each.refresh_token)).size).toBe(1)
    expect(world.renewals()).toBe(1)
    await ok(await world.rig.refresh(tokens[0]!.refresh_token))
  })

  test('tokens without an expiry need no call, however old they are', async () => {
    const world = new ToolWorld()
    world.idp.tokenAnswer = ({ expires_in: _expires, ...answer }) => answer
    await world.connect()
    world.rig.now += 20 * 86_400
    await ok(await refresh(world))
    expect(world.renewals()).toBe(0)
  })

  test('invalid_grant: the grant is dead, and the next sign-in makes a new one', async () => {
    const world = await clientWorld(0)
    world.idp.revoked.push('upstream-refresh-0')
    const response = await refresh(world)
    const { error, error_description } = (await response.json()) as Record<string, string>
    expect([response.status, error]).toEqual([400, 'invalid_grant'])
    expect(error_description).toContain('sign in again')
    expect(error_description).not.toContain('upstream text')
    expect((await world.grant()).state).toBe('revoked')
    expect(world.warnings()).toEqual(['upstream.ended', 'token.refused'])
    expect(world.rig.events[0]).toMatchObject({
      level: 'warning',
      issuer: 'https://as.test',
      grantId: world.grantId,
      clientId: 'pub',
      subject: `${world.idp.issuer}|alice-1`,
    })
    expect(await refusal(await refresh(world))).toBe('400 invalid_grant')
    expect(world.renewals()).toBe(1)
    await world.connect()
    await ok(await refresh(world))
  })

  test('a guard that checks grants refuses the access token from then on (session binding)', async () => {
    const world = await clientWorld(0, { server: { checkRevocation: 0 } })
    const { access_token: token } = await world.refreshed()
    expect(await world.rig.call(token)).toBe(200)
    world.endsIn(0)
    world.idp.revoked.push('upstream-refresh-1')
    await refresh(world)
    expect(await world.rig.call(token)).toBe(401)
  })

  test('no refresh token: fine until the access token ends, then the grant is dead', async () => {
    const world = new ToolWorld()
    world.idp.tokenAnswer = ({ refresh_token: _refresh, ...answer }) => answer
    await world.connect()
    world.endsIn(1)
    await world.refreshed()
    world.rig.now += 1
    expect(await refusal(await refresh(world))).toBe('400 invalid_grant')
    expect((await world.grant()).state).toBe('revoked')
    expect([world.renewals(), world.warnings()]).toEqual([0, ['upstream.ended', 'token.refused']])
  })

  const outages: [string, () => Response, number][] = [
    ['500', () => new Response('<h1>sorry</h1>', { status: 500 }), 5],
    ['429 with Retry-After', () => busy(429, '7'), 7],
    ['503 with Retry-After', () => busy(503, '9'), 9],
    ['200 with HTML', () => new Response('<h1>login</h1>'), 5],
    ['401 invalid_client', () => Response.json({ error: 'invalid_client' }, { status: 401 }), 5],
    [
      'no connection',
      () => {
        throw new TypeError('fetch failed')
      },
      5,
    ],
  ]
  const busy = (status: number, seconds: string): Response =>
    new Response('', { status, headers: { 'retry-after': seconds } })

  test.each(outages)(
    '%s: 503 with Retry-After, nothing written, the refresh token stays good',
    async (_, answer, wait) => {
      const world = await clientWorld(0)
      const [before, entry] = [await world.grant(), await world.entry()]
      let isDown = true
      world.idp.on('/token', () => (isDown ? answer() : undefined))
      const response = await refresh(world)
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, `${wait}`])
      expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
      // The lease was given up: what is sealed is what it was.
      expect({ ...(await world.grant()), upstream: '' }).toEqual({ ...before, upstream: '' })
      expect(await world.entry()).toEqual(entry)
      // No hammering: the next ones are refused without a call.
      for (let i = 0; i < 3; i++) expect((await refresh(world)).status).toBe(503)
      expect(world.renewals()).toBe(1)
      expect(world.types().filter((type) => type.startsWith('upstream.re'))).toContain(
        'upstream.renewal-failed',
      )
      isDown = false
      world.rig.now += wait
      await world.refreshed()
      expect(await world.entry()).toMatchObject({ accessToken: 'upstream-access-1' })
    },
  )

  test.each(outages)('%s ahead of expiry: the client gets its tokens', async (_, answer) => {
    const world = await clientWorld(30)
    world.idp.on('/token', answer)
    await ok(await refresh(world))
    expect(await world.entry()).toMatchObject({ accessToken: 'upstream-access-0' })
  })

  test('a provider that is not configured any more: 400, and nothing is written', async () => {
    const world = await clientWorld(0)
    const before = await world.grant()
    const without = world.rig.twin({ signIn: signedOut })
    const token = world.tokensOfClient.refresh_token
    expect(await refusal(await world.rig.refresh(token, {}, without))).toBe('400 invalid_grant')
    expect(await world.grant()).toEqual(before)
    await ok(await refresh(world))
  })
})

describe('CN12 the provider is asked last', () => {
  const wrong: [string, Record<string, string>, string][] = [
    ['another client', { client_id: 'pub2' }, '400 invalid_grant'],
    ['a scope that was not granted', { scope: 'b:admin' }, '400 invalid_scope'],
    ['another resource', { resource: 'https://mcp.test/b/mcp' }, '400 invalid_target'],
  ]
  test.each(wrong)('%s: refused without a call', async (_, more, expected) => {
    const world = await clientWorld(0)
    expect(await refusal(await world.rig.refresh(world.tokensOfClient.refresh_token, more))).toBe(expected)
    expect(world.renewals()).toBe(0)
  })

  test('a replaced refresh token ends the grant without a renewal', async () => {
    const world = await ToolWorld.create()
    const stolen = world.tokensOfClient.refresh_token
    await world.refreshed()
    await world.refreshed()
    world.endsIn(0)
    expect(await refusal(await world.rig.refresh(stolen))).toBe('400 invalid_grant')
    expect(world.renewals()).toBe(0)
  })

  test('onTokens is asked once, and after the provider', async () => {
    const order: string[] = []
    const onTokens: AuthorizationServerOptions['onTokens'] = ({ grantType }) => void order.push(grantType)
    const world = await clientWorld(0, { server: { onTokens } })
    world.idp.on('/token', () => void order.push('provider'))
    order.length = 0
    await ok(await refresh(world))
    expect(order).toEqual(['provider', 'refresh_token'])
  })
})

describe('ST4 the store fails while a refresh renews', () => {
  const faults = (['before', 'after'] as const).flatMap((when) =>
    ['get', 'put'].flatMap((method) => [1, 2, 3, 4].map((nth) => [method, nth, when] as const)),
  )

  test.each(faults)(
    '%s %i, %s it is carried out: 200 or 503, and the session lives',
    async (method, nth, when) => {
      const world = await clientWorld(0)
      let count = 0
      world.rig.store[when] = (call) => {
        if (call.method === method && call.key.endsWith(':grant') && ++count === nth)
          throw new UnavailableError('connection reset')
      }
      const first = await refresh(world)
      expect([200, 503]).toContain(first.status)
      expect(count).toBeGreaterThanOrEqual(nth)
      world.rig.store[when] = () => undefined
      // The lease of a call that failed.
      if (first.status === 503) world.rig.now += 16
      const tokens = first.status === 200 ? ((await first.json()) as Tokens) : await ok(await refresh(world))
      await ok(await world.rig.refresh(tokens.refresh_token))
      expect(world.renewals()).toBe(1)
      expect(await world.entry()).toMatchObject({ refreshToken: 'upstream-refresh-1' })
    },
  )
})

test('without upstream tokens a refresh is one read and one write, whatever the sign-in can do', async () => {
  const { rig } = new ToolWorld()
  const plain = new Rig()
  for (const each of [rig, plain]) {
    const { refresh_token } = await each.tokens()
    each.store.calls.length = 0
    await ok(await each.refresh(refresh_token))
  }
  const methods = (each: Rig): string[] => each.store.calls.map(({ method }) => method)
  expect(methods(rig)).toEqual(['get', 'put'])
  expect(methods(plain)).toEqual(['get', 'put'])
})
