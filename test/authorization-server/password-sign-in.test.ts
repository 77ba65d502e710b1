// Sign-in with a password: hashes, limits, the page, and what a client may ask for.
import { afterEach, describe, expect, test } from 'vitest'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import {
  hashPassword,
  passwordSignIn,
  type PasswordSignInOptions,
} from '../../src/authorization-server/sign-in/password.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { ConfigurationError } from '../../src/errors.ts'
import type { SignIn } from '../../src/types.ts'
import { Rig } from '../support/as.ts'
import {
  Browser,
  codeOf,
  expectLocal,
  expectRedirect,
  forms,
  requestUrl,
  type Shown,
} from '../support/pages.ts'

// Made with another implementation: Python's hashlib.pbkdf2_hmac.
const salt = '8PHy8/T19vf4+fr7/P3+/w'
const hashes = {
  standard: `$pbkdf2-sha256$i=600000$${salt}$ttagI5VBWGJt6hPD6X4CQzDldwCHKiXXKI+yrzq5Eis`,
  few: `$pbkdf2-sha256$i=100000$${salt}$2K30cJL1sUXhqN0vR9fCJGhsZ+ocuQWUJ7VM7moBJ94`,
}
const passwords = { ada: 'correct horse battery staple', zoe: 'Zoë’s paß 🔑' }

const users = {
  ada: { hash: hashes.standard, name: 'Ada Lovelace', props: { team: 'engines' } },
  'zoë@example.com': { hash: hashes.few, scopes: ['notes:read'] },
}

/** The address that a test calls from. */
let address: string | undefined

function passwordRig(options: Partial<AuthorizationServerOptions> = {}): Rig {
  const signIn = passwordSignIn({ users, dangerouslyFewIterations: true })
  return new Rig({ signIn, clientAddress: () => address, ...options })
}

/** The sign-in page of a new browser. */
async function open(rig: Rig, parameters = {}): Promise<{ browser: Browser; page: Shown }> {
  const browser = new Browser(rig)
  return { browser, page: await browser.get(await requestUrl(parameters)) }
}

const type = (browser: Browser, page: Shown, username: string, password: string): Promise<Shown> =>
  browser.submit(page, { fields: { username, password } })

const derivations = countDerivations()
afterEach(() => {
  address = undefined
  derivations.list.length = 0
})

/** Iterations of each PBKDF2 that ran. */
function countDerivations(): { list: number[]; refuse: number } {
  const counted = { list: [] as number[], refuse: Number.POSITIVE_INFINITY }
  const original = crypto.subtle.deriveBits.bind(crypto.subtle)
  Object.defineProperty(crypto.subtle, 'deriveBits', {
    configurable: true,
    value: (algorithm: { iterations: number }, ...rest: [CryptoKey, number]) => {
      counted.list.push(algorithm.iterations)
      // As Cloudflare Workers do it.
      if (algorithm.iterations > counted.refuse)
        throw new DOMException('iteration counts above 100000 are not supported', 'NotSupportedError')
      return original(algorithm as never, ...rest)
    },
  })
  return counted
}

