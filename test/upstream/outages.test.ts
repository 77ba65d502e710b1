// A provider that is down, platform code that never answers, answers that say nothing of use.
import { resolveRuntime } from '../../src/lib/runtime.ts'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { auth0 } from '../../src/provider/auth0.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { discord } from '../../src/provider/discord.ts'
import { github } from '../../src/provider/github.ts'
import { google } from '../../src/provider/google.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { workos } from '../../src/provider/workos.ts'
import { tokenExchange } from '../../src/upstream/exchange.ts'
import type { AuthInfo, Provider, SignInProfile } from '../../src/types.ts'
import { expectRedirect } from '../support/pages.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'
import { UpstreamWorld } from '../support/upstream.ts'

afterEach(() => {
  vi.useRealTimers()
})

const profile = (signIn: Partial<SignInProfile>): { provider: Partial<Provider> } => ({
  provider: { signIn: { name: 'Acme', protocol: 'oidc', ...signIn } },
})

/** What the promise comes to, while time passes for timers only. `started`: the wait has begun. */
async function after<T>(seconds: number, started: () => boolean, work: Promise<T>): Promise<T> {
  let settled = false
  const done = work.finally(() => (settled = true))
  done.catch(() => undefined)
  await vi.waitFor(() => expect(started()).toBe(true), { timeout: 10_000 })
  await vi.advanceTimersByTimeAsync((seconds - 1) * 1000)
  expect(settled).toBe(false)
  await vi.advanceTimersByTimeAsync(1000)
  return done
}

const never = new Promise<never>(() => undefined)

describe('platform code that never settles is waited for 10 s', () => {
  test('CN16 clientAssertion: the next call with the same token asks anew', async () => {
    const idp = new UpstreamImitation()
    const answer = { access_token: 'other', token_type: 'Bearer', expires_in: 100 }
    idp.on('/token', () => Response.json(answer))
    let calls = 0
    const { signIn } = idp.provider()
    const exchange = tokenExchange(
      { provider: 'acme', issuer: idp.issuer, clientId: idp.clientId, signIn: signIn! },
      {
        kind: 'rfc8693',
        clientAssertion: () => (++calls === 1 ? never : 'assertion'),
      },
    )
    const runtime = resolveRuntime({ fetch: idp.fetch, clock: () => 1_800_000_000 })
    const auth = { issuer: idp.issuer, token: 'subject' } as AuthInfo
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const first = exchange(auth, { resource: 'https://api.test' }, runtime)
    await expect(after(10, () => calls === 1, first)).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
    })
    vi.useRealTimers()
    await expect(exchange(auth, { resource: 'https://api.test' }, runtime)).resolves.toMatchObject({
      accessToken: 'other',
    })
  })

  test('admit: the client is told that the server is not available, and onError which part', async () => {
    let asked = false
    const world = new UpstreamWorld({ options: { admit: () => ((asked = true), never) } })
    const browser = world.browser()
    const back = await world.idp.visit(await world.toProvider(browser))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const shown = await after(10, () => asked, browser.get(back.href, { 'sec-fetch-site': 'cross-site' }))
    expectRedirect(shown, 'temporarily_unavailable')
    expect(world.errors.map(({ where }) => where)).toEqual(['upstream.admit'])
  })
})

describe('a provider that is down is asked once in 5 s', () => {
  const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

  test('for its metadata', async () => {
    const world = new UpstreamWorld()
    const asked = (): number => paths.flatMap((path) => world.idp.to(path)).length
    for (const path of paths) world.idp.on(path, () => new Response('', { status: 404 }))
    for (let i = 0; i < 10; i++)
      expectRedirect(await world.approve(world.browser()), 'temporarily_unavailable')
    expect(asked()).toBe(2)
    world.rig.now += 5
    await world.approve(world.browser())
    expect(asked()).toBe(4)
  })

  test('for its key set', async () => {
    const world = new UpstreamWorld()
    world.idp.on('/jwks', () => new Response('', { status: 500 }))
    for (let i = 0; i < 4; i++) expectRedirect(await world.signIn(), 'temporarily_unavailable')
    expect(world.idp.to('/jwks')).toHaveLength(1)
    world.rig.now += 5
    world.idp.on('/jwks', () => undefined)
    expect((await world.signIn()).location?.searchParams.get('error')).toBeNull()
  })
})

