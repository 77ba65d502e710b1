// Linking an account later: the URL, the page, the provider, the vault, the account page.
import { describe, expect, test } from 'vitest'
import { linkedAccounts } from '../../../src/authorization-server/link/linked-accounts.ts'
import type { Context } from '../../../src/authorization-server/context.ts'
import type { LinkProvider } from '../../../src/authorization-server/link/provider.ts'
import type { LinkRecord } from '../../../src/authorization-server/link/record.ts'
import { linkVault } from '../../../src/authorization-server/link/vault.ts'
import { ConfigurationError, isAccountNotLinkedError, OAuthError } from '../../../src/errors.ts'
import { Rig } from '../../support/as.ts'
import { agree, comeBack, FakeProvider, linkAccount, LinksRig, pathOf } from '../../support/links.ts'
import {
  browserOf,
  cookieLogin,
  expectLocal,
  expectPageHeaders,
  FakeUpstream,
  forms,
  type Shown,
} from '../../support/pages.ts'

const eventsOf = (rig: Rig, type: string): unknown[] =>
  rig.events
    .filter((each) => each.type === type)
    .map((each) => Object.fromEntries(Object.entries(each).filter(([name]) => !/^(at|type)$/.test(name))))

describe('LK2 auth.link', () => {
  test('is a URL below the issuer that names no user and ends after 600 s', async () => {
    const rig = new LinksRig()
    const url = await (await rig.authOf()).link('github')
    expect([url.origin, url.pathname]).toEqual(['https://as.test', '/link/github'])
    expect([...url.searchParams.keys()]).toEqual(['ticket'])
    expect(url.href).not.toContain('alice')
    rig.now += 599
    expect((await browserOf(rig, 'alice').get(pathOf(url))).status).toBe(200)
    rig.now += 1
    expectLocal(await browserOf(rig, 'alice').get(pathOf(url)))
  })

  test('paths.link says where', async () => {
    const rig = new LinksRig({ issuer: 'https://as.test/oauth', paths: { link: '/connect' } })
    expect((await (await rig.authOf()).link('google')).href).toMatch(/^https:\/\/as\.test\/connect\/google\?/)
    const other = new LinksRig({ issuer: 'https://as.test/oauth' })
    expect((await (await other.authOf()).link('google')).pathname).toBe('/oauth/link/google')
  })

  test('of a provider that is not configured rejects and says which there are', async () => {
    const auth = await new LinksRig().authOf()
    const error = await auth.link('gitlab').catch((error: unknown) => error)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain('must be called with one of github, google; got "gitlab"')
  })

  test('without linked accounts rejects', async () => {
    const rig = new Rig()
    await rig.call((await rig.tokens()).access_token)
    await expect(rig.seen[0]!.link('github')).rejects.toThrow('There is no account to link')
    expect(await rig.get('https://as.test/link/github')).toBeUndefined()
  })

  test('its path is part of no other, and of no metadata', async () => {
    expect(() => new LinksRig({ paths: { account: '/link/github' } })).toThrow('"/link/github" twice')
    const rig = new LinksRig()
    const response = await rig.get('https://as.test/.well-known/oauth-authorization-server')
    expect(await response!.text()).not.toContain('/link')
  })
})