describe('the form', () => {
  test('SI1 a password manager understands it, and it needs no script', async () => {
    const { page } = await open(passwordRig(), { login_hint: 'ada"><script>' })
    expectLocal(page, 200)
    const inputs = [...page.text.matchAll(/<input[^>]*>/g)].map(([input]) => input)
    const input = (name: string): string => inputs.find((each) => each.includes(`name="${name}"`)) ?? ''
    expect(input('username')).toMatch(/type="text"[\s\S]*required[\s\S]*autocomplete="username"/)
    expect(input('username')).toContain('value="ada&quot;&gt;&lt;script&gt;"')
    expect(input('password')).toMatch(/type="password"[\s\S]*required[\s\S]*autocomplete="current-password"/)
    expect(input('password')).not.toContain('value=')
    for (const name of ['username', 'password'])
      expect([page.text.includes(`<label for="${name}">`), input(name).includes(`id="${name}"`)]).toEqual([
        true,
        true,
      ])
    expect(page.text).not.toContain('<script')
    expect(forms(page.text)).toHaveLength(1)
  })

  test('SI1 it looks as the other pages of the deployment do', async () => {
    const { page } = await open(passwordRig({ branding: { name: 'Northwind', accent: '#0b5fff' } }))
    expect(page.text).toContain('<title>Sign in · Northwind</title>')
    expect(page.text).toContain('#0b5fff')
  })

  test('SI1 user name and password lead to consent, and the token has name, scopes and props', async () => {
    const rig = passwordRig()
    const { browser, page } = await open(rig)
    const back = await type(browser, page, ' ada ', passwords.ada)
    expect(back.status).toBe(303)
    const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
    expect(consent.text).toContain('Ada Lovelace')
    const code = codeOf(await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] }))
    expect(code).not.toBe('')
    expect(await rig.as.grants.list('ada')).toMatchObject([{ clientId: 'pub', scopes: ['notes:read'] }])
    expect(rig.events).toContainEqual(expect.objectContaining({ type: 'sign-in.finished', subject: 'ada' }))
  })

  test('SI1 a user with fewer scopes cannot grant more', async () => {
    const rig = passwordRig()
    const { browser, page } = await open(rig)
    const back = await type(browser, page, 'zoë@example.com', passwords.zoe)
    const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
    expect(consent.text).toContain('Read your notes')
    expect(consent.text).not.toContain('Change your notes')
  })

  test('SI1 a password in another Unicode form is the same password', async () => {
    const { browser, page } = await open(passwordRig())
    const typed = passwords.zoe.normalize('NFD')
    expect(typed).not.toBe(passwords.zoe)
    expect((await type(browser, page, 'zoë@example.com', typed)).status).toBe(303)
  })

  test.each([
    ['an empty name', '', 'x'],
    ['an empty password', 'ada', ''],
  ])('SI1 %s: told what to type, and nothing is hashed', async (_, username, password) => {
    const { browser, page } = await open(passwordRig())
    const shown = await type(browser, page, username, password)
    expectLocal(shown)
    expect(shown.text).toContain('Type your user name and your password.')
    expect(derivations.list).toEqual([])
  })
})

describe('who is not let in', () => {
  test('SI2 a wrong password, an unknown user, and names of Object: one text, one cost', async () => {
    const rig = passwordRig()
    const texts: string[] = []
    const attempts = [
      ['ada', 'wrong'],
      ['zoë@example.com', 'wrong'],
      ['mallory', passwords.ada],
      ['__proto__', 'x'],
      ['constructor', 'x'],
      ['Ada', passwords.ada],
    ] as const
    for (const [username, password] of attempts) {
      derivations.list.length = 0
      const { browser, page } = await open(rig)
      const shown = await type(browser, page, username, password)
      expectLocal(shown)
      expect(browser.cookies.has('__Host-tollgate-session')).toBe(false)
      expect(shown.text).toMatch(/role="alert">The user name or the password is wrong\.</)
      expect(shown.text).toMatch(/aria-describedby="problem"[^>]*aria-invalid="true"/)
      texts.push(
        shown.text.replaceAll(/nonce="[^"]*"|state=[^&"]*/g, '').replaceAll(`value="${username}"`, ''),
      )
      // User enumeration by time: iterations, not seconds, are compared.
      expect(derivations.list.reduce((sum, each) => sum + each, 0)).toBe(600_000)
    }
    expect(new Set(texts).size).toBe(1)
    expect(rig.events.filter(({ type }) => type === 'sign-in.refused')).toHaveLength(attempts.length)
    expect(rig.events.filter(({ type }) => type === 'sign-in.finished')).toEqual([])
  })

  test('SI2 nothing secret is in pages, headers, events or errors', async () => {
    const errors: unknown[] = []
    const rig = passwordRig({ onError: (error) => errors.push(error) })
    const { browser, page } = await open(rig)
    const wrong = await type(browser, page, 'ada', 'hunter2-hunter2')
    const back = await type(browser, wrong, 'ada', passwords.ada)
    await type(browser, page, 'mistyped-secret-as-name', 'x')
    const seen = [
      wrong.text,
      back.text,
      JSON.stringify(rig.events),
      ...browser.received.flatMap((headers) => [...headers].map(String)),
    ].join('\n')
    for (const each of ['hunter2', 'battery', 'mistyped-secret', hashes.standard.slice(-43), salt])
      expect(seen).not.toContain(each)
    expect(errors).toEqual([])
  })
})

