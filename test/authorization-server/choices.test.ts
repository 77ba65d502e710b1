// CN14: what the user chooses at consent: bound to the grant, to each token and to the remembered consent.
import { expect, test } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { createResourceServer, jwtVerifier } from '../../src/index.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import type { AuthorizationServerOptions, Choice } from '../../src/authorization-server/options.ts'
import type { AuthInfo, Fetch, Identity, SignIn } from '../../src/types.ts'
import { answered, ok, payload, refusal, RES_A, resources, Rig, type Tokens } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectRedirect,
  FakeUpstream,
  forms,
  grantsWritten,
  cookieLogin,
  pagesRig,
  requestUrl,
  verifier,
  type Browser,
  type Shown,
} from '../support/pages.ts'
import { UpstreamWorld } from '../support/upstream.ts'

const workspace: Choice = {
  name: 'workspace',
  label: 'Workspace',
  options: [
    { value: 'acme', label: 'Acme <Inc>' },
    { value: 'home', label: 'At home' },
  ],
}
const mode: Choice = {
  name: 'mode',
  label: 'Mode',
  options: [{ value: 'read-only', label: 'Read only' }],
  required: false,
}
const without = (value: string): Choice => ({
  ...workspace,
  options: workspace.options.filter((each) => each.value !== value),
})

/** The choices can be changed; `asked` is for whom they were asked. */
class ChoicesRig {
  offered: readonly Choice[] | (() => never) = [workspace, mode]
  readonly asked: { identity: Identity; request: string }[] = []
  readonly rig: Rig

  constructor(options: Partial<AuthorizationServerOptions> = {}) {
    this.rig = pagesRig({
      ...options,
      consent: {
        choices: (identity, { method, url }) => {
          this.asked.push({ identity, request: `${method} ${new URL(url).pathname}` })
          return typeof this.offered === 'function' ? this.offered() : this.offered
        },
      },
    })
  }

  /** A connection with these choices. */
  async connect(fields: Record<string, string>, browser = browserOf(this.rig, 'alice')): Promise<Tokens> {
    return this.redeem(await choose(browser, await browser.get(await requestUrl()), fields))
  }

  async redeem(shown: Shown): Promise<Tokens> {
    return ok(await this.rig.redeem({ code: codeOf(shown), verifier, grantId: '' }, {}))
  }

  types(): string[] {
    return this.rig.events.map(({ type }) => type).filter((type) => type.startsWith('grant.'))
  }
}

const choose = (browser: Browser, page: Shown, fields: Record<string, string>): Promise<Shown> =>
  browser.submit(page, { decision: 'approve', scopes: ['notes:read'], fields })
const acme = { 'choice-workspace': 'acme' }
const readOnly = { ...acme, 'choice-mode': 'read-only' }

test('CN14 the page asks, and what was chosen is in the grant, the token and auth', async () => {
  const it = new ChoicesRig()
  const { rig } = it
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  expect(page.text).toMatch(/<legend>Workspace <em>\(required\)<\/em><\/legend>/)
  expect(page.text).toContain('Acme &lt;Inc&gt;')
  expect(page.text).not.toMatch(/<script/)
  expect(it.asked).toEqual([
    { identity: { subject: 'alice', name: 'alice@example.com' }, request: 'GET /authorize' },
  ])
  const tokens = await it.redeem(await choose(browser, page, readOnly))
  const chosen = { workspace: 'acme', mode: 'read-only' }
  expect(payload(tokens.access_token)['choices']).toEqual(chosen)
  expect(await rig.call(tokens.access_token)).toBe(200)
  expect(rig.seen.at(-1)!.choices).toEqual(chosen)
  expect(Object.isFrozen(rig.seen.at(-1)!.choices)).toBe(true)
  const [grant] = await rig.as.grants.list('alice')
  expect(grant!.choices).toEqual(chosen)
  const next = await ok(await rig.refresh(tokens.refresh_token))
  expect(payload(next.access_token)['choices']).toEqual(chosen)
})

test('CN14 opaque tokens and introspection carry them', async () => {
  const introspectionSecret = 'an introspection secret of 32 characters'
  const it = new ChoicesRig({
    resources: { [RES_A]: { ...resources[RES_A]!, accessTokens: 'opaque', introspectionSecret } },
  })
  const { access_token } = await it.connect(acme)
  expect(await it.rig.call(access_token)).toBe(200)
  expect(it.rig.seen.at(-1)!.choices).toEqual({ workspace: 'acme' })
  const form = { token: access_token, client_id: RES_A, client_secret: introspectionSecret }
  const response = await it.rig.post(form, { url: it.rig.path('introspect') })
  expect(await response.json()).toMatchObject({ active: true, choices: { workspace: 'acme' } })
})