test.each([0, -5, '0', 'x', true, '1e999'])(
  'CN12 session binding: a token with `expires_in` %j is renewed after a minute, never kept for ever',
  async (expires_in) => {
    const world = new UpstreamWorld()
    world.idp.tokenAnswer = (answer) => ({ ...answer, expires_in })
    const tokens = await world.tokens(await world.signIn())
    await world.rig.call(tokens.access_token)
    const auth = world.rig.seen.at(-1)!
    world.rig.now += 61
    world.idp.tokenAnswer = (answer) => answer
    expect((await auth.upstream()).accessToken).toBe('upstream-access-1')
  },
)

test.each([undefined, null, ''])(
  'RFC 6749 §5.1: a token with `expires_in` %j has no known end',
  async (expires_in) => {
    const world = new UpstreamWorld()
    world.idp.tokenAnswer = (answer) => ({ ...answer, expires_in })
    const tokens = await world.tokens(await world.signIn())
    await world.rig.call(tokens.access_token)
    world.rig.now += 800
    expect(await world.rig.seen.at(-1)!.upstream()).toEqual({
      accessToken: 'upstream-access-0',
      scopes: expect.anything(),
    })
  },
)

describe('RFC 7009: a revocation may end the tokens of other grants of the user', () => {
  /** Two grants of one user, a visit to the account page, a user who is not let in. */
  async function visits(
    revocationEndsAll: boolean | undefined,
    kept: Promise<unknown>[] = [],
  ): Promise<UpstreamWorld> {
    let admitted = true
    const signIn = revocationEndsAll === undefined ? {} : { revocationEndsAll }
    const world = new UpstreamWorld({
      ...profile(signIn),
      options: { admit: () => admitted },
      server: { waitUntil: (promise) => void kept.push(promise) },
    })
    for (let i = 0; i < 2; i++) await world.tokens(await world.signIn())
    const browser = world.browser()
    const back = await world.idp.visit((await browser.get('/account')).location!)
    await browser.get(back.href)
    admitted = false
    expectRedirect(await world.signIn(), 'access_denied')
    return world
  }

  test.each([undefined, true])(
    'unless the preset says that it does not (%s), only the last grant is revoked there',
    async (revocationEndsAll) => {
      const kept: Promise<unknown>[] = []
      const world = await visits(revocationEndsAll, kept)
      const subject = `${world.idp.issuer}|alice-1`
      const [first, second] = await world.rig.as.grants.list(subject)
      await world.rig.as.grants.revoke(subject, first!.id)
      await Promise.all(kept)
      expect(world.idp.revoked).toEqual([])
      await world.rig.as.grants.revoke(subject, second!.id)
      await Promise.all(kept)
      // Either token ends both at such a provider.
      expect(world.idp.revoked).toHaveLength(revocationEndsAll ? 1 : 2)
      const [refresh] = world.idp.revoked
      expect(['upstream-refresh-0', 'upstream-refresh-1']).toContain(refresh)
    },
  )

  test('if it says so, what no grant keeps is revoked at once', async () => {
    const world = await visits(false)
    const tokens = [2, 3].flatMap((i) => [`upstream-refresh-${i}`, `upstream-access-${i}`])
    await expect.poll(() => world.idp.revoked.toSorted(), { timeout: 10_000 }).toEqual(tokens.toSorted())
  })
})

test('presets say what a revocation ends only if the provider documents it', () => {
  const app = { clientId: 'c', clientSecret: 's' }
  const pool = { region: 'eu-central-1', userPoolId: 'eu-central-1_a' }
  const said = [
    discord(app),
    google(app),
    github(app),
    cognito({ ...app, ...pool }),
    workos({ ...app, domain: 'a.authkit.app' }),
    // A setting of the tenant decides.
    auth0({ ...app, domain: 'a.auth0.com' }),
    oidc({ ...app, issuer: 'https://as.test' }),
    oidc({ ...app, issuer: 'https://as.test', revocationEndsAll: false }),
  ].map(({ provider, signIn }) => [provider, signIn?.revocationEndsAll])
  expect(said).toEqual([
    ['discord', true],
    ['google', true],
    ['github', false],
    ['cognito', false],
    ['workos', false],
    ['auth0', undefined],
    ['oidc', undefined],
    ['oidc', false],
  ])
})
