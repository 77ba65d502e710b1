// The authorization endpoint: rows AZ1–AZ13.
import { expect, test } from 'vitest'
import { ownLogin } from '../../src/authorization-server/sign-in/own-login.ts'
import { readCookie } from '../../src/lib/cookie.ts'
import type { SignIn } from '../../src/types.ts'
import { ok, RES_A, RES_B, resources, Rig } from '../support/as.ts'
import {
  browserOf,
  codeOf,
  expectLocal,
  expectRedirect,
  grantsWritten,
  pagesRig,
  registered,
  requestUrl,
  sentState,
  verifier,
  type Shown,
} from '../support/pages.ts'

type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>

const ask = async (parameters: Parameters, rig: Rig = pagesRig()): Promise<Shown> =>
  browserOf(rig, 'alice').get(await requestUrl(parameters))

const onlyA = { resources: { [RES_A]: resources[RES_A]! }, defaultResource: RES_A }

test('AZ1 client_id missing, unknown, empty, twice', async () => {
  const rig = pagesRig()
  for (const client_id of [undefined, 'unknown', '', ['pub', 'pub'], ['pub', 'pub2']]) {
    const shown = await ask({ client_id }, rig)
    expectLocal(shown)
    expect(shown.text).toContain('Nothing was shared')
    expect(shown.text).not.toContain('<a ')
  }
  expect(rig.store.written).toEqual([])
})

test('U5 events say what came and what was expected, without queries; the page repeats neither', async () => {
  const rig = pagesRig()
  const shown = await ask({ redirect_uri: 'https://evil.test/cb?code=hunter2' }, rig)
  expect(shown.text).not.toContain('evil.test')
  const event = rig.events.find(({ type }) => type === 'authorize.refused')
  expect(event).toMatchObject({ error: 'invalid_request', received: 'https://evil.test/cb' })
  expect(event!.expected).toContain('https://app.test/cb')
  expect(event!.clientId).toBeDefined()
  await ask({ scope: 'unknown' }, rig)
  expect(rig.events.at(-1)).toMatchObject({ type: 'authorize.refused', error: 'invalid_scope' })
  expect(rig.events.at(-1)!.expected).toContain('notes:read')
})

test('AZ2 a redirect URI that differs in anything', async () => {
  const rig = pagesRig()
  const others = [
    'https://app.test/CB',
    'https://app.test/cb/',
    'https://app.test/cb?x=1',
    'https://app.test/cb?',
    'https://app.test/cb/../evil',
    'https://app.test/cb/%2e%2e/x',
    'https://app.test/cb/..;/x',
    'https://app.test@evil.test/cb',
    'https://app.test\\@evil.test/cb',
    'https://app.test%25@evil.test/cb',
    'http://app.test/cb',
    'https://app.test:8443/cb',
    'https://x.app.test/cb',
    'https://app.test/cb#f',
    'HTTPS://app.test/cb',
    'https://APP.test/cb',
    ' https://app.test/cb',
    'https://app.test/c%62',
    '//app.test/cb',
    'https://evil.test/cb',
    'javascript:alert(1)',
    'cursor://anysphere.cursor-mcp/oauth/callback',
  ]
  for (const redirect_uri of others) expectLocal(await ask({ redirect_uri }, rig))
  expectLocal(await ask({ redirect_uri: ['https://app.test/cb', 'https://app.test/cb'] }, rig))
  expect(rig.store.written).toEqual([])
})

