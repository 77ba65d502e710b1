// Attacks on the consent page: CN2–CN4, CN9, AZ15.
import { expect, test } from 'vitest'
import { ok, RES_A, resources, Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  cookieLogin,
  expectLocal,
  expectRedirect,
  FakeUpstream,
  forms,
  grantsWritten,
  pagesRig,
  registered,
  requestUrl,
  unescape,
  verifier,
  type Browser,
  type Shown,
} from '../support/pages.ts'

const approve = { decision: 'approve', scopes: ['notes:read'] } as const
const approveWith = (page: Shown, change: Record<string, string | undefined>): URLSearchParams => {
  const body = new URLSearchParams(forms(page.text)[0]!.hidden)
  body.set('decision', 'approve')
  body.set('scope', 'notes:read')
  for (const [name, value] of Object.entries(change))
    if (value === undefined) body.delete(name)
    else body.set(name, value)
  return body
}

test('CN2 approving by GET, without the token, with a wrong one, or with another session’s', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  const other = browserOf(rig, 'mallory')
  const theirs = await other.get(await requestUrl())
  const sealed = forms(page.text)[0]!.hidden[0]![1]
  const flipped = `${sealed.slice(0, 40)}${sealed[40] === 'A' ? 'B' : 'A'}${sealed.slice(41)}`
  const attempts = [undefined, '', 'x', flipped, sealed.slice(1), forms(theirs.text)[0]!.hidden[0]![1]].map(
    (transaction) => browser.post('/authorize', approveWith(page, { transaction })),
  )
  for (const each of await Promise.all(attempts)) expectLocal(each, 403)
  const byGet = await browser.get(`/authorize?${approveWith(page, {})}`)
  expectLocal(byGet)
  expect(grantsWritten(rig)).toBe(0)
  codeOf(await browser.submit(page, approve))
})

test('CN2 a form that another site sent, or that is none', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  const body = approveWith(page, {})
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.test' },
    { origin: 'https://as.test.evil.test' },
    { origin: 'http://as.test' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: 'null' },
  ]
  for (const headers of foreign) expectLocal(await browser.post('/authorize', body, headers), 403)
  for (const type of ['', 'text/plain', 'application/json', 'multipart/form-data; boundary=x'])
    expectLocal(
      await browser.post('/authorize', body, { 'content-type': type || 'text/plain;charset=UTF-8' }),
    )
  expectLocal(await browser.post('/authorize', `x=${'a'.repeat(70_000)}`), 413)
  expect(grantsWritten(rig)).toBe(0)
  // The honest form, from a browser that tells little.
  codeOf(await browser.post('/authorize', body, { origin: 'null', 'sec-fetch-site': '' }))
})

test('CN2 two honest tabs, the first one is submitted', async () => {
  const browser = browserOf(pagesRig(), 'alice')
  const first = await browser.get(await requestUrl())
  await browser.get(await requestUrl())
  codeOf(await browser.submit(first, approve))
})

test('CN3 a page that the attacker opened, in the victim’s browser', async () => {
  const rig = pagesRig()
  const attacker = browserOf(rig, 'mallory')
  const page = await attacker.get(await requestUrl())
  const victim = browserOf(rig, 'alice')
  expectLocal(await victim.submit(page, approve), 403)
  // Also if the user has own pages open.
  await victim.get(await requestUrl())
  expectLocal(await victim.submit(page, approve), 403)
  const name = [...attacker.cookies.keys()].find((each) => each.includes('request-'))!
  victim.cookies.set(name, 'guessed')
  expectLocal(await victim.submit(page, approve), 403)
  expect(grantsWritten(rig)).toBe(0)
  const cookies = attacker.received.flatMap((headers) => headers.getSetCookie())
  expect(cookies).toHaveLength(1)
  expect(cookies[0]).toMatch(
    /^__Host-tollgate-request-[^=]+=[\w-]{27}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
  )
})

