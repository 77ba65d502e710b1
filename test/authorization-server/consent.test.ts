// The consent page, remembered consent, and how they work with each sign-in: CN1, CN6–CN8, CN13, CD12, AZ14.
import { expect, test } from 'vitest'
import { ConfigurationError, OAuthError } from '../../src/errors.ts'
import { createContext } from '../../src/authorization-server/create-context.ts'
import { authorizeEndpoint } from '../../src/authorization-server/authorize/endpoint.ts'
import type { Client } from '../../src/authorization-server/context.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { ownLogin } from '../../src/authorization-server/sign-in/own-login.ts'
import { ok, RES_A, resources, Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  cookieLogin,
  expectLocal,
  expectPageHeaders,
  expectRedirect,
  FakeUpstream,
  forms,
  grantsWritten,
  pagesRig,
  registered,
  requestUrl,
  verifier,
  type Shown,
} from '../support/pages.ts'

/** The text of the page. */
const read = ({ text }: Shown): string =>
  /<main[\s\S]*<\/main>/
    .exec(text)![0]
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

const evilRequest = async (rig: Rig, metadata: Record<string, unknown> = {}): Promise<string> =>
  requestUrl({ client_id: await registered(rig, metadata), redirect_uri: 'https://evil.test/cb' })

test('CN1 an unknown client: unverified name, redirect host, resource, requested scopes', async () => {
  const rig = pagesRig()
  const page = await browserOf(rig, 'alice').get(await evilRequest(rig, { client_name: 'Claude' }))
  expect(page.status).toBe(200)
  for (const each of ['Claude wants to use mcp.test', 'Unverified', 'evil.test', RES_A, 'alice@example.com'])
    expect(read(page)).toContain(each)
  for (const each of ['Read your notes', 'notes:read', 'Change your notes', 'notes:write'])
    expect(read(page)).toContain(each)
  expect(page.text).toMatch(/<p class="host"><bdi>evil\.test<\/bdi><\/p>/)
  expect(page.text).not.toMatch(/on this computer|<script/)
  expect(page.text.match(/type="checkbox"/g)).toHaveLength(2)
  expect(page.text.match(/<button type="submit" name="decision"/g)).toHaveLength(2)
})

test('CN1, CD12 a client that leads back to this computer: a warning', async () => {
  const rig = pagesRig()
  for (const [uri, host] of [
    ['http://localhost:3000/cb', 'localhost:3000'],
    ['http://127.0.0.1:51004/cb', '127.0.0.1:51004'],
    ['http://[::1]:1/cb', '[::1]:1'],
  ]) {
    const client_id = await registered(rig, { redirect_uris: [uri] })
    const page = await browserOf(rig, 'alice').get(await requestUrl({ client_id, redirect_uri: uri! }))
    expect(read(page)).toContain('Any program on this computer could be asking')
    expect(read(page)).toContain(`Access goes to an app on this computer ${host}`)
    expect(read(page)).toContain('Unverified')
  }
})

/** What the page says of a client with this document and redirect URI. */
async function documentPage(id: string, redirectUri: string): Promise<string> {
  const client: Client = {
    id,
    kind: 'document',
    name: 'C',
    redirectUris: [redirectUri],
    authMethod: 'none',
    grantTypes: ['authorization_code'],
    metadataHash: 'hash',
    checkSecret: async () => false,
  }
  const { context } = createContext(pagesRig().options)
  const clients = { ...context.clients, find: async () => client }
  const url = await requestUrl({ client_id: id, redirect_uri: redirectUri })
  const headers = { cookie: 'user=alice' }
  const response = await authorizeEndpoint({ ...context, clients })(
    new Request(`https://as.test${url}`, { headers }),
  )
  return read({ status: 200, headers: response.headers, text: await response.text(), location: undefined })
}

test('CN1, CD12 a client with a document: its host, and who vouches for the name', async () => {
  const shown = (redirectUri: string): Promise<string> =>
    documentPage('https://c.test/client.json', redirectUri)
  expect(await shown('https://c.test/cb')).toContain('Published by c.test')
  expect(await shown('https://c.test/cb')).not.toContain('Unverified')
  const local = await shown('http://127.0.0.1:1/cb')
  for (const each of ['Unverified', 'at c.test', '127.0.0.1:1', 'Any program on this computer'])
    expect(local).toContain(each)
  expect(await shown('https://evil.test/cb')).toMatch(/Unverified.*at c\.test.*evil\.test/)
})

