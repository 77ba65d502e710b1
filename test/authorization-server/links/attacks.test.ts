// Account linking attacks, and what else may not link, unlink or read an account (MCP, Elicitation, Phishing;
// CN2, CN3, CN9, CN13, ST1, ST2).
import { describe, expect, test } from 'vitest'
import { isAccountNotLinkedError } from '../../../src/errors.ts'
import { secret } from '../../support/as.ts'
import {
  agree,
  callbackOf,
  comeBack,
  FakeProvider,
  linkAccount,
  LinksRig,
  pathOf,
  stateOf,
} from '../../support/links.ts'
import { browserOf, cookieLogin, expectLocal, FakeUpstream, forms, requestUrl } from '../../support/pages.ts'

/** Nothing was linked, and no code of a provider was redeemed. */
function expectNothing(rig: LinksRig): void {
  expect(rig.linksWritten).toEqual([])
  expect([...rig.github.redeemed, ...rig.google.redeemed]).toEqual([])
}

describe('LK1 account linking', () => {
  test('an attacker sends the own URL to a victim: 403 that says so, and nothing is linked to the attacker', async () => {
    const rig = new LinksRig()
    const url = await (await rig.authOf('mallory')).link('github')
    const victim = browserOf(rig, 'victim')
    const shown = await victim.get(pathOf(url), { 'sec-fetch-site': 'cross-site' })
    expectLocal(shown, 403)
    expect(shown.text).toContain('This link is for another user')
    expect(shown.text).toContain('You are signed in as victim@example.com')
    expect(shown.text).not.toContain('mallory')
    expect(forms(shown.text)).toEqual([])
    expect(rig.events).toContainEqual(
      expect.objectContaining({
        type: 'account.link-refused',
        subject: 'mallory',
        status: 403,
        detail: 'github: another user is signed in',
      }),
    )
    expect(rig.github.started).toEqual([])
    expectNothing(rig)
  })

  test('the victim is not signed in and signs in as the victim: 403 after that', async () => {
    const rig = new LinksRig({ signIn: new FakeUpstream() })
    const url = await (await rig.authOf('mallory')).link('github')
    const victim = browserOf(rig)
    const back = await comeBack(victim, await victim.get(pathOf(url)))
    expect(back.location!.href).toBe(url.href)
    expectLocal(await victim.get(pathOf(url)), 403)
    expectNothing(rig)
  })

  test('the attacker’s page or form in the victim’s browser: 403', async () => {
    const rig = new LinksRig()
    const attacker = browserOf(rig, 'mallory')
    const page = await attacker.get(pathOf(await (await rig.authOf('mallory')).link('github')))
    const victim = browserOf(rig, 'victim')
    expectLocal(await victim.submit(page, { decision: 'approve' }), 403)
    // With the attacker's cookies beside the victim's session.
    for (const [name, value] of attacker.cookies) if (name !== 'user') victim.cookies.set(name, value)
    expectLocal(await victim.submit(page, { decision: 'approve' }), 403)
    expect(rig.github.started).toEqual([])
    expectNothing(rig)
  })

  test('the attacker’s provider URL or callback in the victim’s browser: 403, the code is not redeemed', async () => {
    const rig = new LinksRig()
    const attacker = browserOf(rig, 'mallory')
    const gone = await agree(attacker, await (await rig.authOf('mallory')).link('github'))
    const victim = browserOf(rig, 'victim')
    expectLocal(await comeBack(victim, gone), 403)
    // With the attacker's cookies, of which one names the leg, beside the victim's session.
    for (const [name, value] of attacker.cookies) if (name !== 'user') victim.cookies.set(name, value)
    expectLocal(await comeBack(victim, gone), 403)
    expectNothing(rig)
  })

  test('the user has changed, or has signed out, between approval and callback: 403', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    for (const [user, title] of [
      ['bob', 'This link is for another user'],
      [undefined, 'You are not signed in'],
    ] as const) {
      browser.cookies.set('user', 'alice')
      const gone = await agree(browser, await auth.link('github'))
      if (user === undefined) browser.cookies.delete('user')
      else browser.cookies.set('user', user)
      const shown = await comeBack(browser, gone)
      expectLocal(shown, 403)
      expect(shown.text).toContain(title)
    }
    expectNothing(rig)
  })

  test('the victim’s callback with a code of the attacker’s account (login CSRF): 403', async () => {
    const rig = new LinksRig()
    const attacker = browserOf(rig, 'mallory')
    const gone = await agree(attacker, await (await rig.authOf('mallory')).link('github'))
    const victim = browserOf(rig, 'victim')
    await agree(victim, await (await rig.authOf('victim')).link('github'))
    expectLocal(await victim.get(callbackOf(gone, 'code-of-mallory')), 403)
    expectNothing(rig)
  })

  test('a stolen access token makes a URL, which serves the user only', async () => {
    const rig = new LinksRig()
    const url = await (await rig.authOf('alice')).link('github')
    expectLocal(await browserOf(rig, 'mallory').get(pathOf(url)), 403)
    expectNothing(rig)
  })
})