/** A form with these scopes ticked, sent as a browser would that has these cookies. */
const approveAgain = (
  browser: Browser,
  page: Shown,
  scopes: readonly string[] = ['notes:read'],
): Promise<Shown> => browser.submit(page, { decision: 'approve', scopes })

test('RC6 CN4 approving again, by a double click or a reload, returns the same code', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  const first = await browser.submit(page, approve)
  const code = codeOf(first)
  rig.now += 59
  const again = await approveAgain(browser, page)
  expect([again.status, again.location!.href]).toEqual([first.status, first.location!.href])
  // Another instance, with the secret changed meanwhile.
  const next = rig.twin({
    secret: ['a new deployment secret of more than thirty-two bytes', ...[rig.options.secret!].flat()],
  })
  const cookie = [...browser.cookies].map((each) => each.join('=')).join('; ')
  const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
  const body = approveWith(page, {}).toString()
  const other = await next.handle(new Request('https://as.test/authorize', { method: 'POST', headers, body }))
  expect(other!.headers.get('location')).toBe(first.location!.href)
  expect(rig.events.map(({ type }) => type)).toEqual([
    'consent.asked',
    'grant.created',
    'approval.repeated',
    'approval.repeated',
  ])
  expect([grantsWritten(rig), (await rig.as.grants.list('alice')).length]).toEqual([1, 1])
  expect(JSON.stringify(rig.events)).not.toContain(code.split('.')[1])
  await ok(await rig.redeem({ code, verifier, grantId: '' }, { redirect_uri: 'http://127.0.0.1:3000/cb' }))
})

const otherwise: Record<
  string,
  (about: { rig: Rig; browser: Browser; page: Shown; code: string }) => Promise<Shown>
> = {
  'with other scopes': ({ browser, page }) => approveAgain(browser, page, ['notes:read', 'notes:write']),
  'as another user': async ({ browser, page }) => {
    browser.cookies.set('user', 'bob')
    return approveAgain(browser, page)
  },
  'after the code was redeemed': async ({ rig, browser, page, code }) => {
    await ok(await rig.redeem({ code, verifier, grantId: '' }, { redirect_uri: 'http://127.0.0.1:3000/cb' }))
    return approveAgain(browser, page)
  },
  'after the code’s minute': async ({ rig, browser, page }) => {
    rig.now += 60
    return approveAgain(browser, page)
  },
  'after the grant was revoked': async ({ rig, browser, page }) => {
    await rig.as.grants.revoke('alice')
    return approveAgain(browser, page)
  },
  'after everything was revoked': async ({ rig, browser, page }) => {
    await rig.as.revokeAll()
    return approveAgain(browser, page)
  },
  'after ten minutes': async ({ rig, browser, page }) => {
    rig.now += 600
    return approveAgain(browser, page)
  },
  'by denying': ({ browser, page }) => browser.submit(page, { decision: 'deny' }),
}

test.each(Object.keys(otherwise))(
  'RC6 CN4 an approval that is answered again %s: 400, and no second code',
  async (how) => {
    const rig = pagesRig()
    const browser = browserOf(rig, 'alice')
    const page = await browser.get(await requestUrl())
    const kept = new Map(browser.cookies)
    const code = codeOf(await browser.submit(page, approve))
    // The form's cookie is there, as in a request that was sent before the answer came.
    for (const [name, value] of kept) browser.cookies.set(name, value)
    const shown = await otherwise[how]!({ rig, browser, page, code })
    expectLocal(shown)
    expect(rig.events.filter(({ type }) => type === 'grant.created')).toHaveLength(1)
    expect(await rig.as.grants.list('bob')).toEqual([])
  },
)

test('RC6 CN4 an approval from another browser is refused as any form of another browser is', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  codeOf(await browser.submit(page, approve))
  expectLocal(await approveAgain(browserOf(rig, 'alice'), page), [400, 403])
  expect(grantsWritten(rig)).toBe(1)
})