const published: [id: string, badge: 'Published by' | 'Hosted at'][] = [
  ['https://c.test/client.json', 'Published by'],
  ['https://c.test/.well-known/oauth/client.json', 'Published by'],
  ['https://c.test/~mallory/client.json', 'Hosted at'],
  ['https://c.test/uploads/1.json', 'Hosted at'],
  ['https://c.test/client.json?file=mallory', 'Hosted at'],
  ['https://storage.googleapis.com/client.json', 'Hosted at'],
  ['https://storage.googleapis.com/mallorys-bucket/client.json', 'Hosted at'],
  ['https://claude.github.io/client.json', 'Hosted at'],
  ['https://claude.s3.amazonaws.com/client.json', 'Hosted at'],
  ['https://CLAUDE.pages.dev/client.json', 'Hosted at'],
  // A server may read these as a place below a user's folder, or the first segment is a user's.
  ['https://c.test/~mallory%2fclient.json', 'Hosted at'],
  ['https://c.test/uploads%5c1.json', 'Hosted at'],
  ['https://c.test/.well-known/..%2f~mallory%2fclient.json', 'Hosted at'],
  ['https://c.test/.well-known/;/mallory/c.json', 'Hosted at'],
  ['https://c.test/~mallory', 'Hosted at'],
  ['https://c.test/@mallory', 'Hosted at'],
  ['https://claude.github.io./client.json', 'Hosted at'],
  ['https://notgithub.io.example.test/client.json', 'Published by'],
  ['https://mygithub.io/client.json', 'Published by'],
]

test.each(published)('S21 a document at %s is shown as: %s', async (id, badge) => {
  const { host, origin } = new URL(id)
  const page = await documentPage(id, `${origin}/cb`)
  expect(page).toContain(`${badge} ${host}`)
  expect(page.includes('✓')).toBe(badge === 'Published by')
  expect(page).not.toContain(badge === 'Published by' ? 'Hosted at' : 'Published by')
})

test('a private-use redirect shows all that says which app it is', async () => {
  const rig = pagesRig({ allowRedirects: ['myapp:/cb'] })
  for (const [uri, host] of [
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor://anysphere.cursor-mcp'],
    ['myapp:/cb', 'myapp:/cb'],
  ]) {
    const client_id = await registered(rig, { redirect_uris: [uri] })
    const url = { client_id, redirect_uri: uri! }
    expect(read(await browserOf(rig, 'alice').get(await requestUrl(url)))).toContain(
      `the app that opens ${host}`,
    )
    const wrong = await browserOf(rig, 'alice').get(await requestUrl({ ...url, scope: 'x' }))
    expect(wrong.text).toContain(`href="${uri}?error=invalid_scope`)
  }
})

test('approving nothing: the page says what to do, and still works', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  const again = await browser.submit(page, { decision: 'approve' })
  expectLocal(again)
  expect(read(again)).toContain('Choose at least one thing that the app may do, or choose Deny.')
  const undecided = await browser.submit(again, { scopes: ['notes:write'] })
  expect(read(undecided)).toContain('Choose Approve or Deny.')
  expect(undecided.text).toMatch(/value="notes:write"\s+checked/)
  expect(undecided.text).not.toMatch(/value="notes:read"\s+checked/)
  codeOf(await browser.submit(undecided, { decision: 'approve', scopes: ['notes:write'] }))
  expect((await rig.as.grants.list('alice'))[0]!.scopes).toEqual(['notes:write'])
})

test('a resource without scopes can be approved as it is', async () => {
  const rig = pagesRig({ resources: { [RES_A]: { name: 'Notes', scopes: {} } } })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl({ scope: undefined }))
  expect(read(page)).toMatch(/Pub wants to use Notes .*no particular permission/)
  codeOf(await browser.submit(page, { decision: 'approve' }))
})

test('two tabs and a reload: each page works, and none disturbs another', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const pages: Shown[] = []
  for (let i = 0; i < 5; i++) pages.push(await browser.get(await requestUrl({ state: `tab ${i}` })))
  const answers = [await browser.submit(pages[4]!, { decision: 'deny' })]
  for (const i of [0, 3])
    answers.push(await browser.submit(pages[i]!, { decision: 'approve', scopes: ['notes:read'] }))
  expect(answers.map(({ location }) => location!.searchParams.get('state'))).toEqual([
    'tab 4',
    'tab 0',
    'tab 3',
  ])
  expect(grantsWritten(rig)).toBe(2)
})