describe('LK1 the page', () => {
  test('says which user, which provider, which app and what for, and writes nothing', async () => {
    const rig = new LinksRig({}, { uses: ['Create issues in <your> repositories'] })
    const auth = await rig.authOf()
    const before = rig.store.written.length
    const page = await browserOf(rig, 'alice').get(pathOf(await auth.link('github')))
    expect(page.status).toBe(200)
    expectPageHeaders(page)
    expect(page.text).toContain('Connect your <bdi>GitHub</bdi> account?')
    expect(page.text).toContain('alice@example.com')
    expect(page.text).toContain('<bdi>Client</bdi> asks for it')
    expect(page.text).toContain('<span>Create issues in &lt;your&gt; repositories</span>')
    expect(rig.store.written.length).toBe(before)
    expect(rig.github.started).toEqual([])
  })

  test('agreeing leads to the provider with a state of its own and the one redirect URI', async () => {
    const rig = new LinksRig()
    const gone = await agree(browserOf(rig, 'alice'), await (await rig.authOf()).link('github'))
    expect(gone.status).toBe(303)
    expect(gone.location!.origin).toBe('https://github.test')
    expect(gone.location!.searchParams.get('redirect_uri')).toBe('https://as.test/authorize/callback')
    expect(rig.linksWritten).toEqual([])
  })

  test('not agreeing writes nothing and goes nowhere', async () => {
    const rig = new LinksRig()
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(pathOf(await (await rig.authOf()).link('github')))
    const before = rig.store.written.length
    const shown = await browser.submit(page, { decision: 'deny' })
    expectLocal(shown, 200)
    expect(shown.text).toContain('Nothing was connected')
    expect(rig.store.written.length).toBe(before)
    expect(rig.github.started).toEqual([])
    // The form is gone, too.
    expectLocal(await browser.submit(page, { decision: 'approve' }), 403)
    expect(eventsOf(rig, 'account.link-refused')).toEqual([
      expect.objectContaining({ level: 'info', subject: 'alice', detail: 'github: the user did not agree' }),
    ])
  })

  test('a user who is not signed in signs in first and comes back: own login', async () => {
    const rig = new LinksRig()
    const url = await (await rig.authOf()).link('github')
    const shown = await browserOf(rig).get(pathOf(url))
    expect(shown.location!.pathname).toBe('/login')
    expect(shown.location!.searchParams.get('return_to')).toBe(pathOf(url))
  })

  test('a user who is not signed in signs in first and comes back: upstream', async () => {
    const rig = new LinksRig({ signIn: new FakeUpstream() })
    const auth = await rig.authOf('up|alice')
    const url = await auth.link('github')
    const browser = browserOf(rig)
    const away = await browser.get(pathOf(url))
    expect(away.location!.origin).toBe('https://up.test')
    const back = await comeBack(browser, away)
    expect([back.status, back.location?.href]).toEqual([303, url.href])
    const gone = await agree(browser, back.location!)
    expect((await comeBack(browser, gone)).text).toContain('GitHub is connected')
    expect((await auth.upstream('github')).accessToken).toBe('github access token of octocat')
  })
})

describe('LK3 coming back', () => {
  test('the account is linked, the page says so and leads nowhere, and tools have its token', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    const browser = browserOf(rig, 'alice')
    const shown = await comeBack(browser, await agree(browser, await auth.link('github')))
    expectLocal(shown, 200)
    expect(shown.text).toContain('GitHub is connected')
    expect(shown.text).toContain('octocat')
    expect(shown.text).not.toMatch(/href="https?:/)
    expect(await auth.upstream('github')).toEqual({ accessToken: 'github access token of octocat' })
    // Another app of the same user has it as well; another user has not.
    expect((await (await rig.authOf()).upstream('github')).accessToken).toContain('octocat')
    await expect((await rig.authOf('bob')).upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    expect(eventsOf(rig, 'account.linked')).toEqual([
      expect.objectContaining({ level: 'info', subject: 'alice', detail: 'github' }),
    ])
  })

  test('signs no user in', async () => {
    const rig = new LinksRig({ signIn: new FakeUpstream() })
    const browser = browserOf(rig)
    await comeBack(browser, await browser.get('/account'))
    const session = browser.cookies.get('__Host-tollgate-session')
    const auth = await rig.authOf('up|alice')
    expect((await comeBack(browser, await agree(browser, await auth.link('github')))).status).toBe(200)
    expect(browser.cookies.get('__Host-tollgate-session')).toBe(session)
    expect([...browser.cookies.keys()].filter((name) => name.includes('-link-'))).toEqual([])
  })

  test('a refusal of the provider or of admit is a page, and links nothing', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    rig.github.failure = new OAuthError('access_denied', 'You may not')
    const shown = await comeBack(browser, await agree(browser, await auth.link('github')))
    expectLocal(shown)
    expect(shown.text).toContain('Access was not granted')
    expect(rig.linksWritten).toEqual([])
    expect(eventsOf(rig, 'account.link-refused')).toEqual([
      expect.objectContaining({ level: 'warning', subject: 'alice', error: 'access_denied' }),
    ])
  })

  test('an outage of the provider is 503, and the browser may come back again', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    const gone = await agree(browser, await auth.link('github'))
    rig.github.failure = new OAuthError('temporarily_unavailable', 'Down', { status: 503, retryAfter: 5 })
    const shown = await comeBack(browser, gone)
    expect([shown.status, shown.headers.get('retry-after')]).toEqual([503, '5'])
    rig.github.failure = undefined
    expect((await comeBack(browser, gone)).status).toBe(200)
  })

  test('an account that is linked is replaced: the page says so, and another account’s tokens end', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    rig.github.account = rig.github.accountOf('hubot')
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(pathOf(await auth.link('github')))
    expect(page.text).toContain('octocat')
    expect(page.text).toContain('replaces it')
    await comeBack(browser, await browser.submit(page, { decision: 'approve' }))
    expect((await auth.upstream('github')).accessToken).toBe('github access token of hubot')
    expect(rig.github.upstreams[0].revoked.map(({ accessToken }) => accessToken)).toEqual([
      'github access token of octocat',
    ])
    // The same account again: its tokens may be the ones that were just issued.
    await linkAccount(rig)
    expect(rig.github.upstreams[0].revoked).toHaveLength(1)
  })

  test('one account of the provider serves two users, each with tokens of its own', async () => {
    const rig = new LinksRig()
    const alice = await linkAccount(rig, 'alice')
    const bob = await linkAccount(rig, 'bob')
    await browserOf(rig, 'alice').get('/account')
    await rig.as.grants.revoke('alice')
    expect((await bob.upstream('github')).accessToken).toContain('octocat')
    await expect(alice.upstream('github')).rejects.toMatchObject({ code: 'invalid_grant' })
    const later = await rig.authOf('alice')
    await expect(later.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  })
})