describe('LK2 the URL', () => {
  test('tampered with, of another provider, issuer or purpose: 400', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const url = await auth.link('github')
    const ticket = url.searchParams.get('ticket')!
    const flipped = ticket.slice(0, 20) + (ticket[20] === 'A' ? 'B' : 'A') + ticket.slice(21)
    const form = forms((await browserOf(rig, 'alice').get(pathOf(url))).text)[0]!
    const elsewhere = new LinksRig({ issuer: 'https://other.test' })
    const foreign = (await (await elsewhere.authOf()).link('github')).searchParams.get('ticket')!
    for (const path of [
      '/link/github',
      '/link/github?ticket=',
      `/link/github?ticket=${flipped}`,
      `/link/google?ticket=${ticket}`,
      `/link/github?ticket=${form.hidden[0]![1]}`,
      `/link/github?ticket=${foreign}`,
    ]) {
      const shown = await browserOf(rig, 'alice').get(path)
      expectLocal(shown)
      expect([path, shown.text.includes('This link does not work')]).toEqual([path, true])
    }
    expect(await rig.get('https://as.test/link/gitlab')).toBeUndefined()
    expect(await rig.get('https://as.test/link')).toBeUndefined()
    expectNothing(rig)
  })

  test('replayed after the account is linked, it asks again and links nothing by itself', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const url = await auth.link('github')
    const browser = browserOf(rig, 'alice')
    const gone = await agree(browser, url)
    await comeBack(browser, gone)
    const written = rig.linksWritten.length
    const again = await browser.get(pathOf(url))
    expect([again.status, forms(again.text).length]).toEqual([200, 1])
    // The callback is over: its cookie is gone.
    expectLocal(await comeBack(browser, gone), 403)
    expect(rig.linksWritten).toHaveLength(written)
    expect(rig.github.redeemed).toHaveLength(1)
  })

  test('of an app that was disconnected since: 400, at the page, the form and the callback', async () => {
    const rig = new LinksRig()
    const { access_token, grantId } = await rig.tokens()
    const auth = await rig.authWith(access_token)
    const url = await auth.link('github')
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(pathOf(url))
    const gone = await agree(browser, url)
    await rig.as.grants.revoke('alice', grantId)
    expectLocal(await browser.get(pathOf(url)))
    expectLocal(await browser.submit(page, { decision: 'approve' }))
    expectLocal(await comeBack(browser, gone))
    expectNothing(rig)
  })

  test('HEAD, as link scanners send it, starts nothing', async () => {
    const rig = new LinksRig()
    const url = await (await rig.authOf()).link('github')
    const response = await rig.get(url.href, { method: 'HEAD' })
    expect([response!.status, response!.headers.getSetCookie()]).toEqual([200, []])
  })
})