test('CN4 approving after denying, and after ten minutes', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const denied = await browser.get(await requestUrl())
  const deny = await browser.submit(denied, { decision: 'deny' })
  expectRedirect(deny, 'access_denied')
  expect(deny.headers.getSetCookie().join()).toMatch(/tollgate-request-[^=]+=; Path=\/; Max-Age=0/)
  const again = await browser.submit(denied, approve)
  expectLocal(again)
  expect(again.text).toContain('answered already')

  const late = await browser.get(await requestUrl())
  rig.now += 600
  expectLocal(await browser.submit(late, approve))
  expect(grantsWritten(rig)).toBe(0)
})

test('RC6 CN4 twenty approvals at once: one code, for all of them', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  const action = forms(page.text)[0]!.action
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const send = (scope: string): Promise<Response | undefined> =>
    rig.as.handle(
      new Request(`https://as.test${action}`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
        body: approveWith(page, { scope }).toString(),
      }),
    )
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) => send(i % 2 === 0 ? 'notes:read' : 'notes:write')),
  )
  const codes = all.map((each) => each!.headers.get('location')).filter((each) => each !== null)
  expect([codes.length, new Set(codes).size, grantsWritten(rig)]).toEqual([10, 1, 1])
  expect(all.map((each) => each!.status).filter((status) => status === 400)).toHaveLength(10)
})

test.each([
  ['one scope', {}, ['notes:read']],
  [
    'the app’s tokens are short',
    { client_id: 'norefresh', redirect_uri: 'https://no.test/cb' },
    ['notes:read'],
  ],
] as const)('S19 the record of an approval stays until the form ends: %s', async (_, client, scopes) => {
  const short = { [RES_A]: { ...resources[RES_A]!, lifetime: 60 } }
  const rig = pagesRig({ lifetimes: { transaction: 3600 }, resources: short })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl(client))
  const kept = new Map(browser.cookies)
  const code = codeOf(await browser.submit(page, { decision: 'approve', scopes }))
  for (const [name, value] of kept) browser.cookies.set(name, value)
  if ('client_id' in client) await ok(await rig.redeem({ code, verifier, grantId: '' }, client))
  for (const later of [61, 600, 1800, 1138]) {
    rig.now += later
    expectLocal(await approveAgain(browser, page))
  }
  expect(rig.events.filter(({ type }) => type === 'grant.created')).toHaveLength(1)
  // A grant whose code was not redeemed is not a connected app.
  if (!('client_id' in client)) expect(await rig.as.grants.list('alice')).toEqual([])
})

test('S19 with an upstream: neither a second sign-in nor an old one makes a second code', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const { browser, state, page } = await onTheWay(rig)
  rig.now += 599
  // Sent again: a second leg, ten minutes long.
  const second = await browser.submit(page, approve)
  const other = second.location!.searchParams.get('state')!
  codeOf(await browser.get(`/authorize/callback?code=c&state=${other}`))
  const kept = new Map(browser.cookies)
  for (const later of [1, 61, 500]) {
    rig.now += later
    for (const [name, value] of kept) browser.cookies.set(name, value)
    for (const each of [state, other])
      expectLocal(await browser.get(`/authorize/callback?code=c&state=${each}`), [400, 403])
    expectLocal(await browser.submit(page, approve))
  }
  expect(rig.events.filter(({ type }) => type === 'grant.created')).toHaveLength(1)
})

test('CN4 a client that is blocked, or has changed, while the page is open', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  await rig.as.clients.block('pub')
  const shown = await browser.submit(page, approve)
  expectLocal(shown)
  expect(grantsWritten(rig)).toBe(0)
})

/** A browser that has approved and is on its way to the upstream. */
async function onTheWay(rig: Rig): Promise<{ browser: Browser; state: string; page: Shown }> {
  const browser = browserOf(rig)
  const page = await browser.get(await requestUrl())
  const away = await browser.submit(page, approve)
  return { browser, page, state: away.location!.searchParams.get('state')! }
}