test('of more than five pages the oldest ends', async () => {
  const browser = browserOf(pagesRig(), 'alice')
  const pages: Shown[] = []
  for (let i = 0; i < 7; i++) {
    pages.push(await browser.get(await requestUrl()))
    browser.rig.now += 1
  }
  expect([...browser.cookies.keys()].filter((name) => name.includes('request-'))).toHaveLength(5)
  for (const i of [0, 1]) expectLocal(await browser.submit(pages[i]!, { decision: 'deny' }), 403)
  for (const i of [2, 6])
    expectRedirect(await browser.submit(pages[i]!, { decision: 'deny' }), 'access_denied')
})

const remembering = { lifetimes: { rememberedConsent: 3600 } }
const https = { redirect_uri: 'https://app.test/cb' }

/** Alice has agreed, and asked to be remembered. */
async function remembered(rig: Rig, user = 'alice'): Promise<ReturnType<typeof browserOf>> {
  const browser = browserOf(rig, user)
  const page = await browser.get(await requestUrl(https))
  expect(page.text).toContain('name="remember"')
  const scopes = ['notes:read', 'notes:write']
  codeOf(await browser.submit(page, { decision: 'approve', scopes, fields: { remember: 'yes' } }))
  return browser
}

test('CN6 skipped consent: exactly the same request is not asked again; any other is', async () => {
  const rig = pagesRig({
    ...remembering,
    resources: { ...resources, 'https://mcp.test/c': { scopes: resources[RES_A]!.scopes } },
  })
  const browser = await remembered(rig)
  codeOf(await browser.get(await requestUrl(https)))
  codeOf(await browser.get(await requestUrl({ ...https, prompt: 'none' })))
  const others = [
    { scope: 'notes:read' },
    { redirect_uri: 'http://127.0.0.1:3000/cb' },
    { resource: 'https://mcp.test/c' },
    { resource: [RES_A, 'https://mcp.test/c'] },
    { client_id: 'pub2', redirect_uri: 'https://two.test/cb' },
    { prompt: 'consent' },
  ]
  for (const each of others)
    expect((await browser.get(await requestUrl({ ...https, ...each }))).status).toBe(200)
  expect((await browserOf(rig, 'bob').get(await requestUrl(https))).status).toBe(200)
  rig.now += 3601
  expect((await browser.get(await requestUrl(https))).status).toBe(200)
})

test('CN6 skipped consent: not after the client has changed or its grants were revoked', async () => {
  const rig = pagesRig(remembering)
  const browser = await remembered(rig)
  const { context } = createContext(rig.options)
  const changed = {
    ...context.clients,
    find: async (id: string) => ({ ...(await context.clients.find(id))!, metadataHash: 'changed' }),
  }
  const headers = { cookie: 'user=alice', 'sec-fetch-site': 'none' }
  const request = new Request(`https://as.test${await requestUrl(https)}`, { headers })
  expect((await authorizeEndpoint({ ...context, clients: changed })(request)).status).toBe(200)
  codeOf(await browser.get(await requestUrl(https)))
  await rig.as.grants.revoke('alice')
  expect((await browser.get(await requestUrl(https))).status).toBe(200)
})

test('CN6 consent is remembered only if the option is on, the user wants it, and the redirect is https', async () => {
  const off = await browserOf(pagesRig(), 'alice').get(await requestUrl(https))
  expect(off.text).not.toContain('remember')
  const rig = pagesRig(remembering)
  const browser = browserOf(rig, 'alice')
  const loopback = await browser.get(await requestUrl())
  expect(loopback.text).not.toContain('remember')
  const fields = { remember: 'yes' }
  codeOf(await browser.submit(loopback, { decision: 'approve', scopes: ['notes:read'], fields }))
  const page = await browser.get(await requestUrl(https))
  codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read', 'notes:write'] }))
  expect((await browser.get(await requestUrl(https))).status).toBe(200)
  expect((await browser.get(await requestUrl())).status).toBe(200)
})

const ends: Record<string, (rig: Rig, token: string) => Promise<unknown>> = {
  'the client revokes its grant': (rig, token) =>
    rig.post({ client_id: 'pub', token }, { url: rig.path('revoke') }),
  'a refresh token is used again': async (rig, token) => {
    await ok(await rig.refresh(token))
    await ok(await rig.refresh((await ok(await rig.refresh(token))).refresh_token))
    rig.now += 31
    return rig.refresh(token)
  },
  'everything is revoked': (rig) => rig.as.revokeAll(),
  'the user disconnects the app': async (rig) =>
    rig.as.grants.revoke('alice', (await rig.as.grants.list('alice'))[0]!.id),
}