describe('LK1 the form', () => {
  test.each<[string, Record<string, string>]>([
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['from a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['with the origin of another site', { 'sec-fetch-site': '', origin: 'https://evil.test' }],
  ])('CN2 %s: 403', async (_, headers) => {
    const rig = new LinksRig()
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(pathOf(await (await rig.authOf()).link('github')))
    expectLocal(await browser.submit(page, { decision: 'approve', headers }), 403)
    expect(rig.github.started).toEqual([])
    expect((await browser.submit(page, { decision: 'approve' })).status).toBe(303)
  })

  test('CN2 without its token, with a changed one, for another provider, too late: refused', async () => {
    const rig = new LinksRig()
    const browser = browserOf(rig, 'alice')
    const auth = await rig.authOf()
    const page = await browser.get(pathOf(await auth.link('github')))
    const [, token] = forms(page.text)[0]!.hidden[0]!
    const post = (action: string, value: string): Promise<unknown> =>
      browser
        .post(action, new URLSearchParams({ token: value, decision: 'approve' }))
        .then(({ status }) => status)
    expect(await post('/link/github', '')).toBe(403)
    expect(await post('/link/github', `${token!.slice(0, -4)}AAAA`)).toBe(403)
    expect(await post('/link/google', token!)).toBe(403)
    expect(await post('/account', token!)).toBe(403)
    expect((await browser.get(`/link/github?token=${token}&decision=approve`)).status).toBe(400)
    rig.now += 600
    expect(await post('/link/github', token!)).toBe(400)
    expect(rig.github.started).toEqual([])
    expectNothing(rig)
  })

  test('two tabs, also with different providers: both come back', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    const first = await browser.get(pathOf(await auth.link('github')))
    const second = await browser.get(pathOf(await auth.link('google')))
    const goneFirst = await browser.submit(first, { decision: 'approve' })
    const goneSecond = await browser.submit(second, { decision: 'approve' })
    expect((await comeBack(browser, goneSecond)).text).toContain('Google is connected')
    expect((await comeBack(browser, goneFirst)).text).toContain('GitHub is connected')
    expect((await auth.upstream('github')).accessToken).toContain('github')
    expect((await auth.upstream('google')).accessToken).toContain('google')
  })

  test('a double click: the last answer counts', async () => {
    const rig = new LinksRig()
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(pathOf(await (await rig.authOf()).link('github')))
    await browser.submit(page, { decision: 'approve' })
    const gone = await browser.submit(page, { decision: 'approve' })
    expect((await comeBack(browser, gone)).status).toBe(200)
  })
})