describe('LK4 auth.upstream', () => {
  const signingIn = (): { rig: LinksRig; signIn: FakeProvider } => {
    const signIn = new FakeProvider('github', 'GitHub')
    return { rig: new LinksRig({ signIn }), signIn }
  }

  test('never a token of the sign-in in place of the linked account, also of the same provider', async () => {
    const { rig, signIn } = signingIn()
    const upstream = signIn.accountOf('signed-in').upstream!
    const { access_token } = await rig.tokens('pub', { upstream })
    const auth = await rig.authWith(access_token)
    expect((await auth.upstream()).accessToken).toBe('github access token of signed-in')
    await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    await expect(auth.upstream('google')).rejects.toSatisfy(isAccountNotLinkedError)
  })

  test('a user who signed in otherwise, although that provider is a way to sign in, has no account there', async () => {
    const { rig } = signingIn()
    await expect((await rig.authOf()).upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    await expect((await rig.authOf()).upstream()).rejects.toThrow('There is no upstream token')
    await expect((await rig.authOf()).upstream('slack')).rejects.toThrow('There is no upstream token')
  })

  test('the error names the provider, for auth.link', async () => {
    const error = await (await new LinksRig().authOf()).upstream('google').catch((error: unknown) => error)
    expect(
      isAccountNotLinkedError(error) && [error.code, error.provider, error.status, error.message],
    ).toEqual(['account_not_linked', 'google', 403, 'The user has not linked a Google account'])
    expect(isAccountNotLinkedError(new OAuthError('access_denied', 'no'))).toBe(false)
  })

  test('the record lives refreshAbsolute after it was last renewed or used', async () => {
    const rig = new LinksRig({
      lifetimes: { refreshAbsolute: 10_000, refreshIdle: 10_000 },
      checkRevocation: false,
    })
    const auth = await linkAccount(rig)
    const expiry = (): number | undefined =>
      rig.store.written.findLast(({ key }) => key.endsWith(':link-github'))!.expiresAt
    const linked = rig.now
    expect(expiry()).toBe(linked + 10_000)
    rig.now = linked + 4000
    await auth.upstream('github')
    expect(rig.linksWritten).toHaveLength(1)
    rig.now = linked + 6000
    await auth.upstream('github')
    expect(expiry()).toBe(linked + 16_000)
    rig.now = linked + 16_000
    await expect((await rig.authOf()).upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  })

  test('the vault writes renewed tokens; what the provider has ended is unlinked, and stays so', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    await auth.upstream('github')
    const vault = rig.github.upstreams[0].vaults.at(-1)!
    const write = { accessToken: 'renewed', refreshToken: 'rotated' }
    await vault.update(() => ({ write, result: undefined }))
    expect((await auth.upstream('github')).accessToken).toBe('renewed')
    expect(vault.about).toEqual({ issuer: 'https://as.test', subject: 'alice' })
    rig.github.upstreams[0].hasEnded = true
    await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    expect(eventsOf(rig, 'account.unlinked')).toEqual([
      {
        level: 'warning',
        issuer: 'https://as.test',
        subject: 'alice',
        detail: 'github: the provider has ended it',
      },
    ])
    // A renewal that comes after the end brings nothing back.
    await vault.update(() => ({ write, result: undefined }))
    expect(await rig.storedLinks()).toEqual([])
    await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    expect(eventsOf(rig, 'account.unlinked')).toHaveLength(1)
  })

  test('renewals at once: one is written, and the others see it', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    await auth.upstream('github')
    const vault = rig.github.upstreams[0].vaults.at(-1)!
    const write = { accessToken: 'once', refreshToken: 'once' }
    const wrote = await Promise.all(
      Array.from({ length: 5 }, () =>
        vault.update((entry) =>
          entry?.accessToken === 'once' ? { result: false } : { write, result: true },
        ),
      ),
    )
    expect(wrote.filter(Boolean)).toHaveLength(1)
  })
})

