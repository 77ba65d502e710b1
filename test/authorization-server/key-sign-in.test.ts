// Sign-in with an API key that the user pastes.
import { expect, test } from 'vitest'
import { keySignIn, type KeySignInOptions } from '../../src/authorization-server/sign-in/key.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { ConfigurationError, UnavailableError } from '../../src/errors.ts'
import { ok, Rig } from '../support/as.ts'
import {
  Browser,
  codeOf,
  expectLocal,
  expectRedirect,
  forms,
  requestUrl,
  verifier,
  type Shown,
} from '../support/pages.ts'

const good = 'nk_live_of-alice-0123456789'

class KeyRig extends Rig {
  /** What `verify` got. */
  readonly asked: string[]
  readonly errors: unknown[]

  constructor(keyOptions: Partial<KeySignInOptions> = {}, options: Partial<AuthorizationServerOptions> = {}) {
    const asked: string[] = []
    const errors: unknown[] = []
    const signIn = keySignIn({
      verify: (key) => {
        asked.push(key)
        return key === good ? { subject: 'alice', name: 'Alice', scopes: ['notes:read'] } : null
      },
      ...keyOptions,
    })
    super({ signIn, onError: (error) => errors.push(error), ...options })
    this.asked = asked
    this.errors = errors
  }
}

async function open(rig: Rig, parameters = {}): Promise<{ browser: Browser; page: Shown }> {
  const browser = new Browser(rig)
  return { browser, page: await browser.get(await requestUrl(parameters)) }
}

const paste = (browser: Browser, page: Shown, key: string): Promise<Shown> =>
  browser.submit(page, { fields: { key } })

test('SI8 the form: a password field that is never filled in, with the deployment’s word for the key', async () => {
  const { page } = await open(new KeyRig({ label: 'Notes <key>' }))
  expectLocal(page, 200)
  const [input] = /<input\s+type="password"[^>]*>/.exec(page.text)!
  expect(input).toMatch(/id="key"[\s\S]*name="key"[\s\S]*required[\s\S]*autocomplete="off"/)
  expect(input).not.toContain('value=')
  expect(page.text).toContain('<label for="key"><strong>Notes &lt;key&gt;</strong>')
})

test('SI8 the owner of the key is signed in and grants at most what the key may', async () => {
  const rig = new KeyRig()
  const { browser, page } = await open(rig)
  const back = await paste(browser, page, `  ${good}\n`)
  expect(rig.asked).toEqual([good])
  const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
  expect(consent.text).toContain('Alice')
  expect(consent.text).not.toContain('Change your notes')
  codeOf(await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] }))
  expect(await rig.as.grants.list('alice')).toHaveLength(1)
})

test('SI8 the key is stored nowhere and shown nowhere, good or bad', async () => {
  const rig = new KeyRig()
  const { browser, page } = await open(rig)
  const wrong = await paste(browser, page, 'nk_live_of-bob')
  const back = await paste(browser, wrong, good)
  const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
  await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] })
  const seen = [
    wrong.text,
    consent.text,
    JSON.stringify([rig.events, rig.store.calls]),
    ...browser.received.flatMap((headers) => [...headers].map(String)),
  ].join('\n')
  expect(seen).not.toContain('nk_live')
  expect(seen).not.toContain(btoa(good).slice(0, 20))
})

test.each([
  ['unknown', 'nk_live_x', 'This API key is not valid.', 1],
  ['empty', '  ', 'Paste your API key.', 0],
  ['too long', 'x'.repeat(4097), 'This API key is not valid.', 0],
])('SI8 a key that is %s: the page says so', async (_, key, says, calls) => {
  const rig = new KeyRig()
  const { browser, page } = await open(rig)
  const shown = await paste(browser, page, key)
  expectLocal(shown)
  expect(shown.text).toContain(`role="alert">${says}`)
  expect(shown.text).toMatch(/aria-describedby="problem"[^>]*aria-invalid="true"/)
  expect(rig.asked).toHaveLength(calls)
  expect(browser.cookies.has('__Host-tollgate-session')).toBe(false)
})

