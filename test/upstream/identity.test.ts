// Who signed in: subject, name, verified address, userinfo, and what `admit` says.
import { describe, expect, test } from 'vitest'
import { isConfigurationError, OAuthError } from '../../src/errors.ts'
import type { UpstreamOptions, UpstreamUser } from '../../src/upstream/index.ts'
import type { AuthInfo, Provider, SignInProfile } from '../../src/types.ts'
import { codeOf, expectRedirect } from '../support/pages.ts'
import { without } from '../support/upstream-imitation.ts'
import { alice, UpstreamWorld, type WorldOptions } from '../support/upstream.ts'

const issuer = 'https://id.acme.test'

/** A preset for a provider without ID tokens. */
const oauth2 = (more: Partial<SignInProfile> = {}): Partial<Provider> => ({
  client: {
    resource: 'omit',
    endpoints: {
      authorization: `${issuer}/authorize`,
      token: `${issuer}/token`,
      userinfo: `${issuer}/userinfo`,
      revocation: `${issuer}/revoke`,
    },
  },
  signIn: { name: 'Acme', protocol: 'oauth2', revocationEndsAll: false, ...more },
})

const oidc = (more: Partial<SignInProfile>): Partial<Provider> => ({
  signIn: { name: 'Acme', protocol: 'oidc', revocationEndsAll: false, ...more },
})

/** What `admit` and then the handler got for a user with these claims. */
async function signedIn(
  claims: Record<string, unknown>,
  options: WorldOptions = {},
): Promise<{ user: UpstreamUser; auth: AuthInfo; world: UpstreamWorld }> {
  let user: UpstreamUser | undefined
  const admit: UpstreamOptions['admit'] = (given) => {
    user = given
    return options.options?.admit === undefined || options.options.admit(given)
  }
  const world = new UpstreamWorld({ ...options, options: { ...options.options, admit } })
  world.idp.login(claims)
  const { access_token: token } = await world.tokens(await world.signIn())
  expect(await world.rig.call(token)).toBe(200)
  return { user: user!, auth: world.rig.seen[0]!, world }
}

describe('the user', () => {
  test('as `admit` gets it; the access token is not enumerable', async () => {
    const { user, auth } = await signedIn({ ...alice, groups: ['staff'] })
    expect({ ...user }).toEqual({
      issuer,
      subject: 'alice-1',
      name: 'Alice',
      email: 'alice@acme.test',
      claims: expect.objectContaining({ sub: 'alice-1', groups: ['staff'] }),
    })
    expect(user.accessToken).toBe('upstream-access-0')
    expect(JSON.stringify(user)).not.toContain('upstream-access')
    expect(auth.subject).toBe(`${issuer}|alice-1`)
  })

  test('CN10 GHSA-g38m-r43w-p2q7: an address that is not verified is neither given nor shown, and links nothing', async () => {
    for (const verified of [false, undefined, 'true', 1, null]) {
      const { user, auth } = await signedIn({ sub: 'mallory', email: alice.email, email_verified: verified })
      expect(user.email).toBeUndefined()
      expect(user.name).toBeUndefined()
      expect(auth.subject).toBe(`${issuer}|mallory`)
    }
  })

  test('the same verified address at another subject is another user', async () => {
    const { auth } = await signedIn({ ...alice, sub: 'another' })
    expect(auth.subject).toBe(`${issuer}|another`)
  })

  test.each([
    ['a number', 583_231, '583231'],
    ['text', '583231', '583231'],
    ['with a separator', 'a|b', 'a|b'],
    ['of 255 characters', 'x'.repeat(255), 'x'.repeat(255)],
  ])('subject: %s', async (_, id, subject) => {
    const { auth } = await signedIn({ id }, { provider: oauth2({ subjectClaim: 'id' }) })
    expect(auth.subject).toBe(`${issuer}|${subject}`)
  })

  test.each([
    ['a number that JSON rounds', 2 ** 53],
    ['a fraction', 1.5],
    ['true', true],
    ['null', null],
    ['missing', undefined],
    ['empty', ''],
    ['a list', ['a']],
    ['too long', 'x'.repeat(256)],
    ['half a surrogate pair', 'a\ud800'],
  ])('account linking: the subject is %s', async (_, id) => {
    const world = new UpstreamWorld({ provider: oauth2({ subjectClaim: 'id' }) })
    world.idp.login({ id })
    expectRedirect(await world.signIn(), 'server_error')
  })

  test('dotted paths, and the first name that is there, in one printable line', async () => {
    const profile = { subjectClaim: 'data.id', nameClaims: ['data.login', 'name'] }
    const { user } = await signedIn(
      { data: { id: 'u1', login: 'al\u202eice\n' }, name: 'Other' },
      { provider: oauth2(profile) },
    )
    expect(user).toMatchObject({ subject: 'u1', name: 'al ice ' })
  })

  test('the name stands on the account page', async () => {
    const world = new UpstreamWorld()
    const browser = world.browser()
    await world.signIn(browser)
    expect((await browser.get('/account')).text).toContain('Alice')
  })
})