describe('limits', () => {
  test('SI3 at one account: the eleventh attempt in a minute is refused before anything is hashed', async () => {
    const rig = passwordRig({
      signIn: passwordSignIn({ users: { zoe: { hash: hashes.few } }, dangerouslyFewIterations: true }),
    })
    const { browser, page } = await open(rig)
    for (let i = 0; i < 10; i++) {
      // Another caller each time.
      address = `192.0.2.${i}`
      expect((await type(browser, page, 'zoe', `guess ${i}`)).status).toBe(400)
    }
    address = '192.0.2.99'
    const refused = await type(browser, page, 'zoe', passwords.zoe)
    expectLocal(refused, 429)
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(refused.text).toContain('Too many attempts')
    expect(derivations.list).toHaveLength(10)
    const limited = rig.events.filter(({ type }) => type === 'rate.limited')
    expect(limited).toMatchObject([{ detail: 'sign-in', address, status: 429 }])
    expect(JSON.stringify(limited)).not.toContain('zoe')
    // The same form is good again after the time that was told.
    rig.now += 60
    expect((await type(browser, page, 'zoe', passwords.zoe)).status).toBe(303)
  })

  test('SI3 by one caller: names do not help, and other callers are not shut out', async () => {
    const rig = passwordRig({
      signIn: passwordSignIn({ users: { zoe: { hash: hashes.few } }, dangerouslyFewIterations: true }),
    })
    const { browser, page } = await open(rig)
    address = '192.0.2.1'
    for (let i = 0; i < 10; i++) expect((await type(browser, page, `user ${i}`, 'x')).status).toBe(400)
    expect((await type(browser, page, 'zoe', passwords.zoe)).status).toBe(429)
    expect(derivations.list).toHaveLength(10)
    address = '192.0.2.2'
    expect((await type(browser, page, 'zoe', passwords.zoe)).status).toBe(303)
  })
})

describe('attacks', () => {
  test('SI4 CSRF: a form of another site, another browser, or without its state', async () => {
    const rig = passwordRig()
    const { browser, page } = await open(rig)
    const { action } = forms(page.text)[0]!
    const body = new URLSearchParams({ username: 'ada', password: passwords.ada })
    for (const headers of [
      { origin: 'https://evil.test' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: '' },
    ])
      expectLocal(await browser.post(action, body, headers as Record<string, string>), 403)
    expectLocal(await new Browser(rig).post(action, body), 403)
    const other = await open(rig)
    expectLocal(await other.browser.post(action, body), 403)
    expectLocal(await browser.post(action.replace(/state=[^&]*/, 'state=x'), body), 403)
    expect(derivations.list).toEqual([])
    expect((await browser.post(action, body)).status).toBe(303)
    // The leg has ended.
    expectLocal(await browser.post(action, body), 403)
  })

  test('SI4 credentials in the address are not read', async () => {
    const { browser, page } = await open(passwordRig())
    const { action } = forms(page.text)[0]!
    const shown = await browser.get(`${action}&username=ada&password=${encodeURIComponent(passwords.ada)}`)
    expectLocal(shown, 200)
    expect(shown.text).not.toContain('battery')
    expect(derivations.list).toEqual([])
  })

  test('SI4 session fixation: a sign-in replaces the session', async () => {
    const rig = passwordRig()
    const { browser, page } = await open(rig)
    const name = '__Host-tollgate-session'
    await type(browser, page, 'ada', passwords.ada)
    const first = browser.cookies.get(name)
    const again = await browser.get(await requestUrl({ prompt: 'login' }))
    expect(browser.cookies.get(name)).toBe(first)
    rig.now += 1
    await type(browser, again, 'zoë@example.com', passwords.zoe)
    expect(browser.cookies.get(name)).not.toBe(first)
    expect((await browser.get('/account')).text).toContain('zoë@example.com')
  })

  test.each(['https://evil.test/', '//evil.test', '/\\evil.test', '/token', 'javascript:alert(1)', ''])(
    'SI4 open redirect: return_to=%s leads to the account page',
    async (target) => {
      const { browser, page } = await open(passwordRig())
      const { action } = forms(page.text)[0]!
      const url = new URL(action, 'https://as.test')
      url.searchParams.set('return_to', target)
      const body = new URLSearchParams({ username: 'zoë@example.com', password: passwords.zoe })
      const back = await browser.post(url.pathname + url.search, body)
      expect(back.location?.href).toBe('https://as.test/account')
    },
  )
})