test('CN9 CSRF: a callback whose state is missing, unknown, repeated, foreign, expired or replayed', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const { browser, state } = await onTheWay(rig)
  const other = await onTheWay(rig)
  const callback = (query: string): string => `/authorize/callback?code=up-code&${query}`
  const bad = [
    '',
    'state=',
    'state=unknown',
    `state=${state}&state=${state}`,
    `state=${other.state}`,
    `state=${state}x`,
  ]
  for (const query of bad) expectLocal(await browser.get(callback(query)), 403)
  expectLocal(await other.browser.get(callback(`state=${state}`)), 403)
  expectLocal(await browserOf(rig).get(callback(`state=${state}`)), 403)
  const [slot] = [...browser.cookies.keys()].filter((name) => name.includes('sign-in-'))
  const renamed = browserOf(rig)
  renamed.cookies.set(slot!.replace(state, other.state), browser.cookies.get(slot!)!)
  expectLocal(await renamed.get(callback(`state=${other.state}`)), 403)
  rig.now += 600
  expectLocal(await other.browser.get(callback(`state=${other.state}`)))
  rig.now -= 600
  expect([upstream.redeemed, grantsWritten(rig)]).toEqual([[], 0])

  const kept = new Map(browser.cookies)
  codeOf(await browser.get(callback(`state=${state}`)))
  expect(upstream.redeemed).toEqual(['up-code'])
  expectLocal(await browser.get(callback(`state=${state}`)), 403)
  // Replayed with the cookie too: the grant is there, so the upstream's code goes nowhere.
  for (const [name, value] of kept) browser.cookies.set(name, value)
  expectLocal(await browser.get(callback(`state=${state}`)))
  expect([upstream.redeemed.length, grantsWritten(rig)]).toEqual([1, 1])
})

test('CN9 two legs that come back at once, and a page approved twice: one code', async () => {
  const upstream = new FakeUpstream()
  const rig = new Rig({ signIn: upstream })
  const { browser, state, page } = await onTheWay(rig)
  const again = await browser.submit(page, approve)
  expect(again.location!.host).toBe('up.test')
  const url = `/authorize/callback?code=c&state=${state}`
  const both = await Promise.all([browser.get(url), browser.get(url)])
  expect(both.map(({ status }) => status).sort()).toEqual([303, 303])
  // Both came with one cookie: one code. The other leg of the same approval, and the page, are answered.
  expect(new Set(both.map((each) => codeOf(each))).size).toBe(1)
  expectLocal(
    await browser.get(`/authorize/callback?code=c&state=${again.location!.searchParams.get('state')}`),
  )
  expectLocal(await browser.submit(page, approve))
  expect(grantsWritten(rig)).toBe(1)
})

test('CN9 what lies in the cookie is small, and at most two of them', async () => {
  const rig = new Rig({ signIn: new FakeUpstream() })
  const browser = browserOf(rig)
  for (let i = 0; i < 4; i++) {
    await browser.submit(await browser.get(await requestUrl({ state: 's'.repeat(1200) })), approve)
    rig.now += 1
  }
  const legs = [...browser.cookies].filter(([name]) => name.includes('sign-in-'))
  expect(legs).toHaveLength(2)
  for (const [, value] of legs) expect(value.length).toBeLessThanOrEqual(3800)
  const page = await browser.get(await requestUrl({ state: 's'.repeat(4000) }))
  expectRedirect(await browser.submit(page, approve), 'invalid_request', { state: 's'.repeat(4000) })
})

const payloads = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</title><script>alert(1)</script>',
  '</style><script>alert(1)</script>',
  'a\u202Eb\u200Bc\u2066d\uFEFFe',
  'Z\u0310\u0311\u0312\u0313\u0314\u0315algo',
  'line\r\nSet-Cookie: a=b\u0000\u001B[31m',
  'x'.repeat(10_000),
]