test('SI8 guesses of one caller are limited before `verify` is asked', async () => {
  const rig = new KeyRig({}, { clientAddress: () => '192.0.2.1' })
  const { browser, page } = await open(rig)
  for (let i = 0; i < 10; i++) expect((await paste(browser, page, `guess ${i}`)).status).toBe(400)
  const refused = await paste(browser, page, good)
  expectLocal(refused, 429)
  expect(refused.headers.get('retry-after')).toBe('60')
  expect(rig.asked).toHaveLength(10)
  rig.now += 60
  expect((await paste(browser, page, good)).status).toBe(303)
})

test.each([
  ['an exception that quotes the key', (key: string) => Promise.reject(new Error(`no ${key}`)), 500],
  ['an outage', () => Promise.reject(new UnavailableError('The key service is down')), 503],
  ['an identity without a subject', () => ({ name: 'x' }) as never, 500],
])('SI8 `verify` gives %s: no user is signed in, and nothing is shown', async (_, verify, status) => {
  const rig = new KeyRig({ verify })
  const { browser, page } = await open(rig)
  const shown = await paste(browser, page, good)
  expectLocal(shown, status)
  expect(shown.text + JSON.stringify(rig.events)).not.toContain('nk_live')
  expect(rig.errors).toHaveLength(1)
  expect(browser.cookies.has('__Host-tollgate-session')).toBe(false)
})

test('SI8 CSRF and replay: only this browser’s form, from this server, once', async () => {
  const rig = new KeyRig()
  const { browser, page } = await open(rig)
  const { action } = forms(page.text)[0]!
  const body = new URLSearchParams({ key: good })
  expectLocal(await browser.post(action, body, { origin: 'https://evil.test' }), 403)
  expectLocal(await new Browser(rig).post(action, body), 403)
  expectLocal(await browser.get(`${action}&key=${good}`), 200)
  expect(rig.asked).toEqual([])
  expect((await browser.post(action, body)).status).toBe(303)
  expectLocal(await browser.post(action, body), 403)
})

test('SI8 prompt=none redirects without a page; prompt=login and max_age ask for the key again', async () => {
  const rig = new KeyRig()
  expectRedirect((await open(rig, { prompt: 'none' })).page, 'login_required')
  const { browser, page } = await open(rig)
  await paste(browser, page, good)
  const before = browser.cookies.get('__Host-tollgate-session')
  rig.now += 120
  for (const wish of [{ prompt: 'login' }, { max_age: '60' }]) {
    const again = await browser.get(await requestUrl(wish))
    expect(again.text).toContain('name="key"')
    const back = await paste(browser, again, good)
    const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
    codeOf(await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] }))
    rig.now += 120
  }
  // Session fixation.
  expect(browser.cookies.get('__Host-tollgate-session')).not.toBe(before)
})

test.each<[string, unknown]>([
  ['keySignIn', undefined],
  ['verify', {}],
  ['verify', { verify: 'key' }],
  ['label', { verify: () => null, label: '' }],
  ['label', { verify: () => null, label: 'x'.repeat(41) }],
  ['keySignIn.lable', { verify: () => null, lable: 'x' }],
])('SI8 a wrong option: %s', (option, options) => {
  const create = (): unknown => keySignIn(options as never)
  expect(create).toThrow(ConfigurationError)
  expect(create).toThrow(expect.objectContaining({ option }))
})

test('SI4 the props of the identity reach onTokens, consent.choices and the handler; too large ones are an error', async () => {
  const seen: unknown[] = []
  let props: unknown = { role: 'reader' }
  const rig = new Rig({
    signIn: keySignIn({ verify: (key) => ({ subject: key, props }) }),
    onTokens: (pending) => {
      seen.push(pending.props)
      return undefined
    },
    consent: {
      choices: (identity) => {
        seen.push(identity.props)
        return []
      },
    },
  })
  const browser = new Browser(rig)
  const back = await browser.submit(await browser.get(await requestUrl()), { fields: { key: 'alice' } })
  const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
  const approved = await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] })
  const { access_token: token } = await ok(
    await rig.redeem({ code: codeOf(approved), verifier, grantId: '' }, {}),
  )
  await rig.call(token)
  expect(rig.seen.at(-1)!.props).toEqual(props)
  expect(seen.length).toBeGreaterThan(1)
  expect(seen.every((each) => JSON.stringify(each) === JSON.stringify(props))).toBe(true)
  props = { note: 'x'.repeat(1500) }
  const other = new Browser(rig)
  expect((await other.submit(await other.get(await requestUrl()), { fields: { key: 'bob' } })).status).toBe(
    500,
  )
})