test('AZ3 a loopback redirect on any port, and nothing else of it', async () => {
  for (const redirect_uri of ['http://127.0.0.1:51004/cb', 'http://127.0.0.1/cb', 'https://app.test/cb'])
    expect([redirect_uri, (await ask({ redirect_uri })).status]).toEqual([redirect_uri, 200])
  const others = [
    'http://127.0.0.1:51004/other',
    'http://127.0.0.1:51004/cb?x=1',
    'http://localhost:51004/cb',
    'http://127.0.0.2:1/cb',
    'https://127.0.0.1:1/cb',
    'http://127.0.0.1:99999/cb',
    'https://app.test:444/cb',
    'http://[::1]:3000/cb',
    'http://127.0.0.1:51004@evil.test/cb',
    'http://127.0.0.1:/cb',
  ]
  for (const redirect_uri of others) expectLocal(await ask({ redirect_uri }))
  expect((await ask({ client_id: 'pub2', redirect_uri: undefined })).status).toBe(200)
  expectLocal(await ask({ client_id: 'pub', redirect_uri: undefined }))
})

test('AZ4 what may come once comes once; empty counts as absent, unknown is ignored', async () => {
  for (const name of [
    'response_type',
    'scope',
    'code_challenge',
    'code_challenge_method',
    'prompt',
    'max_age',
  ])
    expectRedirect(await ask({ [name]: ['code', 'code'] }), 'invalid_request')
  expectRedirect(await ask({ state: [sentState, 'other'] }), 'invalid_request')
  expectRedirect(await ask({ response_type: '' }), 'invalid_request')
  expectRedirect(await ask({ code_challenge: '' }), 'invalid_request')
  expect((await ask({ scope: '', prompt: '', max_age: '', response_mode: '', request: '' })).status).toBe(200)
  expect((await ask({ unknown: ['1', '2'], decision: 'approve', __proto__: 'x' } as Parameters)).status).toBe(
    200,
  )
})

test('AZ5 response_type is code', async () => {
  expectRedirect(await ask({ response_type: undefined }), 'invalid_request')
  for (const response_type of ['token', 'id_token', 'code token', 'none', 'CODE'])
    expectRedirect(await ask({ response_type }), 'unsupported_response_type')
})

test('AZ6 PKCE with S256, for every client', async () => {
  const challenge = 'A'.repeat(43)
  const rig = pagesRig()
  expectRedirect(await ask({ code_challenge: undefined }, rig), 'invalid_request')
  const confidential = {
    client_id: 'conf: +%ü',
    redirect_uri: 'https://conf.test/cb',
    code_challenge: undefined,
  }
  expectRedirect(await ask(confidential, rig), 'invalid_request', { to: 'https://conf.test/cb' })
  for (const code_challenge_method of [undefined, 'plain', 's256', 'S512'])
    expectRedirect(await ask({ code_challenge_method }, rig), 'invalid_request')
  const wrong = [
    challenge.slice(1),
    `${challenge}A`,
    'A'.repeat(129),
    ...['=', '+', '/'].map((each) => challenge.slice(1) + each),
  ]
  for (const code_challenge of wrong) expectRedirect(await ask({ code_challenge }, rig), 'invalid_request')
  expect(rig.store.written).toEqual([])
})

test('AZ7 response_mode is query; request objects are refused and never fetched', async () => {
  expect((await ask({ response_mode: 'query' })).status).toBe(200)
  for (const response_mode of ['fragment', 'form_post', 'web_message'])
    expectRedirect(await ask({ response_mode }), 'invalid_request')
  let fetched = 0
  const rig = pagesRig({ fetch: () => Promise.reject(new Error(String(++fetched))) })
  expectRedirect(await ask({ request: 'eyJhbGciOiJub25lIn0.e30.' }, rig), 'request_not_supported')
  expectRedirect(await ask({ request_uri: 'https://evil.test/o' }, rig), 'request_uri_not_supported')
  expect(fetched).toBe(0)
})

test('AZ8 prompt=none: never a code without a user who agreed', async () => {
  const rig = pagesRig()
  const signedOut = browserOf(rig)
  expectRedirect(await signedOut.get(await requestUrl({ prompt: 'none' })), 'login_required')
  expectRedirect(await ask({ prompt: 'none' }, rig), 'consent_required')
  expectRedirect(await ask({ prompt: 'none login' }, rig), 'invalid_request')
  const evil = await registered(rig)
  const url = await requestUrl({ client_id: evil, redirect_uri: 'https://evil.test/cb', prompt: 'none' })
  expectLocal(await signedOut.get(url))
  expect(grantsWritten(rig)).toBe(0)
})

