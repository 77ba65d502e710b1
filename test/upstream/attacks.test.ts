// The sign-in under attack: checks CN8 to CN11 and CN13 with a real provider's flow behind the consent.
import { describe, expect, test } from 'vitest'
import { payload } from '../support/as.ts'
import { expectLocal, expectRedirect, registered, requestUrl, sentState } from '../support/pages.ts'
import { UpstreamWorld } from '../support/upstream.ts'

const evil = { redirect_uri: 'https://evil.test/cb' }
const grantRow = /:grant$/

/** Neither code nor grant. */
function expectNothing({ rig }: UpstreamWorld): void {
  expect(rig.store.written.filter(({ key }) => grantRow.test(key))).toEqual([])
}

describe('CN8 confused deputy', () => {
  test('a link of EVIL shows the consent first; nothing goes to the provider before the approval', async () => {
    const world = new UpstreamWorld()
    const browser = world.browser()
    // The user has a session of this server, and one of the provider, which would answer at once.
    await world.signIn(browser)
    const before = world.idp.requests.length
    const cookies = new Set(browser.cookies.keys())
    const page = await browser.visit(await requestUrl({ client_id: await registered(world.rig), ...evil }), {
      'sec-fetch-site': 'cross-site',
    })
    expect(page.status).toBe(200)
    expect(page.text).toContain('evil.test')
    expect(world.idp.requests.length).toBe(before)
    const fresh = [...browser.cookies.keys()].filter((name) => !cookies.has(name))
    expect(fresh.filter((name) => name.includes('sign-in'))).toEqual([])
  })

  test('a denial goes to the client and not to the provider', async () => {
    const world = new UpstreamWorld()
    const browser = world.browser()
    const page = await browser.visit(await requestUrl())
    expectRedirect(await browser.submit(page, { decision: 'deny' }), 'access_denied')
    expect(world.idp.requests).toEqual([])
    expectNothing(world)
  })
})

describe('CN9 the callback: state', () => {
  async function arrived(): Promise<{
    world: UpstreamWorld
    browser: ReturnType<UpstreamWorld['browser']>
    back: URL
  }> {
    const world = new UpstreamWorld()
    const browser = world.browser()
    const back = await world.idp.visit(await world.toProvider(browser))
    return { world, browser, back }
  }

  const forged: Record<string, (back: URL) => void> = {
    missing: (back) => back.searchParams.delete('state'),
    empty: (back) => back.searchParams.set('state', ''),
    unknown: (back) => back.searchParams.set('state', 'A'.repeat(27)),
    'the client’s own': (back) => back.searchParams.set('state', sentState),
    twice: (back) => back.searchParams.append('state', back.searchParams.get('state')!),
  }

  test.each(Object.entries(forged))('%s', async (_, change) => {
    const { world, browser, back } = await arrived()
    change(back)
    expectLocal(await browser.get(back.href, { 'sec-fetch-site': 'cross-site' }), [400, 403])
    expect(world.idp.to('/token')).toEqual([])
    expectNothing(world)
  })

  test('expired', async () => {
    const { world, browser, back } = await arrived()
    world.rig.now += 601
    expectLocal(await browser.get(back.href), [400, 403])
    expect(world.idp.to('/token')).toEqual([])
  })

  test('from another browser', async () => {
    const { world, back } = await arrived()
    expectLocal(await world.browser().get(back.href), [400, 403])
    expect(world.idp.to('/token')).toEqual([])
    expectNothing(world)
  })

  test('replayed, also by a browser that kept the cookie', async () => {
    const { world, browser, back } = await arrived()
    const cookies = [...browser.cookies]
    expect((await browser.get(back.href)).location?.searchParams.has('code')).toBe(true)
    expectLocal(await browser.get(back.href), [400, 403])
    for (const [name, value] of cookies) browser.cookies.set(name, value)
    expectLocal(await browser.get(back.href), [400, 403])
    expect(world.idp.to('/token')).toHaveLength(1)
  })

  test('a POST of another site', async () => {
    const { world, browser, back } = await arrived()
    const shown = await browser.post(back.href, '', {
      'sec-fetch-site': 'cross-site',
      origin: 'https://id.acme.test',
    })
    expectLocal(shown, [400, 403])
    expect(world.idp.to('/token')).toEqual([])
  })
})