test('CN14 auth.choices at another resource server: by JWT and by introspection', async () => {
  const introspectionSecret = 'an introspection secret of 32 characters'
  const it = new ChoicesRig({ resources: { [RES_A]: { ...resources[RES_A]!, introspectionSecret } } })
  const { rig } = it
  const { access_token } = await it.connect(readOnly)
  const fetch: Fetch = async (input, init) => answered(rig.as.handle(new Request(input, init)))
  const servers = [
    jwtVerifier({ issuer: rig.issuer }),
    introspectionVerifier(
      { issuer: rig.issuer, endpoint: rig.path('introspect') },
      {
        authentication: {
          method: 'client_secret_post',
          clientId: RES_A,
          clientSecret: introspectionSecret,
        },
      },
    ),
  ]
  for (const server of servers) {
    const remote = createResourceServer({
      resource: RES_A,
      authorizationServers: [server],
      fetch,
      clock: () => rig.now,
    })
    const request = new Request(RES_A, { headers: { authorization: `Bearer ${access_token}` } })
    const auth = (await remote.authenticate(request)) as AuthInfo
    expect(auth.choices).toEqual({ workspace: 'acme', mode: 'read-only' })
    expect(Object.isFrozen(auth.choices)).toBe(true)
  }
})

test('CN14 without choices there is nothing of it', async () => {
  const rig = pagesRig()
  const tokens = await rig.tokens()
  expect(payload(tokens.access_token)).not.toHaveProperty('choices')
  expect(await rig.call(tokens.access_token)).toBe(200)
  expect(rig.seen.at(-1)!.choices).toEqual({})
  expect((await rig.as.grants.list('alice'))[0]!.choices).toEqual({})
})

test.each([
  ['nothing', {}],
  ['an unknown value', { 'choice-workspace': 'evil' }],
  ['an unknown value of an optional one', { ...acme, 'choice-mode': 'write' }],
])('CN14 %s: the page says so, and keeps the rest', async (_, fields) => {
  const it = new ChoicesRig()
  const browser = browserOf(it.rig, 'alice')
  const again = await choose(browser, await browser.get(await requestUrl()), fields)
  expect(again.status).toBe(400)
  expect(again.text).toMatch(/role="alert"><p>Choose an option for “(Workspace|Mode)”\./)
  expect(grantsWritten(it.rig)).toBe(0)
  if ('choice-workspace' in fields && fields['choice-workspace'] === 'acme')
    expect(again.text.replaceAll(/\s+/g, ' ')).toMatch(/value="acme" checked/)
  codeOf(await choose(browser, again, acme))
})

test('CN14 a workspace that is gone when the form is sent is not granted', async () => {
  const it = new ChoicesRig()
  const browser = browserOf(it.rig, 'alice')
  const page = await browser.get(await requestUrl())
  it.offered = [without('acme')]
  expect((await choose(browser, page, acme)).status).toBe(400)
  expect(grantsWritten(it.rig)).toBe(0)
})

test('CN14 one required option is chosen already; of none the page says so; of many it is a list', async () => {
  const it = new ChoicesRig()
  const browser = browserOf(it.rig, 'alice')
  it.offered = [without('home')]
  expect((await browser.get(await requestUrl())).text.replaceAll(/\s+/g, ' ')).toMatch(
    /type="radio" name="choice-workspace" value="acme" checked/,
  )
  it.offered = [{ ...workspace, options: [] }]
  const none = await browser.get(await requestUrl())
  expect(none.text).toContain('Your account has nothing to choose for')
  expect((await choose(browser, none, {})).status).toBe(400)
  const many = [1, 2, 3, 4, 5, 6, 7].map((each) => ({ value: `w${each}`, label: `Workspace ${each}` }))
  it.offered = [{ ...workspace, options: many }]
  const page = await browser.get(await requestUrl())
  expect(page.text).toMatch(/<select id="choice-workspace" name="choice-workspace" [^>]*>/)
  codeOf(await choose(browser, page, { 'choice-workspace': 'w7' }))
})

test('CN14 the same form twice is one code; with another choice it is none', async () => {
  const it = new ChoicesRig()
  const browser = browserOf(it.rig, 'alice')
  const page = await browser.get(await requestUrl())
  const code = codeOf(await choose(browser, page, acme))
  expect(codeOf(await choose(browser, page, acme))).toBe(code)
  const other = await choose(browser, page, { 'choice-workspace': 'home' })
  expect(other.location?.searchParams.has('code') ?? false).toBe(false)
})