/** The application's own login, which tells when each user signed in. */
function timedLogin(signedInAt: Readonly<Record<string, number>>): SignIn {
  return ownLogin({
    identify: (request) => {
      const subject = readCookie(request, 'user')
      if (subject === undefined) return undefined
      const at = signedInAt[subject]
      return { subject, name: `${subject}@example.com`, ...(at === undefined ? {} : { authTime: at }) }
    },
    loginUrl: '/login',
  })
}

test('AZ8 max_age and prompt=login send an own login off again, once', async () => {
  const signedInAt: Record<string, number> = {}
  const rig = pagesRig({ signIn: timedLogin(signedInAt) })
  signedInAt['old'] = rig.now - 100
  for (const wish of [{ max_age: '0' }, { prompt: 'login' }, { max_age: '60' }] as Parameters[]) {
    const browser = browserOf(rig, 'old')
    const away = await browser.get(await requestUrl(wish))
    expect(away.location!.pathname).toBe('/login')
    const back = away.location!.searchParams.get('return_to')!
    // A user who comes back without a new sign-in is not sent to the login again.
    expectRedirect(await browser.get(back), 'login_required')
    browser.cookies.set('user', 'alice')
    signedInAt['alice'] = rig.now
    expect((await browser.get(back)).text).toContain('alice@example.com')
    browser.cookies.set('user', 'old')
    // The proof belongs to this very request, and ends with it.
    const other = back.replace('state=the', 'state=an')
    expect((await browser.get(other)).location!.pathname).toBe('/login')
    const forged = back.replace(/signed_in=./, (text) => `signed_in=${text.endsWith('A') ? 'B' : 'A'}`)
    for (const each of [forged, back.replace(/signed_in=.*/, `signed_in=${rig.now + 5}`)])
      expect((await browser.get(each)).location!.pathname).toBe('/login')
    rig.now += 601
    expect((await browser.get(back)).location!.pathname).toBe('/login')
    rig.now -= 601
  }
  expect((await browserOf(rig, 'old').get(await requestUrl({ max_age: '101' }))).status).toBe(200)
  expectRedirect(await browserOf(rig, 'old').get(await requestUrl({ max_age: '-1' })), 'invalid_request')
})

test('AZ8 max_age: the clocks of login and server may differ by 5 s, before a sign-in as after it', async () => {
  const signedInAt: Record<string, number> = {}
  const rig = pagesRig({ signIn: timedLogin(signedInAt) })
  const ask = async (age: number): Promise<string | undefined> => {
    signedInAt['alice'] = rig.now - age
    return (await browserOf(rig, 'alice').get(await requestUrl({ max_age: '60' }))).location?.pathname
  }
  expect([await ask(60), await ask(65), await ask(66)]).toEqual([undefined, undefined, '/login'])
  const browser = browserOf(rig, 'alice')
  const away = await browser.get(await requestUrl({ prompt: 'login' }))
  const back = away.location!.searchParams.get('return_to')!
  signedInAt['alice'] = rig.now - 6
  expectRedirect(await browser.get(back), 'login_required')
  signedInAt['alice'] = rig.now - 5
  expect((await browser.get(back)).status).toBe(200)
})