test.each(Object.keys(ends))('T7 CN6 a remembered consent ends when %s', async (how) => {
  const rig = pagesRig(remembering)
  const browser = browserOf(rig, 'alice')
  const silently = async (): Promise<Shown> => browser.get(await requestUrl({ ...https, prompt: 'none' }))
  const redeem = async (shown: Shown): Promise<string> => {
    const approved = { code: codeOf(shown), verifier, grantId: '' }
    return (await ok(await rig.redeem(approved, { redirect_uri: https.redirect_uri }))).refresh_token
  }
  const page = await browser.get(await requestUrl(https))
  const scopes = ['notes:read', 'notes:write']
  await redeem(await browser.submit(page, { decision: 'approve', scopes, fields: { remember: 'yes' } }))
  const token = await redeem(await silently())
  expect(read(await browser.get('/account'))).toContain('Not asked again')
  await ends[how]!(rig, token)
  expectRedirect(await silently(), 'consent_required', { to: https.redirect_uri })
  expect((await browser.get(await requestUrl(https))).status).toBe(200)
  expect(read(await browser.get('/account'))).not.toContain('Not asked again')
  // Asked again, and remembered again.
  const again = await browser.get(await requestUrl(https))
  await redeem(await browser.submit(again, { decision: 'approve', scopes, fields: { remember: 'yes' } }))
  codeOf(await silently())
})

test('T7 the account page lists remembered consents, also without a grant, and forgets them', async () => {
  const rig = pagesRig({ lifetimes: { rememberedConsent: 3 * 86_400 } })
  const browser = await remembered(rig)
  codeOf(
    await browser.submit(await browser.get(await requestUrl()), {
      decision: 'approve',
      scopes: ['notes:read'],
    }),
  )
  // Neither code was redeemed.
  rig.now += 61
  const page = await browser.get('/account')
  expect(read(page)).toMatch(/No app has access.*Not asked again.*Pub returns to app\.test · for 3 days/)
  expect(page.text.match(/name="consent"/g)).toHaveLength(1)
  codeOf(await browser.get(await requestUrl({ ...https, prompt: 'none' })))
  const done = await browser.submit(page, { fields: { action: 'forget' } }, 'name="consent"')
  expect(read(await browser.visit(done.location!.href))).toMatch(/You are asked again when that app connects/)
  expect((await browser.get(await requestUrl(https))).status).toBe(200)
})

test('CN7 CSRF: consent is not skipped if another site sent the user', async () => {
  const browser = await remembered(pagesRig(remembering))
  for (const site of ['cross-site', 'same-site', '', 'none, none'])
    expect((await browser.get(await requestUrl(https), { 'sec-fetch-site': site })).status).toBe(200)
  for (const site of ['none', 'same-origin'])
    codeOf(await browser.get(await requestUrl(https), { 'sec-fetch-site': site }))
})

test('CN7 a login in between does not hide that another site sent the user', async () => {
  const browser = await remembered(pagesRig(remembering))
  for (const [site, shown] of [
    ['cross-site', 'page'],
    ['same-site', 'page'],
    ['', 'page'],
    ['none', 'code'],
  ] as const) {
    browser.cookies.delete('user')
    const away = await browser.get(await requestUrl(https), { 'sec-fetch-site': site })
    const back = away.location!.searchParams.get('return_to')!
    browser.cookies.set('user', 'alice')
    const arrived = await browser.get(back, { 'sec-fetch-site': 'same-origin' })
    expect([site, arrived.status === 200 ? 'page' : codeOf(arrived) && 'code']).toEqual([site, shown])
  }
})

test('CN7 to use another account does not hide that another site sent the user', async () => {
  const browser = await remembered(pagesRig(remembering))
  const page = await browser.get(await requestUrl(https), { 'sec-fetch-site': 'cross-site' })
  const [, link] = /href="([^"]*select_account[^"]*)"/.exec(page.text)!
  const away = await browser.get(link!.replaceAll('&amp;', '&'), { 'sec-fetch-site': 'same-origin' })
  // The same user signs in again.
  const back = away.location!.searchParams.get('return_to')!
  const arrived = await browser.get(back, { 'sec-fetch-site': 'same-origin' })
  expect([arrived.status, arrived.location]).toEqual([200, undefined])
})

test('CN7 an approval without a session leads through the login to the page, not to a remembered consent', async () => {
  const browser = await remembered(pagesRig(remembering))
  const page = await browser.get(await requestUrl(https), { 'sec-fetch-site': 'cross-site' })
  browser.cookies.delete('user')
  const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  browser.cookies.set('user', 'alice')
  const back = away.location!.searchParams.get('return_to')!
  const arrived = await browser.get(back, { 'sec-fetch-site': 'same-origin' })
  expect([arrived.status, arrived.location]).toEqual([200, undefined])
})