describe('what the client may ask for', () => {
  test('SI5 prompt=none: login_required, and no page', async () => {
    const { page } = await open(passwordRig(), { prompt: 'none' })
    expectRedirect(page, 'login_required')
  })

  test.each([{ prompt: 'login' }, { max_age: '0' }, { max_age: '60' }])(
    'SI5 %o: a new sign-in, which is enough',
    async (wish) => {
      const rig = passwordRig()
      const { browser, page } = await open(rig)
      await type(browser, page, 'zoë@example.com', passwords.zoe)
      rig.now += 120
      expect((await browser.get(await requestUrl())).text).toContain('wants to use')
      const again = await browser.get(await requestUrl(wish))
      expect(again.text).toContain('autocomplete="current-password"')
      const back = await type(browser, again, 'zoë@example.com', passwords.zoe)
      const consent = await browser.visit(back.location!.href, { 'sec-fetch-site': 'same-origin' })
      codeOf(await browser.submit(consent, { decision: 'approve', scopes: ['notes:read'] }))
    },
  )

  test('SI5 a user who is removed, or may do less, has no session from before', async () => {
    const rig = passwordRig()
    const { browser, page } = await open(rig)
    await type(browser, page, 'ada', passwords.ada)
    expect((await browser.get('/account')).text).toContain('Ada Lovelace')
    const next = (others: PasswordSignInOptions['users']): Browser => {
      const signIn = passwordSignIn({ users: others, dangerouslyFewIterations: true })
      const later = new Browser(new Rig({ store: rig.store, signIn }))
      for (const [name, value] of browser.cookies) later.cookies.set(name, value)
      return later
    }
    const renamed = next({ ada: { ...users.ada, name: 'Ada King', scopes: ['notes:read'] } })
    expect((await renamed.get('/account')).text).toContain('Ada King')
    const consent = await renamed.get(await requestUrl())
    expect(consent.text).toContain('notes:read')
    expect(consent.text).not.toContain('notes:write')

    const removed = next({ bob: users.ada })
    expect((await removed.get('/account')).text).toContain('name="password"')
    expect((await removed.get(await requestUrl())).text).toContain('name="password"')
    expectRedirect(await removed.get(await requestUrl({ prompt: 'none' })), 'login_required')
  })

  test('SI5 behind oneOf each way judges its own sessions', async () => {
    const key = keySignIn({ verify: () => ({ subject: 'ada', name: 'Ada by key' }) })
    const password = passwordSignIn({ users: { ada: users.ada } })
    const other = keySignIn({ label: 'Other key', verify: () => null })
    const rig = new Rig({ signIn: oneOf(password, key) })
    const later = (browser: Browser, ...ways: SignIn[]): Promise<Shown> => {
      const next = new Browser(new Rig({ store: rig.store, signIn: oneOf(...ways) }))
      for (const [name, value] of browser.cookies) next.cookies.set(name, value)
      return next.get('/account')
    }
    const signIn = async (way: string, fields: Record<string, string>): Promise<Browser> => {
      const browser = new Browser(rig)
      const form = await browser.submit(await browser.get('/account'), {}, way)
      expect((await browser.submit(form, { fields })).status).toBe(303)
      return browser
    }
    const byKey = await signIn('API key', { key: 'k' })
    const byPassword = await signIn('password', { username: 'ada', password: passwords.ada })
    const withoutAda = passwordSignIn({ users: { bob: users.ada } })
    expect((await later(byKey, withoutAda, key)).text).toContain('Ada by key')
    expect((await later(byPassword, withoutAda, key)).text).toContain('Choose how')
    expect((await later(byPassword, password, other)).text).toContain('Ada Lovelace')
    // A way that is not offered any more says nothing of its users.
    expect((await later(byKey, password, other)).text).toContain('Choose how')
  })

  test('SI5 the account page asks for the password, and signs out', async () => {
    const browser = new Browser(passwordRig())
    const back = await type(browser, await browser.get('/account'), 'ada', passwords.ada)
    const account = await browser.visit(back.location!.href)
    expect(account.text).toContain('Ada Lovelace')
    await browser.submit(account, { fields: { action: 'sign-out' } }, 'sign-out')
    expect((await browser.get('/account')).text).toContain('autocomplete="current-password"')
  })
})