test.each([{ prompt: 'login' }, { max_age: '0' }, { max_age: '60' }, { prompt: 'login select_account' }])(
  'S20 AZ8 the proof of a fresh sign-in (%j) is of one browser, and of no login that does not say when',
  async (wish) => {
    const signedInAt: Record<string, number> = {}
    const rig = pagesRig({ signIn: timedLogin(signedInAt) })
    Object.assign(signedInAt, { alice: rig.now - 100, old: rig.now - 100 })
    const one = browserOf(rig, 'alice')
    const back = (await one.get(await requestUrl(wish))).location!.searchParams.get('return_to')!
    signedInAt['alice'] = rig.now
    expect((await one.get(back)).status).toBe(200)
    // Another browser, signed in or not, has to sign in first.
    for (const user of ['old', 'silent', undefined]) {
      const shown = await browserOf(rig, user).get(back)
      expect([user, shown.location?.pathname]).toEqual([user, '/login'])
    }
    // If the login does not say when, nothing proves that it was now.
    const silent = browserOf(rig, 'silent')
    const again = (await silent.get(await requestUrl(wish))).location!.searchParams.get('return_to')!
    expectRedirect(await silent.get(again), 'login_required')
    expect(grantsWritten(rig)).toBe(0)
  },
)

test('S20 choosing an account needs no time', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const away = await browser.get(await requestUrl({ prompt: 'select_account' }))
  const back = away.location!.searchParams.get('return_to')!
  expect((await browser.get(back)).text).toContain('alice@example.com')
  expect((await browserOf(rig, 'bob').get(back)).location!.pathname).toBe('/login')
})

test('AZ9 open redirect: before the user acts an error goes only to pre-registered clients and loopback', async () => {
  const rig = pagesRig()
  const evil = await registered(rig)
  const request = { client_id: evil, redirect_uri: 'https://evil.test/cb' }
  const shown = await browserOf(rig).get(await requestUrl({ ...request, scope: 'unknown' }))
  expectLocal(shown)
  expect(shown.text).toContain('evil.test')
  expect(shown.text).toMatch(/<a class="button" href="https:\/\/evil\.test\/cb\?error=invalid_scope&amp;/)
  const local = await registered(rig, { redirect_uris: ['http://localhost:1/cb'] })
  const loopback = { client_id: local, redirect_uri: 'http://localhost:99/cb', scope: 'unknown' }
  expectRedirect(await ask(loopback, rig), 'invalid_scope', { to: 'http://localhost:99/cb' })
  // Denying is an act of the user.
  const browser = browserOf(rig, 'alice')
  const consent = await browser.get(await requestUrl(request))
  const denied = await browser.submit(consent, { decision: 'deny' })
  expectRedirect(denied, 'access_denied', { to: 'https://evil.test/cb' })
  expect(rig.store.written).toEqual([])
})

test('AZ10 resources that are malformed, unknown or missing', async () => {
  for (const resource of [
    'https://mcp.test/other',
    'https://as.test',
    '/mcp',
    `${RES_A}#f`,
    'https://mcp.test/mcp/',
  ])
    expectRedirect(await ask({ resource }), 'invalid_target')
  expectRedirect(await ask({ resource: [RES_A, 'https://x.test/'] }), 'invalid_target')
  const several = pagesRig({ defaultResource: undefined })
  expectRedirect(await ask({ resource: undefined }, several), 'invalid_target')
  expect((await ask({ resource: undefined })).text).toContain(RES_A)
  expect((await ask({ resource: undefined }, pagesRig(onlyA))).text).toContain(RES_A)
})

test('AZ10 two resources are recorded both, and the spelling of a host does not matter', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(
    await requestUrl({ resource: [RES_B, 'HTTPS://MCP.TEST/mcp'], scope: undefined }),
  )
  for (const each of [RES_A, RES_B, 'Administer B', 'Change your notes']) expect(page.text).toContain(each)
  const fields = { 'scope-1': 'notes:write' }
  codeOf(await browser.submit(page, { decision: 'approve', scopes: ['b:admin'], fields }))
  expect((await rig.as.grants.list('alice'))[0]).toMatchObject({
    resources: [RES_B, RES_A],
    access: { [RES_B]: ['b:admin'], [RES_A]: ['notes:write'] },
    scopes: ['b:admin', 'notes:write'],
  })
})