test('S21 no tick if any program can receive the answer, for any host of the redirect URI', async () => {
  const page = await documentPage('https://c.test/client.json', 'capp://c.test/cb')
  expect(page).toMatch(/Unverified.*Hosted at c\.test/)
  expect(page).not.toContain('✓')
})

test('CN7 open redirect: denying does not lead a client’s user back to this server, and to a silent code', async () => {
  for (const path of ['/authorize', '/login', '/anything']) {
    const rig = pagesRig(remembering)
    const browser = await remembered(rig)
    const query = new URLSearchParams((await requestUrl({ ...https, state: undefined })).split('?')[1])
    for (const name of ['scope', 'resource']) query.delete(name)
    const uri = `https://as.test${path}?${query}`
    const client_id = await registered(rig, { redirect_uris: [uri] })
    const written = grantsWritten(rig)
    for (const more of [{}, { response_type: 'token' }, { redirect_uri: undefined }])
      expectLocal(await browser.get(await requestUrl({ client_id, redirect_uri: uri, ...more })))
    expect(grantsWritten(rig)).toBe(written)
  }
})

test('a pre-registered client may lead back to this server: it is of the same deployment', async () => {
  const uri = 'https://as.test/app/callback'
  const rig = pagesRig({ clients: [{ client_id: 'own', redirect_uris: [uri] }] })
  const page = await browserOf(rig, 'alice').get(await requestUrl({ client_id: 'own', redirect_uri: uri }))
  expect(read(page)).toContain('Access goes to as.test')
})

test('CN6 a consent is never remembered for a loopback redirect, https or not', async () => {
  for (const uri of ['https://localhost/cb', 'https://app.localhost:8443/cb', 'https://127.0.0.1/cb']) {
    const rig = pagesRig(remembering)
    const client_id = await registered(rig, { redirect_uris: [uri] })
    const page = await browserOf(rig, 'alice').get(await requestUrl({ client_id, redirect_uri: uri }))
    expect(page.text).not.toContain('name="remember"')
    expect(read(page)).toContain('Any program on this computer could be asking')
  }
})

test.each([
  'Claude (✓ Verified)',
  'Claude ✔\ufe0f',
  '✅ Claude',
  'Claude ☑',
  'Claude 🗸',
  'Claude 🛡️🔒',
  'Claude √',
])('CN1 the name %s carries no sign of ours or of the browser', async (client_name) => {
  const rig = pagesRig()
  const page = await browserOf(rig, 'alice').get(await evilRequest(rig, { client_name }))
  expect(read(page)).toMatch(/Claude.*wants to use/)
  expect(page.text).not.toMatch(/[✓✔✅☑🗸🛡🔒√]/u)
})

test('a user grants no more than allowed', async () => {
  const rig = pagesRig({
    signIn: cookieLogin({ reader: { scopes: ['notes:read'] }, nothing: { scopes: ['x'] } }),
  })
  const page = await browserOf(rig, 'reader').get(await requestUrl())
  expect(read(page)).not.toContain('Change your notes')
  expectRedirect(await browserOf(rig, 'nothing').get(await requestUrl()), 'access_denied')
})

test('SI1 scopes of an identity that no resource has: the event names them, the client does not get them', async () => {
  const rig = pagesRig({
    signIn: cookieLogin({ typo: { scopes: ['notes:raed', 'x'] }, none: { scopes: [] } }),
  })
  const refused = await browserOf(rig, 'typo').get(await requestUrl())
  expectRedirect(refused, 'access_denied')
  expect(String(refused.location)).not.toMatch(/raed/)
  expect(rig.events.at(-1)).toMatchObject({
    type: 'consent.denied',
    error: 'access_denied',
    detail: expect.stringMatching(/^`signIn` gave an identity scopes that no resource has: notes:raed x$/),
  })
  await browserOf(rig, 'none').get(await requestUrl())
  expect(rig.events.at(-1)).toMatchObject({ detail: 'This account cannot grant what was asked for' })
})

test('CN13 another user signs in while the page is open: consent anew', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  browser.cookies.set('user', 'bob')
  const again = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expect(read(again)).toMatch(/Signed in as bob@example\.com.*Another account has signed in/)
  expect(grantsWritten(rig)).toBe(0)
  codeOf(await browser.submit(again, { decision: 'approve', scopes: ['notes:read'] }))
  expect(await rig.as.grants.list('alice')).toEqual([])
  expect(await rig.as.grants.list('bob')).toHaveLength(1)
})

test('signed out while the page is open: sign in, then consent anew', async () => {
  const browser = browserOf(pagesRig(), 'alice')
  const page = await browser.get(await requestUrl())
  browser.cookies.delete('user')
  const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expect(away.location!.pathname).toBe('/login')
  browser.cookies.set('user', 'alice')
  expect((await browser.get(away.location!.searchParams.get('return_to')!)).status).toBe(200)
})