test('CN14 two connections of one user to two workspaces live side by side, and the account page tells them apart', async () => {
  const it = new ChoicesRig()
  const browser = browserOf(it.rig, 'alice')
  const first = await it.connect(acme, browser)
  const second = await it.connect({ 'choice-workspace': 'home' }, browser)
  for (const [tokens, workspace] of [
    [first, 'acme'],
    [second, 'home'],
  ] as const) {
    const next = await ok(await it.rig.refresh(tokens.refresh_token))
    expect(payload(next.access_token)['choices']).toEqual({ workspace })
  }
  const account = await browser.get('/account')
  expect(account.text).toContain('Workspace: Acme &lt;Inc&gt;')
  expect(account.text).toContain('Workspace: At home')
  // What fails here must not keep the user from disconnecting.
  it.offered = () => {
    throw new Error('down')
  }
  const bare = await browser.get('/account')
  expect(bare.status).toBe(200)
  expect(bare.text).toContain('workspace: acme')
  expect(it.rig.events.at(-1)).toMatchObject({ type: 'part.failed', detail: 'consent.choices: Error' })
})

test('CN14 a required option that is gone at a refresh ends the grant', async () => {
  const it = new ChoicesRig()
  const tokens = await it.connect(acme)
  const other = await it.connect({ 'choice-workspace': 'home' })
  it.offered = [without('acme'), mode]
  it.asked.length = 0
  expect(await refusal(await it.rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  expect(it.asked).toEqual([{ identity: { subject: 'alice' }, request: 'POST /token' }])
  expect(it.rig.events.find(({ type }) => type === 'grant.denied')).toMatchObject({
    level: 'warning',
    subject: 'alice',
    clientId: 'pub',
    detail: 'no longer offered: workspace acme',
  })
  it.offered = [workspace]
  expect(await refusal(await it.rig.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
  await ok(await it.rig.refresh(other.refresh_token))
})

test('CN14 an optional option that is gone at a refresh is dropped, for good', async () => {
  const it = new ChoicesRig()
  const { refresh_token } = await it.connect(readOnly)
  it.offered = [workspace, { ...mode, options: [] }]
  const next = await ok(await it.rig.refresh(refresh_token))
  expect(payload(next.access_token)['choices']).toEqual({ workspace: 'acme' })
  expect(it.rig.events.find(({ type }) => type === 'grant.narrowed')).toMatchObject({
    level: 'warning',
    detail: 'no longer offered: mode read-only',
  })
  expect((await it.rig.as.grants.list('alice'))[0]!.choices).toEqual({ workspace: 'acme' })
  it.offered = [workspace, mode]
  const last = await ok(await it.rig.refresh(next.refresh_token))
  expect(payload(last.access_token)['choices']).toEqual({ workspace: 'acme' })
})

test('CN14 a choice that is unknown now, or newly required, ends the grant', async () => {
  const it = new ChoicesRig()
  const unknown = await it.connect(readOnly)
  const lacking = await it.connect(acme)
  it.offered = [workspace]
  expect(await refusal(await it.rig.refresh(unknown.refresh_token))).toBe('400 invalid_grant')
  it.offered = [workspace, { ...mode, required: true }]
  expect(await refusal(await it.rig.refresh(lacking.refresh_token))).toBe('400 invalid_grant')
  expect(it.rig.events.filter(({ type }) => type === 'grant.denied').at(-1)!.detail).toBe(
    'nothing is chosen for mode',
  )
})

test.each([
  ['an Error', new Error('planted'), '500 server_error'],
  ['an UnavailableError', new UnavailableError('down'), '503 temporarily_unavailable'],
])('CN14 %s at a refresh: nothing is used up', async (_, thrown, answer) => {
  const it = new ChoicesRig()
  const { refresh_token } = await it.connect(acme)
  const before = it.offered
  const writes = it.rig.store.written.length
  it.offered = () => {
    throw thrown
  }
  expect(await refusal(await it.rig.refresh(refresh_token))).toBe(answer)
  expect(it.rig.store.written).toHaveLength(writes)
  it.offered = before
  await ok(await it.rig.refresh(refresh_token))
})

test('CN14 a refresh is one read and one write, also with a store that loses its answer', async () => {
  const it = new ChoicesRig()
  const { refresh_token } = await it.connect(readOnly)
  it.offered = [workspace, { ...mode, options: [] }]
  it.asked.length = 0
  const calls = it.rig.store.calls.length
  let lost = false
  it.rig.store.after = ({ method }) => {
    if (method !== 'put' || lost) return
    lost = true
    throw new Error('the answer was lost')
  }
  const next = await ok(await it.rig.refresh(refresh_token))
  expect(payload(next.access_token)['choices']).toEqual({ workspace: 'acme' })
  expect(it.asked).toHaveLength(1)
  expect(it.rig.store.calls.slice(calls).map(({ method }) => method)).toEqual(['get', 'put', 'get'])
})

test('CN14 onTokens gets them after they were checked', async () => {
  const seen: unknown[] = []
  const it = new ChoicesRig({ onTokens: ({ choices }) => void seen.push(choices) })
  const { refresh_token } = await it.connect(readOnly)
  it.offered = [workspace, { ...mode, options: [] }]
  await ok(await it.rig.refresh(refresh_token))
  expect(seen).toEqual([{ workspace: 'acme', mode: 'read-only' }, { workspace: 'acme' }])
})

const https = { redirect_uri: 'https://app.test/cb', scope: 'notes:read' }

test('CN14 CN6 a remembered consent is for its choices; of two only the user can say which', async () => {
  const it = new ChoicesRig({ lifetimes: { rememberedConsent: 3600 } })
  const browser = browserOf(it.rig, 'alice')
  const remember = async (fields: Record<string, string>): Promise<void> => {
    const page = await browser.get(await requestUrl({ ...https, prompt: 'consent' }))
    codeOf(await choose(browser, page, { ...fields, remember: 'yes' }))
  }
  const silently = async (): Promise<Shown> => browser.get(await requestUrl({ ...https, prompt: 'none' }))
  await remember(acme)
  const code = codeOf(await silently())
  const redeemed = await it.rig.redeem({ code, verifier, grantId: '' }, { redirect_uri: https.redirect_uri })
  expect(payload((await ok(redeemed)).access_token)['choices']).toEqual({ workspace: 'acme' })
  const before = it.offered
  it.offered = [without('acme')]
  expectRedirect(await silently(), 'consent_required', { to: https.redirect_uri })
  it.offered = before
  codeOf(await silently())
  await remember({ 'choice-workspace': 'home' })
  expectRedirect(await silently(), 'consent_required', { to: https.redirect_uri })
  // The account page tells the two apart, and forgets the one that the user means.
  const account = await browser.get('/account')
  const list = account.text.slice(account.text.indexOf('Not asked again'))
  expect(list).toMatch(/Workspace: Acme &lt;Inc&gt;[\s\S]*Workspace: At home/)
  const { hidden } = forms(list).find(({ html }) => html.includes('value="forget"'))!
  const key = hidden.find(([name]) => name === 'consent')![1]
  expect(list).toMatch(/aria-label="Ask me again when [^"]*Workspace: Acme[^"]*"/)
  await browser.submit(account, { fields: { action: 'forget' } }, key)
  codeOf(await silently())
})

test('CN14 CN8 with a sign-in after the consent: asked again with the choices of the user who came', async () => {
  const upstream = new FakeUpstream()
  const it = new ChoicesRig({ signIn: upstream })
  const browser = browserOf(it.rig)
  const through = async (page: Shown, fields: Record<string, string> = {}): Promise<Shown> => {
    const away = await choose(browser, page, fields)
    expect(away.location!.host).toBe('up.test')
    return browser.get(`/authorize/callback?code=c&state=${away.location!.searchParams.get('state')}`)
  }
  const first = await browser.get(await requestUrl())
  expect(first.text).not.toContain('Workspace')
  const asked = await through(first)
  expect(asked.status).toBe(200)
  expect(asked.text).toContain('Workspace')
  expect(await it.rig.as.grants.list('up|alice')).toEqual([])
  const tokens = await it.redeem(await through(asked, acme))
  expect(payload(tokens.access_token)['choices']).toEqual({ workspace: 'acme' })
  // The next time the session says who the user is: one page, one sign-in.
  const known = await browser.get(await requestUrl())
  expect(known.text).toContain('Workspace')
  const away = await choose(browser, known, acme)
  it.offered = [without('acme')]
  const state = away.location!.searchParams.get('state')
  const gone = await browser.get(`/authorize/callback?code=c&state=${state}`)
  expect(gone.text).toContain('At home')
  expect(await it.rig.as.grants.list('up|alice')).toHaveLength(1)
})

test('CN14 an optional choice only: asked as well', async () => {
  const it = new ChoicesRig({ signIn: new FakeUpstream() })
  it.offered = [mode]
  const browser = browserOf(it.rig)
  const away = await choose(browser, await browser.get(await requestUrl()), {})
  const state = away.location!.searchParams.get('state')
  const asked = await browser.get(`/authorize/callback?code=c&state=${state}`)
  expect(asked.text).toContain('Read only')
  const again = await choose(browser, asked, { 'choice-mode': '' })
  const done = await browser.get(
    `/authorize/callback?code=c&state=${again.location!.searchParams.get('state')}`,
  )
  expect(payload((await it.redeem(done)).access_token)).not.toHaveProperty('choices')
})

test('CN14 another user while the page is open gets their own choices', async () => {
  const rig = pagesRig({
    signIn: cookieLogin(),
    consent: {
      choices: ({ subject }) => [{ ...workspace, options: [{ value: `of-${subject}`, label: subject }] }],
    },
  })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  browser.cookies.set('user', 'bob')
  expect((await choose(browser, page, { 'choice-workspace': 'of-alice' })).status).toBe(400)
  const other = await choose(browser, page, { 'choice-workspace': 'of-bob' })
  expect(other.text).toContain('Another account has signed in')
  expect(grantsWritten(rig)).toBe(0)
})

test.each([
  ['no list', 'acme', /consent\.choices/],
  ['a wrong name', [{ ...workspace, name: '__proto__' }], /consent\.choices.*name/],
  ['no label', [{ ...workspace, label: '' }], /label/],
  ['an empty value', [{ ...workspace, options: [{ value: '', label: 'x' }] }], /value/],
  [
    'a value that is too long',
    [{ ...workspace, options: [{ value: 'x'.repeat(101), label: 'x' }] }],
    /value/,
  ],
  [
    'a value with a line break, which no form can send',
    [{ ...workspace, options: [{ value: 'a\nb', label: 'x' }] }],
    /value.*without control characters/,
  ],
  [
    'a value with half a surrogate pair',
    [{ ...workspace, options: [{ value: 'a\ud800', label: 'x' }] }],
    /value/,
  ],
  ['one name twice', [workspace, workspace], /must not have "workspace" twice/],
  [
    'one value twice',
    [{ ...workspace, options: [...workspace.options, ...workspace.options] }],
    /"acme" twice/,
  ],
  ['an unknown member', [{ ...workspace, require: true }], /did you mean "required"/],
])('CN14 %s is a mistake of the application: 500', async (_, wrong, message) => {
  const it = new ChoicesRig()
  it.offered = wrong as never
  const page = await browserOf(it.rig, 'alice').get(await requestUrl())
  expect(page.status).toBe(500)
  expect(it.rig.events.at(-1)!.detail).toMatch(message)
})

test('CN14 AZ15 labels are cleaned as other foreign text is, and options never read alike', async () => {
  const it = new ChoicesRig()
  const options = [
    { value: 'org_1', label: 'Personal' },
    { value: 'org_2', label: 'Personal\u3164' },
    { value: 'org_3', label: '\u202eemcA\u202c' },
    { value: 'org_4', label: '\u200b' },
    { value: 'org_5', label: 'x'.repeat(500) },
  ]
  it.offered = [{ ...workspace, label: 'Work\u202espace', options }]
  const browser = browserOf(it.rig, 'alice')
  const page = await browser.get(await requestUrl())
  expect(page.text).not.toMatch(/[\u202a-\u202e\u200b\u3164]/)
  const shown = [...page.text.matchAll(/type="radio"[^>]*\/>\s*<span>([^<]*)</g)].map(([, each]) => each)
  expect(shown).toEqual(['Personal (org_1)', 'Personal (org_2)', 'emcA', 'org_4', `${'x'.repeat(59)}…`])
  expect(page.text).toContain('<legend>Work space')
  const wrong = await choose(browser, page, {})
  expect(wrong.text).toContain('Choose an option for “Work space”.')
  codeOf(await choose(browser, page, { 'choice-workspace': 'org_2' }))
  expect((await browser.get('/account')).text).toContain('Work space: Personal (org_2)')
  it.offered = []
  expect((await browser.get('/account')).text).toContain('workspace: org_2')
})

test('CN14 screen readers hear what is required, and the problem with the field that has it', async () => {
  const it = new ChoicesRig()
  const many = Array.from({ length: 8 }, (_, i) => ({ value: `p${i}`, label: `Project ${i}` }))
  it.offered = [workspace, { name: 'project', label: 'Project', options: many }, mode]
  const browser = browserOf(it.rig, 'alice')
  const page = await browser.get(await requestUrl())
  const tag = (text: string, start: string): string =>
    new RegExp(`<${start}[^>]*>`).exec(text)?.[0].replaceAll(/\s+/g, ' ') ?? ''
  const group = (text: string): string => tag(text, 'fieldset role="radiogroup"')
  expect(group(page.text)).toContain('aria-required="true"')
  expect(tag(page.text, 'select')).toContain('aria-required="true"')
  expect(page.text).not.toMatch(/aria-invalid|aria-describedby/)
  expect(page.text.match(/aria-required/g)).toHaveLength(2)
  const again = await choose(browser, page, acme)
  expect(again.text).toMatch(/id="problem"[^>]*>\s*<p>Choose an option for “Project”/)
  expect(tag(again.text, 'select')).toMatch(/aria-describedby="problem" aria-invalid="true"/)
  expect(group(again.text)).not.toContain('aria-invalid')
  expect(again.text.match(/aria-invalid/g)).toHaveLength(1)
})

test('CN14 consent.choices is a function', () => {
  expect(() => new Rig({ consent: { choices: [] as never } })).toThrow(
    '`consent.choices` must be a function; got an empty list',
  )
})

test('CN14 a choice that is not offered any more when the user approves: asked again, never dropped', async () => {
  const it = new ChoicesRig()
  it.offered = [mode]
  const browser = browserOf(it.rig, 'alice')
  const page = await browser.get(await requestUrl())
  it.offered = []
  const again = await choose(browser, page, { 'choice-mode': 'read-only' })
  expect(again.status).toBe(400)
  expect(again.text).toContain('has changed')
  expect(await grantsWritten(it.rig)).toBe(0)
  // The user has seen the page without the choice, and agrees.
  expect(codeOf(await choose(browser, again, {}))).not.toBe('')
})

test('CN14 another account has signed in before an incomplete answer: the new page is of that account', async () => {
  const it = new ChoicesRig()
  const browser = browserOf(it.rig, 'alice')
  const page = await browser.get(await requestUrl())
  browser.cookies.set('user', 'bob')
  const ofBob = await choose(browser, page, {})
  expect(ofBob.text).toContain('bob')
  browser.cookies.set('user', 'alice')
  const asked = await choose(browser, ofBob, acme)
  expect(asked.status).toBe(400)
  expect(asked.text).toContain('Another account has signed in')
  expect(await it.rig.as.grants.list('alice')).toEqual([])
})

test('CN14 an upstream signs in another account than the page named after an incomplete answer: asked again', async () => {
  const upstream = new FakeUpstream()
  const it = new ChoicesRig({ signIn: upstream })
  const browser = browserOf(it.rig, 'nobody')
  const callback = (shown: Shown): string =>
    `/authorize/callback?code=1&state=${shown.location!.searchParams.get('state')}`
  const page = await browser.get(await requestUrl())
  upstream.user = { subject: 'alice' }
  await browser.get(callback(await browser.get('/account')))
  const named = await choose(browser, page, {})
  expect(named.text).toContain('alice')
  const away = await choose(browser, named, acme)
  upstream.user = { subject: 'bob' }
  const asked = await browser.get(callback(away))
  expect(asked.status).toBe(400)
  expect(asked.text).toContain('another account')
  expect(await it.rig.as.grants.list('bob')).toEqual([])
})

test('CN14 ST1 the choices are asked for the user, without the tokens of the provider', async () => {
  const asked: Identity[] = []
  const choices = (identity: Identity): readonly Choice[] => {
    asked.push(identity)
    return [mode]
  }
  const world = new UpstreamWorld({ server: { consent: { choices } } })
  const browser = world.browser()
  // Back from the provider, and with the session from then on.
  await world.signIn(browser)
  await browser.get('/account')
  expect(asked.length).toBeGreaterThan(1)
  for (const each of asked) expect(Object.keys(each).sort()).toEqual(['authTime', 'name', 'subject'])
  const own: SignIn = {
    ...cookieLogin(),
    identify: () => ({ subject: 'bob', upstream: { accessToken: 'at' } }),
  }
  const rig = pagesRig({ signIn: own, consent: { choices } })
  await browserOf(rig, 'bob').get(await requestUrl())
  expect(asked.at(-1)).toEqual({ subject: 'bob' })
})