describe('LK4 the account page', () => {
  const linkedForms = (page: Shown): string[] =>
    forms(page.text)
      .filter(({ html }) => html.includes('value="unlink"'))
      .map(({ html }) => /aria-label="([^"]*)"/.exec(html)![1]!)

  test('lists linked accounts and unlinks them; the provider revokes in the background', async () => {
    const kept: Promise<unknown>[] = []
    const rig = new LinksRig({ waitUntil: (promise) => void kept.push(promise) })
    const auth = await linkAccount(rig)
    await linkAccount(rig, 'alice', 'google', auth)
    const browser = browserOf(rig, 'alice')
    const page = await browser.get('/account')
    expect(linkedForms(page)).toEqual(['Unlink GitHub account octocat', 'Unlink Google account octocat'])
    kept.length = 0
    const shown = await browser.submit(page, { fields: { action: 'unlink' } }, 'value="github"')
    expect(kept).toHaveLength(1)
    expect(shown.location!.pathname).toBe('/account')
    const after = await browser.get(pathOf(shown.location!))
    expect(after.text).toContain('The account is no longer linked.')
    expect(linkedForms(after)).toEqual(['Unlink Google account octocat'])
    await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    expect((await auth.upstream('google')).accessToken).toContain('google')
    expect(rig.github.upstreams[0].revoked).toHaveLength(1)
    expect(eventsOf(rig, 'account.unlinked')).toEqual([
      { level: 'info', issuer: 'https://as.test', subject: 'alice', detail: 'github' },
    ])
  })

  test('a provider at which users sign in, too, revokes nothing if that would end all tokens', async () => {
    for (const signIn of [new FakeProvider('github'), new FakeProvider('google')]) {
      const rig = new LinksRig({ signIn })
      const [access] = rig.github.upstreams
      access.revocationEndsAll = true
      const subject = signIn.account.subject
      const auth = await rig.authOf(subject)
      const browser = browserOf(rig)
      await comeBack(browser, await browser.get('/account'))
      await comeBack(browser, await agree(browser, await auth.link('github')))
      await rig.as.grants.revoke(subject)
      expect([signIn.name, access.revoked.length]).toEqual([signIn.name, signIn.name === 'github' ? 0 : 1])
    }
  })

  test('two accounts at one provider: to unlink one does not end the other, if revoking ends all', async () => {
    for (const [issuers, revoked] of [
      [['github', 'github'], 0],
      [['github', 'google'], 1],
    ] as const) {
      const [calendar, mail] = issuers.map((each) => new FakeProvider(each)) as [FakeProvider, FakeProvider]
      const rig = new LinksRig({ links: linkedAccounts({ calendar, mail }) })
      calendar.upstreams[0].revocationEndsAll = true
      const auth = await rig.authOf()
      const browser = browserOf(rig, 'alice')
      await comeBack(browser, await agree(browser, await auth.link('calendar')))
      await comeBack(browser, await agree(browser, await auth.link('mail')))
      const page = await browser.get('/account')
      await browser.submit(page, { fields: { action: 'unlink' } }, 'value="calendar"')
      await expect(auth.upstream('calendar')).rejects.toSatisfy(isAccountNotLinkedError)
      expect((await auth.upstream('mail')).accessToken).toContain(issuers[1])
      expect(calendar.upstreams[0].revoked).toHaveLength(revoked)
    }
  })

  test('ST6 two pairs of user and account that read alike have vaults of their own', () => {
    const rig = { issuer: 'https://as.test', runtime: {} } as unknown as Context
    const idOf = (subject: string, account: string): string =>
      linkVault(rig, subject, { name: 'git' } as LinkProvider, {
        record: { account } as LinkRecord,
        isOld: true,
      }).id
    expect(idOf('alice', 'team1:bob')).not.toBe(idOf('alice:team1', 'bob'))
  })

  test('without linked accounts it says nothing of them', async () => {
    const page = await browserOf(new LinksRig(), 'alice').get('/account')
    expect(page.text).not.toContain('Linked accounts')
  })

  test('disconnecting everything, and grants.revoke(subject), unlink; revoking one grant does not', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    const { grantId } = await rig.tokens()
    await rig.as.grants.revoke('alice', grantId)
    expect(await rig.storedLinks()).toHaveLength(1)
    await rig.as.grants.revoke('alice')
    expect(await rig.storedLinks()).toEqual([])
    const again = await linkAccount(rig)
    await rig.tokens()
    await rig.tokens()
    const browser = browserOf(rig, 'alice')
    const page = await browser.get('/account')
    expect(page.text.replaceAll(/\s+/g, ' ')).toContain('disconnecting all apps at once unlinks them.')
    await browser.submit(page, { fields: { action: 'revoke-all' } }, 'value="revoke-all"')
    for (const each of [auth, again])
      await expect(each.upstream('github')).rejects.toMatchObject({ code: 'invalid_grant' })
    await expect((await rig.authOf()).upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  })
})