test('ownLogin: the login’s URL and parameters', async () => {
  const rig = pagesRig()
  const shown = await browserOf(rig).get(await requestUrl({ prompt: 'login', login_hint: 'alice' }))
  expectPageHeaders(shown)
  expect([shown.status, shown.location!.origin, shown.location!.pathname]).toEqual([
    303,
    rig.issuer,
    '/login',
  ])
  expect(shown.location!.searchParams.get('prompt')).toBe('login')
  expect(shown.location!.searchParams.get('login_hint')).toBe('alice')
  expect(shown.location!.searchParams.get('return_to')).toMatch(
    /^\/authorize\?response_type=code&client_id=pub&/,
  )
  const elsewhere = ownLogin({ identify: () => undefined, loginUrl: 'https://app.test/login?x=1' })
  const away = await browserOf(pagesRig({ signIn: elsewhere })).get(await requestUrl())
  expect(away.location!.href).toMatch(
    /^https:\/\/app\.test\/login\?x=1&return_to=https%3A%2F%2Fas\.test%2Fauthorize/,
  )
  for (const loginUrl of ['login', '//evil.test', '/\\evil.test', 'javascript:alert(1)', ''])
    expect(() => ownLogin({ identify: () => undefined, loginUrl })).toThrow(ConfigurationError)
})

test('CN8 an upstream with a session of its own: consent first, nothing of the upstream before', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const browser = browserOf(rig)
  const page = await browser.visit(await evilRequest(rig))
  expect(read(page)).toContain('If you approve, you will sign in with Upstream')
  expect(upstream.started).toEqual([])
  expect([...browser.cookies.keys()].filter((name) => name.includes('sign-in'))).toEqual([])
  const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expect(away.location!.host).toBe('up.test')
  expectPageHeaders(away)
  expect(rig.store.written).toEqual([])
  const { state } = upstream.started[0]!.leg
  const done = await browser.get(`/authorize/callback?code=up-code&state=${state}`, {
    'sec-fetch-site': 'cross-site',
  })
  codeOf(done)
  expect(done.location!.host).toBe('evil.test')
  const [grant] = await rig.as.grants.list('up|alice')
  expect(grant).toMatchObject({ scopes: ['notes:read'], clientName: 'Evil' })
  // The own session names the account, and never skips consent.
  const second = await browser.visit(await evilRequest(rig))
  expect(read(second)).toContain('Signed in as alice')
  expect(upstream.started).toHaveLength(1)
})

test('CN8 RFC 6265 §6.1 the session fits a cookie, also with a long name from the upstream', async () => {
  const upstream = new FakeUpstream()
  upstream.user = { subject: 'up|alice', name: 'é'.repeat(5000) }
  const rig = new Rig({ signIn: upstream })
  const browser = browserOf(rig)
  await browser.submit(await browser.visit(await evilRequest(rig)), {
    decision: 'approve',
    scopes: ['notes:read'],
  })
  await browser.get(`/authorize/callback?code=up-code&state=${upstream.started[0]!.leg.state}`)
  const session = [...browser.cookies].find(([name]) => name.includes('session'))!.join('=')
  expect(session.length).toBeLessThan(4096 - 200)
  expect(read(await browser.visit(await evilRequest(rig)))).toContain('Signed in as ééé')
})

test('AZ14 a sign-in that redirects: always 303, and its own cookies are kept', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const { start } = upstream
  upstream.start = (request, flow) => {
    const headers = new Headers(start.call(upstream, request, flow).headers)
    for (const each of ['a=1; Path=/', 'b=2; Path=/']) headers.append('set-cookie', each)
    return new Response(null, { status: 307, headers })
  }
  const browser = browserOf(rig)
  const away = await browser.submit(await browser.get(await requestUrl()), {
    decision: 'approve',
    scopes: ['notes:read'],
  })
  expect(away.status).toBe(303)
  expectPageHeaders(away)
  expect([browser.cookies.get('a'), browser.cookies.get('b')]).toEqual(['1', '2'])
  expect([...browser.cookies.keys()].some((name) => name.startsWith('__Host-tollgate-sign-in-'))).toBe(true)
})

test('HT4 over plain http an https issuer answers nothing, unless a proxy ends TLS', async () => {
  const url = `http://as.test${await requestUrl()}`
  const refused = await pagesRig().get(url)
  expect([refused!.status, (await refused!.text()).includes('behindProxy')]).toEqual([400, true])
  expect((await pagesRig({ behindProxy: true }).get(url))!.status).toBe(303)
})