describe('LK3 legs', () => {
  test('CN9 a callback that is unknown, expired or without its cookie: the code is not redeemed', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    const gone = await agree(browser, await auth.link('github'))
    expectLocal(await browser.get('/authorize/callback?code=c'), 403)
    expectLocal(await browser.get(`/authorize/callback?state=${'x'.repeat(35)}&code=c`), 403)
    expectLocal(await browser.get(`${callbackOf(gone)}&state=${stateOf(gone)}`), 403)
    expectLocal(await comeBack(browserOf(rig, 'alice'), gone), 403)
    rig.now += 600
    expectLocal(await comeBack(browser, gone))
    expectNothing(rig)
  })

  test('the cookie of a link under the name of a sign-in, and the other way round: 403', async () => {
    const upstream = new FakeUpstream()
    const rig = new LinksRig({ signIn: upstream })
    const auth = await rig.authOf('up|alice')
    const browser = browserOf(rig)
    await comeBack(browser, await browser.get('/account'))
    const link = await agree(browser, await auth.link('github'))
    const page = await browser.get(await requestUrl())
    const signIn = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    const nameOf = (kind: string): string =>
      [...browser.cookies.keys()].find((name) => name.includes(`-${kind}-`))!
    const [linkName, signInName] = [nameOf('link'), nameOf('sign-in')]
    const [linkValue, signInValue] = [browser.cookies.get(linkName)!, browser.cookies.get(signInName)!]
    const redeemed = upstream.redeemed.length
    const grants = rig.store.written.length
    // The state of each leg in a cookie of the other kind.
    browser.cookies.clear()
    browser.cookies.set(linkName.replace('-link-', '-sign-in-'), linkValue)
    expectLocal(await comeBack(browser, link), 403)
    browser.cookies.clear()
    browser.cookies.set(signInName.replace('-sign-in-', '-link-'), signInValue)
    expectLocal(await comeBack(browser, signIn), 403)
    expect([upstream.redeemed.length, rig.store.written.length]).toEqual([redeemed, grants])
    expectNothing(rig)
  })

  test('a link’s callback issues no code for an authorization, and a sign-in’s callback links nothing', async () => {
    const signIn = new FakeProvider('github', 'GitHub')
    const rig = new LinksRig({ signIn })
    const auth = await rig.authOf(signIn.account.subject)
    const browser = browserOf(rig)
    await comeBack(browser, await browser.get('/account'))
    const page = await browser.get(await requestUrl())
    const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    const link = await agree(browser, await auth.link('github'))
    const linked = await comeBack(browser, link)
    expectLocal(linked, 200)
    expect(rig.github.redeemed).toEqual(['code'])
    expect(rig.linksWritten).toHaveLength(1)
    const code = await comeBack(browser, away)
    expect(code.location!.searchParams.has('code')).toBe(true)
    expect(rig.linksWritten).toHaveLength(1)
  })

  test('CN13 a return path of the callback’s query leads to no page that links', async () => {
    const rig = new LinksRig({ signIn: new FakeUpstream() })
    const browser = browserOf(rig)
    const away = await browser.get('/account')
    const link = await (await rig.authOf('up|alice')).link('github')
    for (const to of [pathOf(link), '//evil.test', '/\\evil.test']) {
      const gone = await browser.get(`${callbackOf(away)}&return_to=${encodeURIComponent(to)}`)
      if (gone.status === 303) expect(gone.location!.href).toBe('https://as.test/account')
    }
  })
})

