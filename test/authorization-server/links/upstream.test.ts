// Accounts linked through `upstream()` at imitations of GitHub and Google; users sign in with Google.
import { expect, test } from 'vitest'
import { linkedAccounts } from '../../../src/authorization-server/link/linked-accounts.ts'
import { isAccountNotLinkedError } from '../../../src/errors.ts'
import type { AuthInfo } from '../../../src/types.ts'
import { upstream } from '../../../src/upstream/index.ts'
import { ok, Rig } from '../../support/as.ts'
import { agree } from '../../support/links.ts'
import { Browser, codeOf, requestUrl, verifier, type Shown } from '../../support/pages.ts'
import { githubImitation } from '../../support/providers/github.ts'
import { googleImitation } from '../../support/providers/google.ts'
import { alice, mallory, now, type ProviderImitation } from '../../support/providers/imitation.ts'

const callback = 'https://as.test/authorize/callback'

class World {
  readonly google = googleImitation({ callback })
  readonly github = githubImitation({ callback, app: true })
  readonly rig: Rig
  readonly browser: Browser

  constructor() {
    const admit = (): boolean => true
    this.google.user = this.github.user = alice
    this.rig = new Rig({
      signIn: upstream(this.google.preset, { admit }),
      links: linkedAccounts({
        github: upstream(this.github.preset, { admit, scopes: ['repo'] }),
        google: upstream(this.google.preset, { admit }),
      }),
      fetch: (input, init) => {
        const request = new Request(input, init)
        const found = [this.google, this.github].find(({ origins }) =>
          origins.includes(new URL(request.url).origin),
        )
        return found === undefined ? Promise.reject(new Error(request.url)) : found.handle(request)
      },
    })
    this.rig.now = now
    this.browser = new Browser(this.rig)
  }

  /** The provider sends the browser back. */
  async throughProvider(gone: Shown, provider: ProviderImitation): Promise<Shown> {
    const answer = await provider.handle(new Request(gone.location!))
    const back = answer.headers.get('location')
    expect([answer.status, back?.split('?')[0]]).toEqual([302, `${callback}/${provider.preset.provider}`])
    return this.browser.get(back!, { 'sec-fetch-site': 'cross-site' })
  }

  /** Alice signs in with Google for an app; what a tool gets. */
  async signIn(): Promise<AuthInfo> {
    const page = await this.browser.get(await requestUrl())
    const gone = await this.browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    const code = codeOf(await this.throughProvider(gone, this.google))
    const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
    const tokens = await ok(await this.rig.redeem({ code, verifier, grantId: '' }, form))
    expect(await this.rig.call(tokens.access_token)).toBe(200)
    return this.rig.seen.at(-1)!
  }

  async link(auth: AuthInfo, name: 'github' | 'google' = 'github'): Promise<Shown> {
    return this.throughProvider(await agree(this.browser, await auth.link(name)), this[name])
  }
}

test('LK4 signed in with Google, GitHub is linked, and renewed once for all callers', async () => {
  const world = new World()
  const { rig, github } = world
  const auth = await world.signIn()
  await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  const shown = await world.link(auth)
  expect(shown.text).toContain('GitHub is connected')
  expect(shown.text).toContain('alice')
  const asked = github.requests.find(({ url }) => url.startsWith(github.urls.authorize))!.parameters
  expect([asked.get('scope'), asked.get('code_challenge_method')]).toEqual(['repo', 'S256'])
  const first = await auth.upstream('github')
  expect(first.accessToken).toMatch(/^ghu_/)
  expect((await auth.upstream()).accessToken).not.toBe(first.accessToken)
  // Eight hours later it is renewed, once for all callers.
  rig.now += 28_800
  const renewed = await Promise.all(Array.from({ length: 5 }, () => auth.upstream('github')))
  expect(new Set(renewed.map(({ accessToken }) => accessToken)).size).toBe(1)
  expect(renewed[0]!.accessToken).not.toBe(first.accessToken)
})

test('LK4 the user unlinks the account, and its token is revoked at GitHub', async () => {
  const world = new World()
  const { browser, github } = world
  const auth = await world.signIn()
  await world.link(auth)
  const account = await browser.get('/account')
  expect(account.text).toContain('Unlink GitHub account alice')
  await browser.submit(account, { fields: { action: 'unlink' } }, 'value="github"')
  await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  await expect
    .poll(() => github.requests.some(({ method }) => method === 'DELETE'), { timeout: 10_000 })
    .toBe(true)
})

test('LK4 the user removes the application at GitHub: the account is unlinked, and the sign-in lives', async () => {
  const world = new World()
  const auth = await world.signIn()
  await world.link(auth)
  world.github.removeApplication()
  world.rig.now += 28_800
  await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  expect(world.rig.events).toContainEqual(
    expect.objectContaining({ type: 'account.unlinked', detail: 'github: the provider has ended it' }),
  )
  expect(await world.rig.as.grants.list(auth.subject!)).toHaveLength(1)
})

test('LK4 GitHub is down: 503 with an expired token, nothing is lost', async () => {
  const world = new World()
  const auth = await world.signIn()
  await world.link(auth)
  world.rig.now += 28_800
  world.github.failNext(500, world.github.urls.token)
  await expect(auth.upstream('github')).rejects.toMatchObject({ status: 503 })
  world.rig.now += 60
  expect((await auth.upstream('github')).accessToken).toMatch(/^ghu_/)
})

test('LK4 another account of the provider that users sign in with: each name has its own', async () => {
  const world = new World()
  const auth = await world.signIn()
  const own = await auth.upstream()
  await expect(auth.upstream('google')).rejects.toSatisfy(isAccountNotLinkedError)
  world.google.user = mallory
  expect((await world.link(auth, 'google')).text).toContain('Google is connected')
  const linked = await auth.upstream('google')
  expect(linked.accessToken).not.toBe(own.accessToken)
  expect((await auth.upstream()).accessToken).toBe(own.accessToken)
})

test('LK1 the user declines at the provider: a page, without its text, and nothing is linked', async () => {
  const world = new World()
  const auth = await world.signIn()
  const gone = await agree(world.browser, await auth.link('github'))
  const state = gone.location!.searchParams.get('state')!
  const query = new URLSearchParams({
    error: 'access_denied',
    error_description: 'The user said no',
    iss: 'https://github.com/login/oauth',
    state,
  })
  const shown = await world.browser.get(`${callback}/github?${query}`, { 'sec-fetch-site': 'cross-site' })
  expect([shown.status, shown.location]).toEqual([400, undefined])
  expect(shown.text).toContain('Access was not granted')
  expect(shown.text).not.toContain('said no')
  await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
})