test('CN8 denying at the page never reaches the upstream', async () => {
  const upstream = new FakeUpstream()
  const browser = browserOf(new Rig({ signIn: upstream }))
  expectRedirect(
    await browser.submit(await browser.get(await requestUrl()), { decision: 'deny' }),
    'access_denied',
  )
  expect(upstream.started).toEqual([])
})

test('CN13 the page named an account and another one comes back: consent anew', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const browser = browserOf(rig)
  const through = async (page: Shown): Promise<Shown> => {
    const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    return browser.get(`/authorize/callback?code=c&state=${away.location!.searchParams.get('state')}`)
  }
  codeOf(await through(await browser.get(await requestUrl())))
  const before = browser.cookies.get('__Host-tollgate-session')
  upstream.user = { subject: 'up|bob', name: 'bob' }
  const again = await through(await browser.get(await requestUrl()))
  expect(read(again)).toMatch(/Signed in as bob.*with another account/)
  expect(browser.cookies.get('__Host-tollgate-session')).not.toBe(before)
  expect(await rig.as.grants.list('up|bob')).toEqual([])
  codeOf(await through(again))
  expect(await rig.as.grants.list('up|bob')).toHaveLength(1)
})

test('CN10 an upstream sign-in that fails: the client gets an error without the upstream’s text', async () => {
  const upstream = new FakeUpstream()
  const browser = browserOf(new Rig({ signIn: upstream }))
  const page = await browser.get(await requestUrl())
  const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  upstream.failure = new OAuthError('access_denied', 'The sign-in was refused')
  const back = `/authorize/callback?error=<script>&state=${away.location!.searchParams.get('state')}`
  const shown = await browser.get(back)
  expectRedirect(shown, 'access_denied')
  expect(shown.location!.searchParams.get('error_description')).toBe('The sign-in was refused')
})

test('an upstream is told of prompt; max_age and scopes of the user hold', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const browser = browserOf(rig)
  const through = async (parameters: Record<string, string>): Promise<Shown> => {
    const page = await browser.get(await requestUrl(parameters))
    const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:write'] })
    return browser.get(`/authorize/callback?code=c&state=${away.location!.searchParams.get('state')}`)
  }
  upstream.user = { subject: 'up|alice', authTime: rig.now - 1000 }
  expectRedirect(await through({ max_age: '100', prompt: 'login' }), 'login_required')
  expect(upstream.started[0]!.prompt).toBe('login')
  upstream.user = { subject: 'up|alice', scopes: ['notes:read'] }
  expectRedirect(await through({}), 'access_denied')
  expect(grantsWritten(rig)).toBe(0)
})

test.each([
  [{ prompt: 'login' }, undefined, 'login_required'],
  [{ prompt: 'login' }, -1000, 'login_required'],
  [{ prompt: 'login' }, 0, undefined],
  [{ max_age: '60' }, undefined, 'login_required'],
  [{ max_age: '60' }, -1000, 'login_required'],
  [{ max_age: '60' }, -50, undefined],
  [{ max_age: '0' }, -50, 'login_required'],
  [{ max_age: '0' }, 0, undefined],
  [{}, undefined, undefined],
] as const)('S20 an upstream, asked for %j, whose sign-in was at %s: %s', async (wish, at, error) => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const browser = browserOf(rig)
  upstream.user = { subject: 'up|alice', ...(at === undefined ? {} : { authTime: rig.now + at }) }
  const page = await browser.get(await requestUrl(wish))
  const away = await browser.submit(page, { decision: 'approve', scopes: ['notes:write'] })
  rig.now += 100
  const back = await browser.get(
    `/authorize/callback?code=c&state=${away.location!.searchParams.get('state')}`,
  )
  if (error === undefined) codeOf(back)
  else expectRedirect(back, error)
})

const devIssuer = 'http://localhost:4000'
const devRig = (): Rig => new Rig({ issuer: devIssuer, signIn: dangerouslyDevSignIn() })