describe('hashPassword', () => {
  test('SI6 a PHC string with OWASP’s count, which passwordSignIn accepts', async () => {
    const [one, two] = await Promise.all([hashPassword('fifteen letters'), hashPassword('fifteen letters')])
    expect(one).toMatch(/^\$pbkdf2-sha256\$i=600000\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(two)
    const rig = passwordRig({ signIn: passwordSignIn({ users: { ada: { hash: one } } }) })
    const { browser, page } = await open(rig)
    expect((await type(browser, page, 'ada', 'fifteen letters')).status).toBe(303)
  })

  test('SI6 a runtime that refuses so many iterations: an error that says what to do there', async () => {
    derivations.refuse = 100_000
    try {
      const failed = await hashPassword('secret of mine!').catch((error: unknown) => error)
      expect(failed).toBeInstanceOf(ConfigurationError)
      expect(String(failed)).toContain('Cloudflare Workers allow 100000')
      expect(String(failed)).not.toContain('secret of mine')
      expect(await hashPassword('secret of mine!', { iterations: 100_000 })).toMatch(
        /^\$pbkdf2-sha256\$i=100000\$/,
      )

      const errors: [unknown, string][] = []
      const rig = passwordRig({ onError: (error, { where }) => errors.push([error, where]) })
      const { browser, page } = await open(rig)
      const shown = await type(browser, page, 'ada', passwords.ada)
      expectLocal(shown, 500)
      expect(shown.text).not.toContain('iterations')
      expect(errors).toMatchObject([[expect.any(ConfigurationError), 'signIn.finish']])
      expect(browser.cookies.has('__Host-tollgate-session')).toBe(false)
    } finally {
      derivations.refuse = Number.POSITIVE_INFINITY
    }
  })

  test.each<[unknown, object]>([
    ['', {}],
    [undefined, {}],
    [12345678, {}],
    ['fourteen chars', {}],
    ['😀😀😀😀😀😀😀😀😀😀😀😀😀😀', {}],
    ['fifteen letters', { iterations: 99_999 }],
    ['fifteen letters', { iterations: 10_000_001 }],
    ['fifteen letters', { iterations: '600000' }],
    ['fifteen letters', { rounds: 600_000 }],
  ])('SI6 hashPassword(%j, %j) rejects with ConfigurationError', async (password, options) => {
    const failed = await hashPassword(password as string, options).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(ConfigurationError)
    if (password !== '' && password !== undefined) expect(String(failed)).not.toContain(String(password))
  })
})

describe('options', () => {
  const [, , , goodSalt, digest] = hashes.standard.split('$') as [string, string, string, string, string]
  const hash = (text: string): object => ({ users: { ada: { hash: text } } })

  test.each<[option: string, says: string, options: unknown]>([
    ['passwordSignIn', 'must be an object', undefined],
    ['passwordSignIn.user', 'did you mean "users"', { user: {} }],
    ['users', 'it is required', {}],
    ['users', 'one user or more', { users: {} }],
    ['users', 'got object', { users: [] }],
    ['users', 'got 11 bytes', { users: 'ada:hunter2' }],
    ['users: a user name', '1 to 100 characters', { users: { ' ada': { hash: hashes.standard } } }],
    ['users: a user name', '1 to 100 characters', { users: { '': { hash: hashes.standard } } }],
    [
      'users: a user name',
      '1 to 100 characters',
      { users: { ['a'.repeat(101)]: { hash: hashes.standard } } },
    ],
    ['users.ada', 'must be an object', { users: { ada: hashes.standard } }],
    ['users.ada.password', 'is not an option', { users: { ada: { password: 'hunter2' } } }],
    ['users.ada.hash', 'it is required', { users: { ada: {} } }],
    ['users.ada.hash', 'got 7 bytes', hash('hunter2')],
    ['users.ada.hash', 'quote it', hash('-sha256=600000/salt/hunter2')],
    ['users.ada.hash', 'got 31 bytes', hash('$2b$12$abcdefghijklmnopqrstuvwx')],
    ['users.ada.hash', 'of another function, for example bcrypt', hash('$2b$12$abcdefghijklmnopqrstuvwx')],
    ['users.ada.hash', 'of another function', hash('$argon2id$v=19$m=19456,t=2,p=1$abcdefgh$abcdefgh')],
    ['users.ada.hash', 'got a promise: await it', { users: { ada: { hash: Promise.resolve('') } } }],
    ['users.ada.hash', '600000 to 10000000 iterations; got 100000', hash(hashes.few)],
    ['users.ada.hash', 'got 10000001', hash(`$pbkdf2-sha256$i=10000001$${goodSalt}$${digest}`)],
    ['users.ada.hash', 'salt', hash(`$pbkdf2-sha256$i=600000$c2FsdA$${digest}`)],
    ['users.ada.hash', 'last part', hash(`$pbkdf2-sha256$i=600000$${goodSalt}$${digest.slice(1)}`)],
    ['users.ada.hash', 'must be a hash', hash(`$pbkdf2-sha256$i=600000$${goodSalt}$${digest}=`)],
    ['users.ada.hash', 'must be a hash', hash(`$pbkdf2-sha512$i=600000$${goodSalt}$${digest}`)],
    ['users.ada.name', 'non-empty string', { users: { ada: { hash: hashes.standard, name: '' } } }],
    ['users.ada.scopes', 'must be a list', { users: { ada: { hash: hashes.standard, scopes: 'a' } } }],
    [
      'dangerouslyFewIterations',
      'true or false',
      { ...hash(hashes.standard), dangerouslyFewIterations: 'yes' },
    ],
  ])('SI7 %s: %s', (option, says, options) => {
    const create = (): unknown => passwordSignIn(options as never)
    expect(create).toThrow(ConfigurationError)
    expect(create).toThrow(says)
    let message = ''
    try {
      create()
    } catch (error) {
      expect((error as ConfigurationError).option).toBe(option)
      message = String(error)
    }
    // What is in the place of a hash may be a password.
    for (const each of ['hunter2', digest.slice(1, 40), goodSalt, 'abcdefgh'])
      expect(message).not.toContain(each)
  })

  test('SI7 a scope that no resource has is a mistake at the start', () => {
    const signIn = passwordSignIn({ users: { ada: { hash: hashes.standard, scopes: ['notes:raed'] } } })
    for (const each of [signIn, oneOf(keySignIn({ verify: () => null }), signIn)])
      expect(() => passwordRig({ signIn: each })).toThrow(
        /`users\.ada\.scopes` must be scopes of the resources: notes:read, .*; got "notes:raed"/,
      )
  })

  test('SI7 a hash from a file may end in a line break', async () => {
    const signIn = passwordSignIn({ users: { ada: { hash: `${hashes.standard}\n` } } })
    const { browser, page } = await open(passwordRig({ signIn }))
    const next = await type(browser, page, 'ada', passwords.ada)
    expect(next.text).not.toContain('wrong')
  })

  test('SI7 few iterations are reported as a weakening; the standard is not', () => {
    const weakenings = (rig: Rig): unknown =>
      rig.events.filter(({ type }) => type === 'option.weakening').map(({ detail }) => detail)
    expect(weakenings(passwordRig())).toContain('dangerouslyFewIterations')
    const good = passwordSignIn({ users: { ada: { hash: hashes.standard } } })
    expect(weakenings(passwordRig({ signIn: good }))).toEqual([])
  })
})