test('AZ11 scopes that exist here, and no others', async () => {
  for (const scope of [
    'unknown',
    'unknown other',
    '"notes:read"',
    'notes:read\u0000',
    // White space that `trim` removes; only a space separates (RFC 6749 §3.3).
    'notes:read\t',
    '\nnotes:read',
    'notes:read\u00a0',
    'notes:read\\',
    'a'.repeat(10_000),
  ])
    expectRedirect(await ask({ scope }), 'invalid_scope')
  const long = await ask({ scope: `notes:read ${'a'.repeat(20_000)}` })
  expect([long.status, long.location]).toEqual([414, undefined])
  const page = await ask({ scope: 'notes:read openid unknown offline_access' })
  expect(page.text).toContain('Read your notes')
  expect(page.text).not.toMatch(/Change your notes|unknown|offline_access/)
  for (const scope of [undefined, 'offline_access'])
    expect((await ask({ scope })).text).toContain('Change your notes')
})

test('AZ11 a narrower grant is reported in the token response', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl({ scope: 'notes:write notes:read unknown' }))
  const code = codeOf(
    await browser.submit(page, { decision: 'approve', scopes: ['notes:read', 'unknown', 'b:admin'] }),
  )
  const form = { grant_type: 'authorization_code', client_id: 'pub', code, code_verifier: verifier }
  const tokens = await ok(await rig.post({ ...form, redirect_uri: 'http://127.0.0.1:3000/cb' }))
  expect(tokens.scope).toBe('notes:read')
  expect(await rig.call(tokens.access_token)).toBe(200)
  expect(rig.seen[0]).toMatchObject({ subject: 'alice', scopes: ['notes:read'] })
})

test('AZ13 success: one code, the state as it was sent, the issuer once', async () => {
  for (const state of [sentState, undefined, '&code=x&iss=https://evil.test', 'ü'.repeat(400)]) {
    const browser = browserOf(pagesRig(), 'alice')
    const page = await browser.get(await requestUrl({ state, redirect_uri: 'http://127.0.0.1:7/cb' }))
    const shown = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    codeOf(shown)
    expect(shown.location!.searchParams.getAll('state')).toEqual(state === undefined ? [] : [state])
    expect([...shown.location!.searchParams.keys()].sort()).toEqual(
      state === undefined ? ['code', 'iss'] : ['code', 'iss', 'state'],
    )
  }
})

test('ST4 a store that is down: a page or a redirect, never a code', async () => {
  const rig = pagesRig()
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  rig.store.before = () => {
    throw new Error('down')
  }
  const approved = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expectRedirect(approved, 'temporarily_unavailable')
  const fresh = await browser.get(
    await requestUrl({ client_id: 'pub2', redirect_uri: 'https://two.test/cb' }),
  )
  expect([fresh.status, fresh.headers.get('retry-after')]).toEqual([503, '5'])
})

test('anonymous requests write nothing', async () => {
  const rig = pagesRig()
  for (let i = 0; i < 50; i++) {
    await browserOf(rig).get(await requestUrl({ state: `s${i}` }))
    await browserOf(rig, 'alice').get(await requestUrl({ state: `s${i}` }))
  }
  expect(rig.store.written).toEqual([])
})

test('MD3 the 2025-03-26 endpoint at the root answers for an issuer with a path', async () => {
  const issuer = 'https://mcp.test/t1'
  const rig = pagesRig({ issuer })
  const browser = browserOf(rig, 'alice')
  const page = await browser.get(await requestUrl())
  expect(page.text).toContain('action="/t1/authorize"')
  const shown = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expect(shown.location!.searchParams.get('iss')).toBe(issuer)
  expect(
    [...browser.cookies.keys()].every((name) => name === 'user' || name.startsWith('__Host-tollgate-.t1-')),
  ).toBe(true)
})