describe('CN10 mix-up, errors and text of the provider', () => {
  const advertised = { imitation: { metadata: { authorization_response_iss_parameter_supported: true } } }

  /** The answer that arrives, changed; what the browser is shown, and the world. */
  async function answered(
    change: (back: URL) => void,
    options: ConstructorParameters<typeof UpstreamWorld>[0] = {},
  ): Promise<{ world: UpstreamWorld; shown: Awaited<ReturnType<UpstreamWorld['signIn']>> }> {
    const world = new UpstreamWorld(options)
    const browser = world.browser()
    const back = await world.idp.visit(await world.toProvider(browser))
    change(back)
    return { world, shown: await browser.get(back.href) }
  }

  test('RFC 9207 an `iss` that is right, advertised or not', async () => {
    for (const options of [advertised, {}]) {
      const { shown } = await answered(
        (back) => back.searchParams.set('iss', 'https://id.acme.test'),
        options,
      )
      expect(shown.location?.searchParams.has('code')).toBe(true)
    }
  })

  const wrong: Record<string, (back: URL) => void> = {
    'another issuer': (back) => back.searchParams.set('iss', 'https://id.evil.test'),
    'a slash more': (back) => back.searchParams.set('iss', 'https://id.acme.test/'),
    'another case': (back) => back.searchParams.set('iss', 'https://ID.acme.test'),
    empty: (back) => back.searchParams.set('iss', ''),
    missing: (back) => back.searchParams.delete('iss'),
    twice: (back) => back.searchParams.append('iss', 'https://id.acme.test'),
    'of another issuer, with an error': (back) => {
      back.searchParams.delete('code')
      back.searchParams.set('iss', 'https://id.evil.test')
      back.searchParams.set('error', 'access_denied')
    },
  }

  test.each(Object.entries(wrong))('RFC 9207 `iss` %s: the code is not exchanged', async (_, change) => {
    const { world, shown } = await answered(change, advertised)
    expectRedirect(shown, 'server_error')
    expect(shown.location!.href).not.toContain('evil')
    expect(world.idp.to('/token')).toEqual([])
    expectNothing(world)
    expect(world.rig.events).toContainEqual(
      expect.objectContaining({ type: 'upstream.refused', issuer: 'https://id.acme.test' }),
    )
  })

  const malformed: Record<string, (back: URL) => void> = {
    'two codes': (back) => back.searchParams.append('code', 'another'),
    'code and error': (back) => back.searchParams.set('error', 'access_denied'),
    'no code': (back) => back.searchParams.delete('code'),
    'an empty code': (back) => back.searchParams.set('code', ''),
    'two errors': (back) => {
      back.searchParams.delete('code')
      back.searchParams.append('error', 'access_denied')
      back.searchParams.append('error', 'server_error')
    },
  }

  test.each(Object.entries(malformed))('%s', async (_, change) => {
    const { world, shown } = await answered(change)
    expectRedirect(shown, 'server_error')
    expect(world.idp.to('/token')).toEqual([])
    expectNothing(world)
  })

  test.each([
    ['access_denied', 'access_denied'],
    ['login_required', 'access_denied'],
    ['interaction_required', 'access_denied'],
    ['consent_required', 'access_denied'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['server_error', 'server_error'],
    ['invalid_scope', 'server_error'],
    ['unauthorized_client', 'server_error'],
    ['<script>alert(1)</script>', 'server_error'],
  ])('error=%s becomes %s, without the provider’s text', async (error, expected) => {
    const { world, shown } = await answered((back) => {
      back.searchParams.delete('code')
      back.searchParams.set('error', error)
      back.searchParams.set('error_description', '<img src=x onerror=alert(1)> call +1 555')
      back.searchParams.set('error_uri', 'https://evil.test/help')
    })
    expectRedirect(shown, expected)
    for (const text of ['onerror', 'alert', '555', 'evil'])
      expect(decodeURIComponent(shown.location!.href)).not.toContain(text)
    expect(JSON.stringify(world.rig.events)).not.toMatch(/onerror|555|evil/)
    expectNothing(world)
    // Whoever signs in can write this answer: it is no proof of a fault, and calls no operator.
    expect(world.errors).toEqual([])
    const types = world.rig.events.map(({ type }) => type)
    expect(types.filter((type) => type.startsWith('server.'))).toEqual([])
    expect(world.rig.events.filter(({ level }) => level === 'alert')).toEqual([])
  })

  test.each([
    ['invalid_scope', 'invalid_scope'],
    ['unauthorized_client', 'unauthorized_client'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['redirect_uri_mismatch', 'redirect_uri_mismatch'],
    ['junk_aa', 'invalid_response'],
    ['constructor', 'invalid_response'],
  ])('error=%s is %s in the event: the browser chooses no code of its own', async (error, expected) => {
    const { world } = await answered((back) => {
      back.searchParams.delete('code')
      back.searchParams.set('error', error)
    })
    expect(world.rig.events.filter(({ type }) => type === 'upstream.refused')).toMatchObject([
      { level: 'warning', issuer: 'https://id.acme.test', error: expected },
    ])
    expect(JSON.stringify(world.rig.events)).not.toMatch(/junk|constructor/)
  })

  test.each(['invalid_grant', 'bad_verification_code', 'invalid_code'])(
    'a code that the browser made up, refused with %s, calls no operator',
    async (error) => {
      const world = new UpstreamWorld()
      world.idp.on('/token', () => Response.json({ error }, { status: 400 }))
      expectRedirect(await world.signIn(), 'server_error')
      expect(world.rig.events).toContainEqual(expect.objectContaining({ type: 'upstream.refused', error }))
      expect(world.rig.events.filter(({ level }) => level === 'alert')).toEqual([])
    },
  )
})

test('CN11 PKCE, state and nonce are our own, and no upstream token goes to the client', async () => {
  const world = new UpstreamWorld()
  const browser = world.browser()
  const client = new URL(await requestUrl({ nonce: 'the client nonce' }), world.rig.issuer).searchParams
  const sent = (await world.toProvider(browser, { nonce: 'the client nonce' })).searchParams
  expect(Object.fromEntries(sent)).toEqual({
    response_type: 'code',
    client_id: world.idp.clientId,
    redirect_uri: 'https://as.test/authorize/callback/acme',
    scope: 'openid profile email offline_access',
    state: expect.stringMatching(/^[\w.-]{22,}$/),
    nonce: expect.stringMatching(/^[\w-]{22,}$/),
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  })
  for (const name of ['state', 'nonce', 'code_challenge']) expect(sent.get(name)).not.toBe(client.get(name))
  // Again: nothing is used twice.
  const again = (await world.toProvider(world.browser())).searchParams
  for (const name of ['state', 'nonce', 'code_challenge']) expect(again.get(name)).not.toBe(sent.get(name))

  const shown = await world.signIn(browser)
  const tokens = await world.tokens(shown)
  const introspected = await world.rig.post(
    { token: tokens.access_token, client_id: 'pub' },
    { url: world.rig.path('introspect') },
  )
  const told = [
    ...browser.received.flatMap((headers) => [...headers].flat()),
    shown.text,
    JSON.stringify(tokens),
    JSON.stringify(payload(tokens.access_token)),
    await introspected.text(),
    JSON.stringify(world.rig.events),
  ].join('\n')
  const secrets = world.idp.issued.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken])
  expect(secrets).toHaveLength(2)
  for (const each of secrets) expect(told).not.toContain(each)
  // Nor does it lie in the store in the clear.
  const stored = world.rig.store.written.map(({ value }) => value).join('\n')
  for (const each of secrets) expect(stored).not.toContain(each)
  // The code verifier went to the provider only.
  const verifier = world.idp.to('/token')[0]!.form.get('code_verifier')!
  expect(verifier).toMatch(/^[\w-]{43}$/)
  expect(told).not.toContain(verifier)
})

