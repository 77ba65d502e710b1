// Attacks on the endpoints as a whole: DNS rebinding, safe methods, cookies of several issuers, text of
// clients.
import { expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectLocal,
  FakeUpstream,
  forms,
  grantsWritten,
  pagesRig,
  requestUrl,
} from '../support/pages.ts'

const loopback = 'http://localhost:4000'
const devRig = (issuer = loopback): Rig => new Rig({ issuer, signIn: dangerouslyDevSignIn() })
const everyPath = [
  '/authorize',
  '/authorize/callback',
  '/account',
  '/token',
  '/register',
  '/revoke',
  '/jwks.json',
  '/.well-known/oauth-authorization-server',
]

test.each([
  'evil.test',
  'evil.test:4000',
  'localhost.evil.test',
  '127.0.0.1.evil.test',
  'localhost@evil.test',
])(
  'S7 DNS rebinding: on loopback the Host %s is answered 421 at every endpoint, and writes nothing',
  async (host) => {
    const rig = devRig()
    for (const path of everyPath)
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        const response = await rig.get(loopback + path, { method, headers: { host } })
        expect([path, method, response!.status]).toEqual([path, method, 421])
        expect(response!.headers.getSetCookie()).toEqual([])
      }
    // The same if only the URL names the host.
    if (!host.includes('@'))
      expect((await rig.get(`http://${host}/token`, { method: 'POST' }))!.status).toBe(421)
    expect(rig.store.written).toEqual([])
    expect(rig.events.map(({ type, status }) => [type, status])).toContainEqual(['request.refused', 421])
    // Paths of the application are not answered.
    expect(await rig.get(`${loopback}/mcp`, { headers: { host } })).toBeUndefined()
  },
)

test('S7 on loopback every name of this machine is answered; an https issuer looks at no Host', async () => {
  for (const host of ['localhost:4000', '127.0.0.1:4000', '[::1]:4000', 'localhost', 'LOCALHOST:4000'])
    expect((await devRig().get(`${loopback}/jwks.json`, { headers: { host } }))!.status).toBe(200)
  const headers = { host: 'internal:8080' }
  expect((await new Rig().get('https://as.test/jwks.json', { headers }))!.status).toBe(200)
})

test('S7 CSRF: on loopback a form with Origin null needs Sec-Fetch-Site: same-origin', async () => {
  const rig = devRig()
  const browser = browserOf(rig)
  const signIn = await browser.visit(await requestUrl())
  const action = forms(signIn.text)[0]!.action
  const body = new URLSearchParams({ name: 'alice' })
  for (const site of ['', 'cross-site', 'none'])
    expectLocal(await browser.post(action, body, { origin: 'null', 'sec-fetch-site': site }), 403)
  const back = await browser.post(action, body, { origin: 'null' })
  const page = await browser.get(back.location!.href)
  const form = new URLSearchParams([
    ...forms(page.text)[0]!.hidden,
    ['decision', 'approve'],
    ['scope', 'notes:read'],
  ])
  expectLocal(await browser.post('/authorize', form, { origin: 'null', 'sec-fetch-site': '' }), 403)
  expect(grantsWritten(rig)).toBe(0)
  expect(
    (await browser.post('/authorize', form, { origin: 'null' })).location!.searchParams.has('code'),
  ).toBe(true)
})