describe('linkedAccounts', () => {
  test.each<[unknown, string]>([
    [undefined, '`linkedAccounts` must be an object such as { github: upstream(…) }; it is required'],
    [{}, '`linkedAccounts` must be an object such as { github: upstream(…) }; got object'],
    [{ 'Git Hub': new FakeProvider('github') }, '1–32 lower-case letters, digits, _ or -; got "Git Hub"'],
    [{ 'a/b': new FakeProvider('github') }, 'got "a/b"'],
    [{ github: cookieLogin() }, '`linkedAccounts.github` must be a sign-in that brings tokens'],
    [{ github: new FakeUpstream() }, '`linkedAccounts.github` must be a sign-in that brings tokens'],
    [{ github: 'github' }, '`linkedAccounts.github`'],
    [{ github: { signIn: new FakeProvider('github'), use: [] } }, 'did you mean "uses"?'],
  ])('refuses %j', (accounts, problem) => {
    expect(() => linkedAccounts(accounts as never)).toThrow(problem)
  })

  test('is an option that says what it takes', () => {
    expect(() => new Rig({ links: {} as never })).toThrow('`links` must be linkedAccounts({ … }); got object')
  })

  test('a sign-in that must not serve this issuer throws, and one that weakens it is told', () => {
    const weak = Object.assign(new FakeProvider('github'), { weakening: 'dangerouslyWeak' })
    const rig = new Rig({ links: linkedAccounts({ github: weak }) })
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'option.weakening', detail: 'dangerouslyWeak' }),
    )
    const check = (): never => {
      throw new ConfigurationError('signIn', 'must not serve this')
    }
    const refusing = Object.assign(new FakeProvider('github'), { check })
    expect(() => new Rig({ links: linkedAccounts({ github: refusing }) })).toThrow('must not serve this')
  })

  test('with an own login there is a callback, for links only', async () => {
    const rig = new LinksRig()
    expectLocal(await browserOf(rig, 'alice').get('/authorize/callback?state=x&code=y'), 403)
    expect(await new Rig({ signIn: cookieLogin() }).get('https://as.test/authorize/callback')).toBeUndefined()
  })

  test('a sign-in that keeps no tokens is a mistake of the configuration', async () => {
    const rig = new LinksRig()
    rig.github.account = { subject: 'no tokens' }
    const browser = browserOf(rig, 'alice')
    const shown = await comeBack(browser, await agree(browser, await (await rig.authOf()).link('github')))
    expect(shown.status).toBe(500)
    expect(rig.linksWritten).toEqual([])
    expect(eventsOf(rig, 'server.error')).toEqual([
      expect.objectContaining({ detail: expect.stringContaining('linkedAccounts.github') as string }),
    ])
  })
})
