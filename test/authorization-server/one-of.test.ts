// Several ways to sign in, and the page on which the user chooses.
import { expect, test } from 'vitest'
import { ownLogin } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { ConfigurationError } from '../../src/errors.ts'
import type { SignIn } from '../../src/types.ts'
import { Rig } from '../support/as.ts'
import {
  Browser,
  codeOf,
  expectLocal,
  expectRedirect,
  FakeUpstream,
  forms,
  requestUrl,
  type Shown,
} from '../support/pages.ts'

const notes = keySignIn({ label: 'Notes key', verify: (key) => ({ subject: `notes|${key}` }) })
const mail = keySignIn({ label: 'Mail key', verify: (key) => ({ subject: `mail|${key}` }) })

async function open(rig: Rig, parameters = {}): Promise<{ browser: Browser; page: Shown }> {
  const browser = new Browser(rig)
  return { browser, page: await browser.get(await requestUrl(parameters)) }
}

/** What the buttons of the chooser say, in order. */
const buttons = ({ text }: Shown): string[] =>
  [...text.matchAll(/<button[^>]*>([\s\S]*?)<\/button>/g)].map(([, inner]) =>
    inner!
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  )

test('SI9 the user chooses, signs in that way, and comes back to the request', async () => {
  const rig = new Rig({ signIn: oneOf(notes, mail) })
  const { browser, page } = await open(rig)
  expectLocal(page, 200)
  expect(buttons(page)).toEqual(['Sign in with your Notes key', 'Sign in with your Mail key'])
  const form = await browser.submit(page, {}, 'Mail key')
  expectLocal(form, 200)
  expect(form.text).toContain('<strong>Mail key</strong>')
  // A wrong attempt, and the page opened anew, stay with the choice.
  const wrong = await browser.submit(form, { fields: { key: ' ' } })
  expect(wrong.text).toContain('Paste your Mail key.')
  const again = await browser.get(forms(wrong.text)[0]!.action)
  expect(again.text).toContain('<strong>Mail key</strong>')
  const back = await browser.submit(again, { fields: { key: '7' } })
  const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
  codeOf(await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] }))
  expect(await rig.as.grants.list('mail|7')).toHaveLength(1)
})

test('SI9 the last choice of this browser comes first', async () => {
  const rig = new Rig({ signIn: oneOf(notes, mail) })
  const { browser, page } = await open(rig)
  await browser.submit(page, {}, 'Mail key')
  const remembered = browser.received
    .flatMap((headers) => headers.getSetCookie())
    .filter((each) => /choice/.test(each))
  expect(remembered).toHaveLength(1)
  expect(remembered[0]).toMatch(/^__Host-[^;]*; Path=\/; Max-Age=15552000; HttpOnly; SameSite=Lax; Secure$/)
  const next = await browser.get(await requestUrl())
  expect(buttons(next)).toEqual(['Sign in with your Mail key (used last)', 'Sign in with your Notes key'])
  // Each button still does what it says.
  expect((await browser.submit(next, {}, 'Notes key')).text).toContain('<strong>Notes key</strong>')
  expect(buttons(await browser.get(await requestUrl()))[0]).toBe('Sign in with your Notes key (used last)')
  const cookie = [...browser.cookies.keys()].find((name) => name.endsWith('choice'))!
  for (const value of ['x', '', 'bm9uZQ', '__proto__']) {
    browser.cookies.set(cookie, value)
    expect(buttons(await browser.get(await requestUrl()))[0]).toBe('Sign in with your Notes key')
  }
})

test('SI9 with an upstream consent comes first; it gets what the client wished, and finds what it kept', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: oneOf(notes, upstream) })
  const { browser, page } = await open(rig, { prompt: 'login', login_hint: 'x'.repeat(1000) })
  expect(page.text).toContain('wants to use')
  const chooser = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expect(upstream.started).toEqual([])
  expect(buttons(chooser)).toEqual(['Sign in with your Notes key', 'Sign in with Upstream'])
  const away = await browser.submit(chooser, {}, 'Upstream')
  expect([away.status, away.location!.host]).toEqual([303, 'up.test'])
  expect(upstream.started).toMatchObject([{ prompt: 'login' }])
  const { state } = upstream.started[0]!.leg
  upstream.user = { ...upstream.user, authTime: rig.now }
  // An answer from outside cannot choose.
  const { searchParams } = new URL(forms(chooser.text)[0]!.action, rig.issuer)
  const choice = searchParams.get('choice')
  codeOf(await browser.get(`/authorize/callback?code=up-code&choice=${choice}&state=${state}`))
  expect(upstream.redeemed).toEqual(['up-code'])
  expect(await rig.as.grants.list('up|alice')).toHaveLength(1)
})