test('S25 HEAD makes no grant, no cookie and no sign-in, wherever GET would', async () => {
  const rig = pagesRig({ lifetimes: { rememberedConsent: 3600 } })
  const browser = browserOf(rig, 'alice')
  const request = await requestUrl({ redirect_uri: 'https://app.test/cb' })
  const fields = { remember: 'yes' }
  const scopes = ['notes:read', 'notes:write']
  codeOf(await browser.submit(await browser.get(request), { decision: 'approve', scopes, fields }))
  const written = rig.store.written.length
  const head = async (path: string): Promise<Response> => {
    const cookie = [...browser.cookies].map((each) => each.join('=')).join('; ')
    const headers = { cookie, 'sec-fetch-site': 'none' }
    return (await rig.get(new URL(path, rig.issuer).href, { method: 'HEAD', headers }))!
  }
  // GET would send a code at once, bind a form to the browser, or send the user to sign in.
  for (const path of [request, await requestUrl(), '/account', await requestUrl({ prompt: 'login' })]) {
    const response = await head(path)
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []])
    expect([response.headers.get('location'), await response.text()]).toEqual([null, ''])
  }
  expect(rig.store.written).toHaveLength(written)

  const upstream = new FakeUpstream()
  const other = new Rig({ signIn: upstream })
  const user = browserOf(other)
  const away = await user.submit(await user.get(await requestUrl()), { decision: 'approve', scopes })
  const back = `https://as.test/authorize/callback?code=c&state=${away.location!.searchParams.get('state')}`
  const cookie = [...user.cookies].map((each) => each.join('=')).join('; ')
  const response = await other.get(back, { method: 'HEAD', headers: { cookie } })
  expect([response!.status, response!.headers.getSetCookie(), upstream.redeemed]).toEqual([200, [], []])
  expect(grantsWritten(other)).toBe(0)
  codeOf(await user.get(back))
})

const neighbours = [
  ['/acme/eu', '/acme-eu'],
  ['/acme', '/acme-request'],
  ['/acme', '/acme/'],
  ['/a.b', '/a/b'],
  ['/a_b', '/a/b'],
  ['/4000', ':4000'],
  ['/acme', '/acme%2Feu'],
] as const

test.each(neighbours)('T15 the issuers %s and %s of one host share no cookie', async (one, other) => {
  const upstream = new FakeUpstream()
  const names = async (place: string): Promise<string[]> => {
    const rig = new Rig({ issuer: `https://as.test${place}`, signIn: upstream })
    const browser = browserOf(rig)
    const { pathname } = new URL(rig.path('authorize'))
    const page = await browser.get(await requestUrl({}, pathname))
    const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    await browser.get(`${pathname}/callback?code=c&state=${away.location!.searchParams.get('state')}`)
    return [...browser.cookies.keys()]
  }
  // A slot's own part is random; what stands before it tells whose cookie it is.
  const places = async (place: string): Promise<Set<string>> =>
    new Set(
      (await names(place)).map((name) => name.replace(/-(?:request|sign-in|answered|session)\b.*$/, '')),
    )
  const [left, right] = [await places(one), await places(other)]
  expect([left.size, right.size]).toEqual([1, 1])
  expect([...left]).not.toEqual([...right])
  const [prefix] = left
  expect([...right].some((each) => each.startsWith(`${prefix}-`))).toBe(false)
})

const strangers = 'x\u001b[31m\u202egro.live\u2066\u200b\u0007\r\ny\ud800'

test('T13 text of clients reaches pages, redirects and events without control or bidi characters', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const browser = browserOf(rig)
  const bad = /(?!\n)\p{Cc}|\p{Cf}|\p{Cs}/u
  // What a sign-in says of its failure, without and with an approval.
  upstream.failure = new OAuthError(strangers, strangers)
  const account = await browser.get('/account')
  const page = await browser.get(`/authorize/callback?state=${account.location!.searchParams.get('state')}`)
  expectLocal(page)
  expect(page.text).toContain('gro.live')
  expect(page.text).not.toMatch(bad)
  const away = await browser.submit(await browser.get(await requestUrl()), {
    decision: 'approve',
    scopes: ['notes:read'],
  })
  const back = await browser.get(`/authorize/callback?state=${away.location!.searchParams.get('state')}`)
  for (const value of back.location!.searchParams.values()) expect(value).not.toMatch(bad)
  expect(JSON.stringify(rig.events)).not.toMatch(/\\u001b|\\u202e|\\r|\\n/i)
  for (const { detail, error } of rig.events) expect(`${detail} ${error}`).not.toMatch(bad)

  // What a client would like the login page to say.
  const dev = browserOf(devRig())
  const signIn = await dev.get(await requestUrl({ login_hint: strangers }))
  expect(signIn.text).toContain('gro.live')
  expect(signIn.text).not.toMatch(bad)
  const own = await browserOf(pagesRig()).get(await requestUrl({ login_hint: strangers }))
  expect(own.location!.searchParams.get('login_hint')).not.toMatch(bad)
})