test('development sign-in: a name, then consent; on http without Secure and __Host-', async () => {
  const rig = devRig()
  const browser = browserOf(rig)
  const signIn = await browser.visit(await requestUrl())
  expect(read(signIn)).toContain('No password')
  expectPageHeaders(signIn)
  const unnamed = await browser.submit(signIn, { fields: { name: ' ' } })
  expect(read(unnamed)).toContain('Type a name')
  const back = await browser.submit(unnamed, { fields: { name: 'alice' } })
  expect([back.status, back.location!.pathname]).toEqual([303, '/authorize'])
  const page = await browser.get(back.location!.href)
  expect(read(page)).toContain('Signed in as alice')
  const done = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expect(done.location!.searchParams.get('iss')).toBe(devIssuer)
  expect([...browser.cookies.keys()].every((name) => name.startsWith('tollgate-4000-'))).toBe(true)
  const all = browser.received.flatMap((headers) => headers.getSetCookie())
  expect(all.length).toBeGreaterThan(3)
  for (const each of all)
    expect(each).toMatch(/^tollgate-4000-.*; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/)
  // Signed in: not asked for the name again, unless another account is wanted.
  expect(read(await browser.visit(await requestUrl()))).toContain('Signed in as alice')
  const other = await browser.visit(await requestUrl({ prompt: 'select_account' }))
  expect(read(other)).toContain('Your name')
  const bob = await browser.submit(other, { fields: { name: 'bob' } })
  expect(read(await browser.visit(bob.location!.href))).toContain('Signed in as bob')
  rig.now += 3601
  expect(read(await browser.visit(await requestUrl()))).toContain('Your name')
})

test('development sign-in is refused unless the issuer is a loopback address', () => {
  expect(() => new Rig({ signIn: dangerouslyDevSignIn() })).toThrow(/loopback/)
  expect(() => new Rig({ issuer: 'https://localhost.evil.test', signIn: dangerouslyDevSignIn() })).toThrow(
    /loopback/,
  )
})

test('CN13 after the sign-in only paths of this server are gone to', async () => {
  const rig = devRig()
  const start = await browserOf(rig).visit(await requestUrl())
  const action = new URL(forms(start.text)[0]!.action, devIssuer)
  const evil = [
    '//evil.test',
    '/\\evil.test',
    'https:evil.test',
    'https://evil.test/authorize',
    '/\t/evil.test',
    '/other',
  ]
  for (const return_to of evil) {
    const browser = browserOf(rig)
    const page = await browser.visit(await requestUrl())
    const own = new URL(forms(page.text)[0]!.action, devIssuer)
    own.searchParams.set('return_to', return_to)
    const back = await browser.post(own.pathname + own.search, 'name=alice')
    expect([return_to, back.status, back.location!.href]).toEqual([return_to, 303, `${devIssuer}/account`])
  }
  expect(action.searchParams.get('return_to')).toMatch(/^\/authorize\?/)
})

test('revokeAll ends sessions too', async () => {
  const rig = devRig()
  const browser = browserOf(rig)
  const signIn = await browser.visit(await requestUrl())
  const back = await browser.submit(signIn, { fields: { name: 'alice' } })
  await rig.as.revokeAll()
  expect(read(await browser.visit(back.location!.href))).toContain('Your name')
})

test('AZ14 every page and redirect carries the headers', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  const shown = [
    page,
    await browserOf(rig).get(await requestUrl()),
    await browser.get('/authorize'),
    await browser.get(await requestUrl({ scope: 'x' })),
    await browser.post('/authorize', ''),
    await browser.submit(page, { decision: 'deny' }),
    await browser.get('/account'),
  ]
  for (const each of shown) expectPageHeaders(each)
  expect(shown.map(({ status }) => status)).toEqual([200, 303, 400, 303, 403, 303, 200])
  const nonce = /style-src 'nonce-([^']+)'/.exec(page.headers.get('content-security-policy')!)![1]!
  expect(page.text).toContain(`<style nonce="${nonce}">`)
  expect(page.text).not.toMatch(/ style="/)
  for (const method of ['PUT', 'DELETE']) {
    const response = await rig.get('https://as.test/authorize', { method })
    expect([response!.status, response!.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS'])
  }
})

test('branding: name, logo and colours', async () => {
  const branding = {
    name: 'Acme <b>',
    logo: 'https://cdn.acme.test/logo.svg',
    accent: '#fc0',
    accentDark: '#123456',
  }
  const page = await browserOf(pagesRig({ branding }), 'alice').get(await requestUrl())
  expect(page.text).toContain('<bdi>Acme &lt;b&gt;</bdi>')
  expect(page.text).toContain('<img src="https://cdn.acme.test/logo.svg" alt=""')
  expect(page.headers.get('content-security-policy')).toContain('; img-src https://cdn.acme.test;')
  expect(page.text).toContain('--accent:light-dark(#fc0,#123456);--on:light-dark(#000,#fff)')
  for (const bad of [
    { accent: 'red;}' },
    { logo: 'javascript:alert(1)' },
    { logo: 'https://x/"' },
    { colour: '#fff' },
  ])
    expect(() => pagesRig({ branding: bad })).toThrow(ConfigurationError)
})