describe('userinfo (OpenID Connect Core §5.3)', () => {
  test('is not asked if the ID token has a name or an address', async () => {
    const { world } = await signedIn({ sub: 'alice-1', name: 'Alice' })
    expect(world.idp.to('/userinfo')).toEqual([])
  })

  const bare = (world: UpstreamWorld): void => {
    world.idp.claims = (claims) => without(claims, 'name', 'email', 'email_verified')
  }

  test('completes an ID token without name and address, with the access token in the header', async () => {
    let user: UpstreamUser | undefined
    const world = new UpstreamWorld({ options: { admit: (given) => Boolean((user = given)) } })
    bare(world)
    codeOf(await world.signIn())
    expect(user).toMatchObject({ name: 'Alice', email: 'alice@acme.test' })
    const [request] = world.idp.to('/userinfo')
    expect(request!.headers.get('authorization')).toBe('Bearer upstream-access-0')
    expect([...request!.query]).toEqual([])
  })

  test('token substitution: an answer about another subject (§5.3.2)', async () => {
    for (const sub of ['bob', undefined]) {
      const world = new UpstreamWorld()
      bare(world)
      world.idp.on('/userinfo', () => Response.json({ sub, name: 'Bob' }))
      expectRedirect(await world.signIn(), 'server_error')
      await expect.poll(() => world.idp.revoked, { timeout: 10_000 }).toHaveLength(2)
    }
  })

  test('an access token for another API: the ID token is enough', async () => {
    for (const answer of [new Response('', { status: 401 }), new Response('a.b.c')]) {
      const world = new UpstreamWorld({ options: { admit: ({ subject }) => subject === alice.sub } })
      bare(world)
      world.idp.on('/userinfo', () => answer)
      codeOf(await world.signIn())
    }
  })

  test('an outage does not decide about a user whose address is not known', async () => {
    const world = new UpstreamWorld()
    bare(world)
    world.idp.on('/userinfo', () => new Response('', { status: 500 }))
    expectRedirect(await world.signIn(), 'temporarily_unavailable')
  })

  test('the ID token counts more than userinfo', async () => {
    let user: UpstreamUser | undefined
    const world = new UpstreamWorld({ options: { admit: (given) => Boolean((user = given)) } })
    bare(world)
    world.idp.on('/userinfo', () =>
      Response.json({ sub: alice.sub, name: 'Alice', nonce: 'x', iss: 'https://x.test' }),
    )
    codeOf(await world.signIn())
    expect(user!.claims['iss']).toBe(issuer)
    expect(user!.issuer).toBe(issuer)
  })

  test.each([
    [500, {}, 'temporarily_unavailable'],
    [429, { 'retry-after': '7' }, 'temporarily_unavailable'],
    [403, { 'x-ratelimit-remaining': '0' }, 'temporarily_unavailable'],
    [403, {}, 'server_error'],
    [401, {}, 'server_error'],
    [200, {}, 'server_error'],
  ])('%d %o is %s', async (status, headers, error) => {
    const world = new UpstreamWorld({ provider: oauth2() })
    world.idp.on('/userinfo', () => new Response('no', { status, headers }))
    expectRedirect(await world.signIn(), error)
    await expect.poll(() => world.idp.revoked, { timeout: 10_000 }).toHaveLength(2)
  })

  test('has the headers of the preset', async () => {
    const { world } = await signedIn(alice, {
      provider: oauth2({ userinfoHeaders: { accept: 'application/vnd.acme+json' } }),
    })
    expect(world.idp.to('/userinfo')[0]!.headers.get('accept')).toBe('application/vnd.acme+json')
  })
})