describe('CN13', () => {
  const sessionOf = (cookies: ReadonlyMap<string, string>): string | undefined =>
    [...cookies].find(([name]) => name.includes('session'))?.[1]

  test('session fixation: the sign-in makes a new session', async () => {
    const world = new UpstreamWorld()
    const attacker = world.browser()
    world.idp.login({ sub: 'mallory' })
    await world.signIn(attacker)
    const victim = world.browser()
    for (const [name, value] of attacker.cookies) victim.cookies.set(name, value)
    const fixed = sessionOf(victim.cookies)
    expect(fixed).toBeDefined()
    world.idp.login({ sub: 'alice' })
    await world.signIn(victim)
    expect(sessionOf(victim.cookies)).not.toBe(fixed)
  })

  test('user A starts and user B signs in: B is asked again, and nothing was granted', async () => {
    const world = new UpstreamWorld()
    const browser = world.browser()
    world.idp.login({ sub: 'a', name: 'User A' })
    await world.signIn(browser)
    const granted = world.rig.store.written.filter(({ key }) => grantRow.test(key)).length
    world.idp.login({ sub: 'b', name: 'User B' })
    const page = await world.signIn(browser)
    expect(page.status).toBe(400)
    expect(page.text).toContain('User B')
    expect(page.text).toContain('another account')
    expect(world.rig.store.written.filter(({ key }) => grantRow.test(key))).toHaveLength(granted)
  })

  test.each(['//evil.test', String.raw`/\evil.test`, 'https:evil.test', 'https://evil.test/'])(
    'open redirect: return_to=%s in the provider’s answer',
    async (target) => {
      const world = new UpstreamWorld()
      const browser = world.browser()
      const begun = await browser.get('/account')
      expect(begun.location?.origin).toBe(world.idp.issuer)
      const back = await world.idp.visit(begun.location!)
      back.searchParams.set('return_to', target)
      const shown = await browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
      expect(shown.location?.origin).toBe(world.rig.issuer)
    },
  )
})