/** No tag and no attribute that is not ours. */
function expectHarmless(text: string): void {
  expect(text).not.toMatch(/<(?:script|img|iframe|svg)/i)
  expect(text).not.toMatch(/<[^>]*\son\w+\s*=/i)
  expect(text).not.toMatch(/(?:href|src|action)="\s*(?:javascript|data|vbscript):/i)
  expect(text).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u)
  expect(text).not.toMatch(/\p{M}{3}/u)
}

test('AZ15 a client name is text, short, and without characters that turn it into another one', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  let registrations = 0
  for (const client_name of payloads) {
    const response = await rig.register({ client_name, redirect_uris: ['https://evil.test/cb'] })
    if (response.status !== 201) continue
    registrations++
    const { client_id } = (await response.json()) as { client_id: string }
    const page = await browser.get(await requestUrl({ client_id, redirect_uri: 'https://evil.test/cb' }))
    expect(page.status).toBe(200)
    expectHarmless(page.text)
    expect(/<h1>([\s\S]*?)<\/h1>/.exec(page.text)![1]!.length).toBeLessThan(600)
  }
  expect(registrations).toBeGreaterThan(5)
})

test.each(['\u3164', '\u115f\u1160', '\uffa0', '\u2800', '\u034f', '\ufe0f', '\u180e\u3164 '])(
  'AZ15 CN1 a name that shows nothing, %j, is none',
  async (client_name) => {
    const rig = pagesRig()
    const response = await rig.register({ client_name, redirect_uris: ['https://evil.test/cb'] })
    const { client_id } = (await response.json()) as { client_id: string }
    const page = await browserOf(rig, 'alice').get(
      await requestUrl({ client_id, redirect_uri: 'https://evil.test/cb' }),
    )
    expect(page.text).toContain('<bdi>An app without a name</bdi>')
  },
)

test('AZ15 nothing of a request breaks out of a page or of the redirect', async () => {
  const rig = pagesRig()
  const evil = await registered(rig)
  for (const text of payloads)
    for (const name of [
      'client_id',
      'redirect_uri',
      'scope',
      'state',
      'prompt',
      'resource',
      'response_mode',
      'login_hint',
    ]) {
      const base = { client_id: evil, redirect_uri: 'https://evil.test/cb' }
      const shown = await browserOf(rig, 'alice').get(await requestUrl({ ...base, [name]: text }))
      expect([200, 400]).toContain(shown.status)
      expectHarmless(shown.text)
      expect(shown.headers.get('set-cookie') ?? '').not.toContain('a=b')
      const back = /class="button"\s+href="([^"]*)"/.exec(shown.text)?.[1]
      if (back !== undefined) expect(new URL(unescape(back)).origin).toBe('https://evil.test')
    }
})

test('AZ15 an account name is text as well', async () => {
  for (const name of payloads) {
    const rig = pagesRig({ signIn: cookieLogin({ alice: { name } }) })
    const browser = browserOf(rig, 'alice')
    expectHarmless((await browser.get(await requestUrl())).text)
    expectHarmless((await browser.get('/account')).text)
  }
})

test('LG2 refused forms and answers leave one event each, without credentials', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  await browser.post('/authorize', approveWith(page, { transaction: 'x' }))
  const code = codeOf(await browser.submit(page, approve))
  await browser.submit(await browser.get(await requestUrl()), { decision: 'deny' })
  expect(rig.events.map(({ type }) => type)).toEqual([
    'consent.asked',
    'page.refused',
    'grant.created',
    'consent.asked',
    'consent.denied',
  ])
  expect(rig.events[2]).toMatchObject({ clientId: 'pub', subject: 'alice', grantId: code.split('.')[0] })
  expect(JSON.stringify(rig.events)).not.toContain(code)
  for (const value of browser.cookies.values())
    if (value !== 'alice') expect(JSON.stringify(rig.events)).not.toContain(value)
})