describe('LK4 the vault', () => {
  test('ST1 nothing usable is stored: no token, no account, in any encoding', async () => {
    const rig = new LinksRig()
    await linkAccount(rig)
    const dump = rig.store.written.map(({ key, value }) => `${key} ${value}`).join('\n')
    const decoded = dump
      .split(/[^A-Za-z0-9_-]+/)
      .map((part) => {
        try {
          return atob(part.replaceAll('-', '+').replaceAll('_', '/'))
        } catch {
          return ''
        }
      })
      .join('\n')
    for (const text of ['access token', 'refresh token', 'octocat', 'github.test', 'verifier'])
      expect([text, dump.includes(text), decoded.includes(text)]).toEqual([text, false, false])
    const key = rig.linksWritten[0]!
    expect(key).toMatch(/^[\w-]+:link-github$/)
    expect(key).not.toContain('alice')
    expect(JSON.stringify(rig.events)).not.toMatch(/access token|octocat/)
  })

  test('ST2 a record that was tampered with is none, with an alert', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    const key = rig.linksWritten[0]!
    const { value, version, expiresAt } = (await rig.store.get(key))!
    const changed = value.slice(0, 30) + (value[30] === 'A' ? 'B' : 'A') + value.slice(31)
    await rig.store.put(key, changed, { ifVersion: version, expiresAt: expiresAt! })
    await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    expect(rig.events).toContainEqual(
      expect.objectContaining({
        type: 'record.damaged',
        level: 'alert',
        detail: 'linked account',
        subject: 'alice',
      }),
    )
    // The user can link anew.
    await linkAccount(rig, 'alice', 'github', auth)
    expect((await auth.upstream('github')).accessToken).toContain('octocat')
  })

  test('ST2 two users’ records, swapped, give neither the other’s account; nor do two providers’', async () => {
    const rig = new LinksRig()
    const alice = await linkAccount(rig, 'alice')
    rig.github.account = rig.github.accountOf('bobs-account')
    const bob = await linkAccount(rig, 'bob')
    await linkAccount(rig, 'bob', 'google', bob)
    const [a, b, c] = [...new Set(rig.linksWritten)] as [string, string, string]
    const swap = async (one: string, other: string): Promise<void> => {
      const [first, second] = [(await rig.store.get(one))!, (await rig.store.get(other))!]
      await rig.store.put(one, second.value, { ifVersion: first.version, expiresAt: first.expiresAt! })
      await rig.store.put(other, first.value, { ifVersion: second.version, expiresAt: second.expiresAt! })
    }
    await swap(b, c)
    for (const name of ['github', 'google'])
      await expect(bob.upstream(name)).rejects.toSatisfy(isAccountNotLinkedError)
    await swap(b, c)
    await swap(a, b)
    for (const auth of [alice, bob])
      await expect(auth.upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    await swap(a, b)
    expect((await alice.upstream('github')).accessToken).toContain('octocat')
    expect((await bob.upstream('github')).accessToken).toContain('bobs-account')
  })

  test('ST4 a store that is down: 503 at the page, the callback and auth.upstream; nothing is lost', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    const url = await auth.link('github')
    const gone = await agree(browser, url)
    rig.store.before = () => {
      throw new Error('down')
    }
    await expect(auth.link('github')).rejects.toMatchObject({ status: 503 })
    expect((await browser.get(pathOf(url))).status).toBe(503)
    expect((await comeBack(browser, gone)).status).toBe(503)
    expect(rig.github.redeemed).toEqual([])
    await expect(auth.upstream('github')).rejects.toMatchObject({ status: 503 })
    rig.store.before = () => undefined
    expect((await comeBack(browser, gone)).status).toBe(200)
  })

  test('ST4 the answer of the write is lost: the account is linked once', async () => {
    const rig = new LinksRig()
    const auth = await rig.authOf()
    const browser = browserOf(rig, 'alice')
    const gone = await agree(browser, await auth.link('github'))
    let lost = false
    rig.store.after = ({ method, key }) => {
      if (lost || method !== 'put' || !key.endsWith(':link-github')) return
      lost = true
      throw new Error('lost')
    }
    expect((await comeBack(browser, gone)).status).toBe(200)
    expect([lost, rig.linksWritten.length]).toEqual([true, 1])
    expect((await auth.upstream('github')).accessToken).toContain('octocat')
  })

  test('ST6 two issuers on one store, and subjects with any characters, do not meet', async () => {
    const rig = new LinksRig({ signIn: cookieLogin() })
    await linkAccount(rig)
    const other = new LinksRig({ issuer: 'https://as.test/two', store: rig.store })
    await expect((await other.authOf()).upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
    const odd = 'a:b/c*%..'
    expect((await rig.authOf(odd)).subject).toBe(odd)
    await expect((await rig.authOf(odd)).upstream('github')).rejects.toSatisfy(isAccountNotLinkedError)
  })

  test('a record of an older deployment secret is read, as long as that secret is listed', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    const next = 'another secret for tests, of forty bytes'
    const later = new LinksRig({ store: rig.store, secret: [next, secret] })
    expect((await (await later.authOf()).upstream('github')).accessToken).toContain('octocat')
    expect((await auth.upstream('github')).accessToken).toContain('octocat')
  })

  test('another user’s form of the account page unlinks nothing', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig)
    await linkAccount(rig, 'bob')
    const bob = browserOf(rig, 'bob')
    const page = await bob.get('/account')
    bob.cookies.set('user', 'alice')
    await bob.submit(page, { fields: { action: 'unlink' } }, 'value="github"')
    expect((await auth.upstream('github')).accessToken).toContain('octocat')
    const cross = { headers: { 'sec-fetch-site': 'cross-site' } }
    const alice = browserOf(rig, 'alice')
    const own = await alice.get('/account')
    expectLocal(await alice.submit(own, { fields: { action: 'unlink' }, ...cross }, 'value="github"'), 403)
    await alice.submit(own, { fields: { action: 'unlink', link: '__proto__' } }, 'value="github"')
    expect((await auth.upstream('github')).accessToken).toContain('octocat')
  })
})
