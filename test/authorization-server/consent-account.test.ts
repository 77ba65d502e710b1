// The account page: what is connected, and how to disconnect it.
import { expect, test } from 'vitest'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { ok, Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectLocal,
  expectPageHeaders,
  FakeUpstream,
  forms,
  pagesRig,
  requestUrl,
  verifier,
  type Browser,
  type Shown,
} from '../support/pages.ts'

async function connect(
  browser: Browser,
  parameters: Record<string, string> = {},
): Promise<Record<string, string>> {
  const all = { redirect_uri: 'https://app.test/cb', ...parameters }
  const page = await browser.get(await requestUrl(all))
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] }))
  const form = {
    grant_type: 'authorization_code',
    client_id: 'pub',
    code,
    code_verifier: verifier,
    ...parameters,
  }
  return { ...(await ok(await browser.rig.post({ redirect_uri: all.redirect_uri, ...form }))) } as never
}

const listed = ({ text }: Shown): string[] =>
  [...text.matchAll(/<h2><bdi>([^<]*)<\/bdi><\/h2>/g)].map(([, name]) => name!)

test('the account page lists the connected apps, what they may do, and when they were used', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  expect((await browser.get('/account')).text).toContain('No app has access to your account.')
  const tokens = await connect(browser)
  rig.now += 3 * 86_400
  await connect(browser, { client_id: 'pub2', redirect_uri: 'https://two.test/cb' })
  rig.now += 7200
  await rig.refresh(tokens.refresh_token!, {})
  const page = await browser.get('/account')
  expectPageHeaders(page)
  expect(listed(page)).toEqual(['Pub', 'Pub two'])
  const text = page.text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
  for (const each of [
    'Read your notes',
    'Connected 3 days ago · last used just now',
    'last used 2 hours ago',
  ])
    expect(text).toContain(each)
  expect(text).not.toContain('Change your notes')
  expect(listed(await browserOf(rig, 'bob').get('/account'))).toEqual([])
})

test('disconnecting one app ends that one', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const first = await connect(browser)
  const second = await connect(browser, { client_id: 'pub2', redirect_uri: 'https://two.test/cb' })
  const page = await browser.get('/account')
  const at = listed(page).indexOf('Pub')
  const grant = forms(page.text)[at]!.hidden.find(([name]) => name === 'grant')![1]
  const done = await browser.submit(page, { fields: { action: 'revoke' } }, `value="${grant}"`)
  expect([done.status, done.location!.href]).toEqual([303, 'https://as.test/account?done=revoke'])
  const after = await browser.visit(done.location!.href)
  expect(listed(after)).toEqual(['Pub two'])
  expect(after.text).toContain('The app is disconnected.')
  expect((await rig.refresh(first.refresh_token!)).status).toBe(400)
  expect((await rig.refresh(second.refresh_token!, { client_id: 'pub2' })).status).toBe(200)
})

test('disconnecting all ends all, and remembered consents with them', async () => {
  const rig = pagesRig({ lifetimes: { rememberedConsent: 3600 } })
  const browser = browserOf(rig, 'alice')
  const tokens = [await connect(browser), await connect(browser)]
  const page = await browser.get('/account')
  const done = await browser.submit(page, { fields: { action: 'revoke-all' } }, 'revoke-all')
  const after = await browser.visit(done.location!.href)
  expect([listed(after), after.text.includes('All apps are disconnected.')]).toEqual([[], true])
  for (const each of tokens) expect((await rig.refresh(each.refresh_token!)).status).toBe(400)
})

test('CN2 the account form: only this server’s, in this browser, for this user', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  await connect(browser)
  const page = await browser.get('/account')
  const body = new URLSearchParams(forms(page.text)[0]!.hidden)
  body.set('action', 'revoke-all')
  const mallory = browserOf(rig, 'mallory')
  const theirs = new URLSearchParams(forms((await browserOf(rig, 'alice').get('/account')).text)[0]!.hidden)
  const consent = forms((await browser.get(await requestUrl())).text)[0]!.hidden[0]![1]
  for (const token of [undefined, 'x', theirs.get('token')!, consent]) {
    const wrong = new URLSearchParams(body)
    if (token === undefined) wrong.delete('token')
    else wrong.set('token', token)
    expectLocal(await browser.post('/account', wrong), 403)
  }
  expectLocal(await mallory.post('/account', body), 403)
  expectLocal(await browser.post('/account', body, { origin: 'https://evil.test' }), 403)
  expectLocal(await browser.post('/account', body, { 'sec-fetch-site': 'cross-site' }), 403)
  // Another user has signed in since: nothing is revoked for either.
  browser.cookies.set('user', 'bob')
  expect((await browser.post('/account', body)).location!.href).toBe('https://as.test/account')
  browser.cookies.set('user', 'alice')
  rig.now += 3600
  expectLocal(await browser.post('/account', body))
  expect(listed(await browser.get('/account'))).toEqual(['Pub'])
})

test('a user cannot revoke another user’s grant', async () => {
  const rig = pagesRig()
  const alice = browserOf(rig, 'alice')
  await connect(alice)
  const grant = (await rig.as.grants.list('alice'))[0]!.id
  const bob = browserOf(rig, 'bob')
  await connect(bob)
  const page = await bob.get('/account')
  await bob.submit(page, { fields: { action: 'revoke', grant } })
  expect(await rig.as.grants.list('alice')).toHaveLength(1)
})

test('a user who is not signed in signs in first, and comes back', async () => {
  const shown = await browserOf(pagesRig()).get('/account')
  expect([shown.status, shown.location!.href]).toEqual([303, 'https://as.test/login?return_to=%2Faccount'])
  const issuer = 'http://127.0.0.1:4000'
  const rig = new Rig({ issuer, signIn: dangerouslyDevSignIn() })
  const browser = browserOf(rig)
  const back = await browser.submit(await browser.get('/account'), { fields: { name: 'alice' } })
  expect(back.location!.href).toBe(`${issuer}/account`)
  const page = await browser.get('/account')
  expect(page.text).toContain('Sign out')
  const out = await browser.submit(page, { fields: { action: 'sign-out' } }, 'sign-out')
  expect(out.location!.href).toBe(`${issuer}/account`)
  expect((await browser.get('/account')).text).toContain('Your name')
})

test('an upstream’s user comes to the account page by signing in, without any client', async () => {
  const upstream = new FakeUpstream()
  const browser = browserOf(new Rig({ signIn: upstream }))
  const away = await browser.get('/account')
  expect(away.location!.host).toBe('up.test')
  const back = await browser.get(
    `/authorize/callback?code=c&state=${away.location!.searchParams.get('state')}`,
  )
  expect(back.location!.href).toBe('https://as.test/account')
  expect((await browser.get('/account')).text).toContain('alice')
})