describe('admit', () => {
  test.each([false, null, undefined])('%s is access_denied; the tokens are revoked', async (answer) => {
    const world = new UpstreamWorld({ options: { admit: () => answer } })
    expectRedirect(await world.signIn(), 'access_denied')
    expect(world.rig.store.written.filter(({ key }) => key.endsWith(':grant'))).toEqual([])
    await expect
      .poll(() => world.idp.revoked, { timeout: 10_000 })
      .toEqual(['upstream-refresh-0', 'upstream-access-0'])
  })

  test('scopes limit what the user may grant; props and name reach handler and page', async () => {
    const admit = async (): Promise<object> => ({
      scopes: ['notes:read'],
      props: { team: 'a' },
      name: 'A. Liddell',
    })
    const { auth, world } = await signedIn(alice, { options: { admit } })
    expect(auth.scopes).toEqual(['notes:read'])
    expect(auth.props).toEqual({ team: 'a' })
    const browser = world.browser()
    await world.signIn(browser)
    expect((await browser.get('/account')).text).toContain('A. Liddell')
  })

  test('no scope that the user may grant: access_denied', async () => {
    const world = new UpstreamWorld({ options: { admit: () => ({ scopes: ['other'] }) } })
    expectRedirect(await world.signIn(), 'access_denied')
  })

  test('its own OAuthError reaches the client', async () => {
    const admit = (): never => {
      throw new OAuthError('access_denied', 'Ask your administrator')
    }
    const shown = await new UpstreamWorld({ options: { admit } }).signIn()
    expectRedirect(shown, 'access_denied')
    expect(shown.location!.searchParams.get('error_description')).toBe('Ask your administrator')
  })

  test('what it throws goes to onError, and to nobody else', async () => {
    const admit = (): never => {
      throw new Error('database password hunter2')
    }
    const world = new UpstreamWorld({ options: { admit } })
    const shown = await world.signIn()
    expect(shown.status).toBe(500)
    expect(shown.text).not.toContain('hunter2')
    expect(world.errors).toMatchObject([{ where: 'upstream.admit' }])
    await expect.poll(() => world.idp.revoked, { timeout: 10_000 }).toHaveLength(2)
  })

  test.each([{ scope: ['notes:read'] }, { scopes: 'notes:read' }, { name: 1 }, 'yes', [true]])(
    'what it must not return lets nobody in: %o',
    async (answer) => {
      const world = new UpstreamWorld({ options: { admit: () => answer as never } })
      expect((await world.signIn()).status).toBe(500)
      expect(isConfigurationError(world.errors[0]!.error)).toBe(true)
      expect(world.rig.store.written.filter(({ key }) => key.endsWith(':grant'))).toEqual([])
    },
  )
})

describe('what lies in the grant', () => {
  test('the tokens, unless `keepTokens` is false', async () => {
    const kept = await signedIn(alice)
    expect(await kept.auth.upstream()).toMatchObject({
      accessToken: 'upstream-access-0',
      expiresAt: kept.world.rig.now + 3600,
      scopes: ['openid', 'profile', 'email', 'offline_access'],
    })
    const { auth, world } = await signedIn(alice, { options: { keepTokens: false } })
    await expect(auth.upstream()).rejects.toThrow()
    expect(world.idp.to('/authorize')[0]!.query.get('scope')).toBe('openid profile email')
  })

  test('auth_time and acr only if the provider says so', async () => {
    const required = { max_age: '60' }
    const world = new UpstreamWorld()
    codeOf(await world.signIn(world.browser(), required))
    world.idp.claims = (claims) => without(claims, 'auth_time')
    expectRedirect(await world.signIn(world.browser(), required), 'login_required')
    world.idp.claims = (claims) => ({ ...claims, auth_time: world.rig.now - 100 })
    expectRedirect(await world.signIn(world.browser(), required), 'login_required')
  })

  test('CN12 the tokens of a sign-in that no grant keeps are revoked', async () => {
    const both = ['upstream-refresh-0', 'upstream-access-0']
    const unscoped = new UpstreamWorld({ options: { admit: () => ({ scopes: ['other'] }) } })
    expectRedirect(await unscoped.signIn(), 'access_denied')
    await expect.poll(() => unscoped.idp.revoked, { timeout: 10_000 }).toEqual(both)

    const account = new UpstreamWorld()
    const browser = account.browser()
    const back = await account.idp.visit((await browser.get('/account')).location!)
    expect((await browser.get(back.href)).location?.pathname).toBe('/account')
    await expect.poll(() => account.idp.revoked, { timeout: 10_000 }).toEqual(both)

    // Another user than the page had named: the consent is shown again, and a sign-in follows.
    account.idp.login({ sub: 'bob', name: 'Bob' })
    expect((await account.signIn(browser)).status).toBe(400)
    await expect.poll(() => account.idp.revoked, { timeout: 10_000 }).toHaveLength(4)

    const kept = new UpstreamWorld()
    const { access_token: token } = await kept.tokens(await kept.signIn())
    expect(await kept.rig.call(token)).toBe(200)
    expect(kept.idp.revoked).toEqual([])
  })

  test('a provider that ends all tokens at once is not asked to revoke after a failure', async () => {
    const world = new UpstreamWorld({
      provider: oidc({ revocationEndsAll: true }),
      options: { admit: () => false },
    })
    expectRedirect(await world.signIn(), 'access_denied')
    expect(world.idp.revoked).toEqual([])
  })
})