test('SI9 beside an upstream, a key signs in after consent; too many attempts are a page, not a redirect', async () => {
  const rig = new Rig({ signIn: oneOf(notes, new FakeUpstream()), clientAddress: () => '192.0.2.1' })
  const { browser, page } = await open(rig, { prompt: 'login' })
  const chooser = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  const form = await browser.submit(chooser, {}, 'Notes key')
  const other = new Browser(rig)
  for (let i = 0; i < 10; i++) {
    const own = await other.submit(await other.get('/account'), {}, 'Notes key')
    await other.submit(own, { fields: { key: `k${i}` } })
    other.cookies.clear()
  }
  expectLocal(await browser.submit(form, { fields: { key: '1' } }), 429)
  rig.now += 60
  codeOf(await browser.submit(form, { fields: { key: '1' } }))
})

test('SI9 the user can go back and choose another way', async () => {
  const rig = new Rig({ signIn: oneOf(notes, mail) })
  const { browser, page } = await open(rig)
  await browser.submit(page, {}, 'Mail key')
  const form = await browser.submit(page, {}, 'Notes key')
  const back = await browser.submit(form, { fields: { key: '1' } })
  expect(back.status).toBe(303)
  expect((await browser.get('/account')).text).toContain('notes|1')
})

test('SI9 CSRF: another site, another browser and an unknown choice begin nothing', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: oneOf(upstream, notes) })
  const browser = new Browser(rig)
  const page = await browser.get('/account')
  const { action } = forms(page.text)[0]!
  expectLocal(await browser.post(action, '', { origin: 'https://evil.test' }), 403)
  expectLocal(await new Browser(rig).post(action, ''), 403)
  for (const choice of ['2', '0', 'length', '__proto__', '', 'Upstream'])
    expect(buttons(await browser.post(action.replace(/choice=\w+/, `choice=${choice}`), ''))).toHaveLength(2)
  expect(buttons(await browser.get(action))).toHaveLength(2)
  expect(upstream.started).toEqual([])
  expect((await browser.post(action, '')).location!.host).toBe('up.test')
})

test('SI9 open redirect: a chosen sign-in gets only addresses of this server to return to', async () => {
  const returns: string[] = []
  const spy: SignIn = {
    ...mail,
    start: (request, flow) => {
      returns.push(flow.returnTo)
      return mail.start(request, flow)
    },
  }
  const browser = new Browser(new Rig({ signIn: oneOf(notes, spy) }))
  for (const target of ['https://evil.test/', '//evil.test/x', '/\\evil.test', '/account?x=1']) {
    const page = await browser.get('/account')
    const { action } = forms(page.text).find(({ html }) => html.includes('Mail key'))!
    const url = new URL(action, 'https://as.test')
    url.searchParams.set('return_to', target)
    await browser.post(url.pathname + url.search, '')
  }
  expect(returns).toEqual([...Array<string>(3).fill('https://as.test/'), 'https://as.test/account?x=1'])
})

test('SI9 prompt=none: login_required and no page', async () => {
  expectRedirect(
    (await open(new Rig({ signIn: oneOf(notes, mail) }), { prompt: 'none' })).page,
    'login_required',
  )
})

test('SI9 a development sign-in among them stays on loopback, and is reported', () => {
  const signIn = oneOf(dangerouslyDevSignIn(), notes)
  expect(() => new Rig({ signIn })).toThrow(ConfigurationError)
  const rig = new Rig({ signIn, issuer: 'http://127.0.0.1:4000' })
  expect(rig.events).toContainEqual(
    expect.objectContaining({ type: 'option.weakening', detail: 'dangerouslyDevSignIn' }),
  )
})

test.each<[string, unknown[]]>([
  ['oneOf', []],
  ['oneOf', [notes]],
  ['oneOf', [notes, keySignIn({ label: 'Notes key', verify: () => null })]],
  ['oneOf[1]', [notes, {}]],
  ['oneOf[1]', [notes, undefined]],
  ['oneOf[0]', [ownLogin({ identify: () => undefined, loginUrl: '/login' }), notes]],
  ['oneOf[1]', [notes, oneOf(notes, mail)]],
])('SI9 a wrong argument: %s', (option, signIns) => {
  const create = (): unknown => oneOf(...(signIns as SignIn[]))
  expect(create).toThrow(ConfigurationError)
  expect(create).toThrow(expect.objectContaining({ option }))
})
