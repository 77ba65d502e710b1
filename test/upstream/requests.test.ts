// The requests to the provider: what is sent to its pages and endpoints, and what its answers may look like.
import { compactVerify } from 'jose/jws/compact/verify'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { describe, expect, test } from 'vitest'
import type { Provider, SignInProfile } from '../../src/types.ts'
import { codeOf, expectLocal, expectRedirect, requestUrl } from '../support/pages.ts'
import { without } from '../support/upstream-imitation.ts'
import { UpstreamWorld, type WorldOptions } from '../support/upstream.ts'

const issuer = 'https://id.acme.test'
const oidc = (more: Partial<SignInProfile>, client: Provider['client'] = {}): Partial<Provider> => ({
  signIn: { name: 'Acme', protocol: 'oidc', ...more },
  client,
})
const endpoints = {
  authorization: `${issuer}/authorize?tenant=1`,
  token: `${issuer}/token`,
  userinfo: `${issuer}/userinfo`,
}

type Wishes = Readonly<Record<string, string | undefined>>

/** The parameters at the provider's authorization endpoint. */
async function sent(options: WorldOptions = {}, wishes: Wishes = {}): Promise<URLSearchParams> {
  const world = new UpstreamWorld(options)
  return (await world.toProvider(world.browser(), wishes)).searchParams
}

describe('the authorization request', () => {
  test.each<[string, Partial<Provider>, Wishes, string | null]>([
    ['login', {}, { prompt: 'login' }, 'login'],
    ['select_account', {}, { prompt: 'select_account' }, 'select_account'],
    ['consent is ours', {}, { prompt: 'consent' }, null],
    ['consent and login', {}, { prompt: 'consent login' }, 'login'],
    ['a provider without login', oidc({ prompts: ['select_account'] }), { prompt: 'login' }, null],
    ['none at all', {}, {}, null],
    ['the preset’s', oidc({}, { authorizationParameters: { prompt: 'consent' } }), {}, 'consent'],
    [
      'the preset’s and the client’s',
      oidc({}, { authorizationParameters: { prompt: 'consent' } }),
      { prompt: 'select_account' },
      'consent select_account',
    ],
    ['oauth2', { signIn: { name: 'A', protocol: 'oauth2' } }, { prompt: 'select_account' }, null],
  ])('prompt: %s', async (_, provider, wishes, prompt) => {
    expect((await sent({ provider }, wishes)).get('prompt')).toBe(prompt)
  })

  test('max_age, only for OpenID Connect', async () => {
    expect((await sent({}, { max_age: '60' })).get('max_age')).toBe('60')
    const oauth2 = { signIn: { name: 'A', protocol: 'oauth2' as const } }
    expect((await sent({ provider: oauth2 }, { max_age: '60' })).has('max_age')).toBe(false)
  })

  test('login_hint under the provider’s name for it', async () => {
    const hint = { login_hint: 'alice@acme.test' }
    expect((await sent({}, hint)).get('login_hint')).toBe('alice@acme.test')
    const renamed = await sent({ provider: oidc({ loginHintParameter: 'login' }) }, hint)
    expect([renamed.get('login'), renamed.has('login_hint')]).toEqual(['alice@acme.test', false])
    const oauth2 = { signIn: { name: 'A', protocol: 'oauth2' as const } }
    expect((await sent({ provider: oauth2 }, hint)).has('login_hint')).toBe(false)
  })

  test('scopes: the profile’s, the options’, and the offline scope; never the client’s, and no resource', async () => {
    const options = { scopes: ['calendar.read', 'openid'] }
    const query = await sent({ options })
    expect(query.get('scope')).toBe('openid profile email calendar.read offline_access')
    expect(query.has('resource')).toBe(false)
    const own = await sent({ provider: oidc({ scopes: ['openid', 'User.Read'] }) })
    expect(own.get('scope')).toBe('openid User.Read')
    const oauth2 = await sent({ provider: { signIn: { name: 'A', protocol: 'oauth2' } } })
    expect([oauth2.has('scope'), oauth2.has('nonce')]).toEqual([false, false])
  })

  test('parameters that are only for a refresh token need kept tokens', async () => {
    const parameters = { access_type: 'offline', prompt: 'consent', tenant: '1' }
    const provider = oidc(
      { offlineParameters: ['access_type', 'prompt'] },
      { authorizationParameters: parameters },
    )
    const kept = await sent({ provider })
    expect(Object.fromEntries(kept)).toMatchObject(parameters)
    const query = await sent({ provider, options: { keepTokens: false } })
    expect(['access_type', 'prompt', 'tenant'].map((name) => query.get(name))).toEqual([null, null, '1'])
  })

  test('parameters of the options win over those of the preset; an endpoint keeps its query', async () => {
    const provider = oidc({}, { endpoints, authorizationParameters: { access_type: 'offline', hd: '*' } })
    const query = await sent({ provider, options: { authorizationParameters: { hd: 'acme.test' } } })
    expect(query.get('tenant')).toBe('1')
    expect(query.get('access_type')).toBe('offline')
    expect(query.get('hd')).toBe('acme.test')
  })
})

describe('metadata', () => {
  const failing: Record<string, (world: UpstreamWorld) => void> = {
    'answers 500': ({ idp }) =>
      idp.on('/.well-known/openid-configuration', () => new Response('', { status: 500 })),
    'are not there': ({ idp }) =>
      idp.on('/.well-known/openid-configuration', () => new Response('', { status: 404 })),
    'are no JSON': ({ idp }) => idp.on('/.well-known/openid-configuration', () => new Response('<h1>')),
    'are a redirect': ({ idp }) =>
      idp.on('/.well-known/openid-configuration', () => Response.redirect(`${issuer}/elsewhere`)),
    'name another issuer': ({ idp }) => (idp.metadata['issuer'] = 'https://id.evil.test'),
    'name the issuer with a slash': ({ idp }) => (idp.metadata['issuer'] = `${issuer}/`),
    'name no token endpoint': ({ idp }) => delete idp.metadata['token_endpoint'],
    'name no authorization endpoint': ({ idp }) => delete idp.metadata['authorization_endpoint'],
    'name a script': ({ idp }) => (idp.metadata['authorization_endpoint'] = 'javascript:alert(1)'),
    'name an http endpoint': ({ idp }) => (idp.metadata['token_endpoint'] = 'http://id.acme.test/token'),
    'name an endpoint on this machine (SSRF)': ({ idp }) =>
      (idp.metadata['token_endpoint'] = 'https://127.0.0.1/token'),
    'name an endpoint in the network (SSRF)': ({ idp }) =>
      (idp.metadata['token_endpoint'] = 'https://169.254.169.254/token'),
    'are of the wrong type': ({ idp }) => (idp.metadata['token_endpoint'] = 7),
  }

  test.each(Object.entries(failing))(
    'that %s are an outage, and a sign-in after five seconds asks again',
    async (_, prepare) => {
      const world = new UpstreamWorld()
      prepare(world)
      const shown = await world.approve(world.browser())
      expectRedirect(shown, 'temporarily_unavailable')
      Object.assign(world.idp.metadata, new UpstreamWorld().idp.metadata)
      world.idp.on('/.well-known/openid-configuration', () => undefined)
      world.rig.now += 5
      codeOf(await world.signIn())
    },
  )

  test('a user info endpoint that the metadata put on this machine is not asked (SSRF)', async () => {
    const world = new UpstreamWorld()
    world.idp.claims = (claims) => without(claims, 'name', 'email')
    world.idp.metadata['userinfo_endpoint'] = 'https://127.0.0.1/userinfo'
    const shown = await world.signIn()
    expect(shown.location?.searchParams.has('code') ?? false).toBe(false)
  })

  test('are fetched once for parallel sign-ins', async () => {
    const world = new UpstreamWorld()
    await Promise.all(Array.from({ length: 10 }, () => world.toProvider(world.browser())))
    expect(world.idp.to('/.well-known/openid-configuration')).toHaveLength(1)
  })

  test('of the preset need no document', async () => {
    const world = new UpstreamWorld({ provider: oidc({ jwksUri: `${issuer}/jwks` }, { endpoints }) })
    codeOf(await world.signIn())
    expect(world.idp.requests.map(({ path }) => path)).toEqual(['/authorize', '/token', '/jwks'])
  })

  test('an outage on the account page is a page with 503', async () => {
    const world = new UpstreamWorld()
    world.idp.on('/.well-known/openid-configuration', () => new Response('', { status: 500 }))
    const shown = await world.browser().get('/account')
    expectLocal(shown, 503)
    expect(Number(shown.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('client authentication', () => {
  const form = async (options: WorldOptions): Promise<{ form: URLSearchParams; headers: Headers }> => {
    const world = new UpstreamWorld(options)
    await world.signIn()
    return world.idp.to('/token')[0]!
  }

  test('a secret: Basic, or what metadata and preset say', async () => {
    const basic = await form({})
    expect(basic.headers.get('authorization')).toMatch(/^Basic /)
    expect(basic.form.has('client_secret')).toBe(false)
    const listed = { metadata: { token_endpoint_auth_methods_supported: ['client_secret_post'] } }
    expect((await form({ imitation: listed })).form.get('client_secret')).toBe('hush: +%/')
    const post = await form({ provider: oidc({ clientAuth: 'client_secret_post' }) })
    expect(post.form.get('client_secret')).toBe('hush: +%/')
    const preset = await form({ provider: oidc({ jwksUri: `${issuer}/jwks` }, { endpoints }) })
    expect(preset.form.get('client_secret')).toBe('hush: +%/')
  })

  test('a public client sends its id and no secret', async () => {
    const { form: fields, headers } = await form({ imitation: { clientSecret: undefined } })
    expect(headers.has('authorization')).toBe(false)
    expect(fields.get('client_id')).toBe('our client')
    expect(fields.has('client_secret')).toBe(false)
  })

  test('private_key_jwt, by our clock', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const options = { privateKey: { key: privateKey, kid: 'k1' } }
    const { form: fields, headers } = await form({ options })
    expect(headers.has('authorization')).toBe(false)
    expect(fields.has('client_secret')).toBe(false)
    const { payload, protectedHeader } = await compactVerify(fields.get('client_assertion')!, publicKey)
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'k1' })
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({
      iss: 'our client',
      sub: 'our client',
      aud: issuer,
      iat: 1_800_000_000,
      exp: 1_800_000_060,
    })
  })

  test('RFC 7523 §3 private_key_jwt for a provider that wants its token endpoint as the audience', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const provider = oidc({ assertionAudience: 'token_endpoint' })
    const { form: fields } = await form({ provider, options: { privateKey } })
    const { payload } = await compactVerify(fields.get('client_assertion')!, publicKey)
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ aud: `${issuer}/token` })
  })

  test('an assertion of the platform, asked for each time', async () => {
    let n = 0
    const options = { clientAssertion: async () => `assertion-${n++}` }
    const world = new UpstreamWorld({ options })
    await world.signIn()
    await world.signIn()
    const forms = world.idp.to('/token').map((each) => each.form)
    expect(forms.map((each) => each.get('client_assertion'))).toEqual(['assertion-0', 'assertion-1'])
    expect(forms[0]!.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    )
    expect(forms[0]!.get('client_id')).toBe('our client')
  })

  test('a platform that cannot make the assertion is an outage', async () => {
    const clientAssertion = (): never => {
      throw new Error('metadata service: secret hunter2')
    }
    const world = new UpstreamWorld({ options: { clientAssertion } })
    const shown = await world.signIn()
    expectRedirect(shown, 'temporarily_unavailable')
    expect(shown.location!.href).not.toContain('hunter2')
    expect(world.errors).toMatchObject([{ where: 'clientAssertion' }])
  })
})

describe('the token answer', () => {
  test.each<[string, (answer: Record<string, unknown>) => Record<string, unknown>, Partial<Provider>?]>([
    ['token_type in another case', (answer) => ({ ...answer, token_type: 'bEARER' })],
    [
      'token_type of the provider',
      (answer) => ({ ...answer, token_type: 'user' }),
      oidc({}, { tokenTypes: ['user'] }),
    ],
    ['numbers in text', (answer) => ({ ...answer, expires_in: '3600' })],
    ['null for what is missing', (answer) => ({ ...answer, refresh_token: null, scope: null, error: null })],
  ])('%s', async (_, tokenAnswer, provider = {}) => {
    const world = new UpstreamWorld({ provider })
    world.idp.tokenAnswer = tokenAnswer
    codeOf(await world.signIn())
  })

  test('comma-separated scopes, and without scopes those that were asked for', async () => {
    const world = new UpstreamWorld({ provider: oidc({ scopeSeparator: ',' }) })
    world.idp.tokenAnswer = (answer) => ({ ...answer, scope: 'repo,read:user, gist' })
    const scopes = async (): Promise<unknown> => {
      const { access_token: token } = await world.tokens(await world.signIn())
      await world.rig.call(token)
      return (await world.rig.seen.at(-1)!.upstream()).scopes
    }
    expect(await scopes()).toEqual(['repo', 'read:user', 'gist'])
    world.idp.tokenAnswer = (answer) => without(answer, 'scope')
    expect(await scopes()).toEqual(['openid', 'profile', 'email'])
  })

  test('tokens below a path', async () => {
    const world = new UpstreamWorld({ provider: oidc({ tokenPath: 'authed_user' }) })
    world.idp.tokenAnswer = ({ id_token, ...user }) => ({
      ok: true,
      access_token: 'a bot token',
      token_type: 'bot',
      id_token,
      authed_user: user,
    })
    const { access_token: token } = await world.tokens(await world.signIn())
    await world.rig.call(token)
    expect(await world.rig.seen[0]!.upstream()).toMatchObject({ accessToken: 'upstream-access-0' })
    // Without tokens there, those of another holder do not count.
    world.idp.tokenAnswer = ({ id_token, ...bot }) => ({ ...bot, id_token, authed_user: { id: 'U1' } })
    expectRedirect(await world.signIn(), 'server_error')
    // An answer to a refresh has no such object.
    world.idp.tokenAnswer = (answer) => answer
    codeOf(await world.signIn())
  })

  test.each<[string, () => Response, string]>([
    ['an error with 200', () => Response.json({ error: 'bad_verification_code' }), 'server_error'],
    ['invalid_grant', () => Response.json({ error: 'invalid_grant' }, { status: 400 }), 'server_error'],
    ['invalid_client', () => Response.json({ error: 'invalid_client' }, { status: 401 }), 'server_error'],
    ['no token', () => Response.json({ ok: true }), 'server_error'],
    [
      'a token of another type',
      () => Response.json({ access_token: 'a', token_type: 'mac' }),
      'server_error',
    ],
    ['DPoP', () => Response.json({ access_token: 'a', token_type: 'DPoP' }), 'server_error'],
    ['no JSON', () => new Response('access_token=a&token_type=bearer'), 'server_error'],
    ['a redirect', () => Response.redirect('https://evil.test/token', 307), 'server_error'],
    ['500', () => new Response('', { status: 500 }), 'temporarily_unavailable'],
    ['429', () => new Response('', { status: 429 }), 'temporarily_unavailable'],
    [
      'temporarily_unavailable',
      () => Response.json({ error: 'temporarily_unavailable' }, { status: 400 }),
      'temporarily_unavailable',
    ],
  ])('%s: no sign-in, and no text of the provider', async (_, answer, error) => {
    const world = new UpstreamWorld()
    world.idp.on('/token', answer)
    const shown = await world.signIn()
    expectRedirect(shown, error)
    expect(shown.location!.href).not.toMatch(/bad_verification|invalid_|evil/)
    expect(world.rig.store.written.filter(({ key }) => key.endsWith(':grant'))).toEqual([])
  })

  test('a client that the provider refuses is told to the operator', async () => {
    const world = new UpstreamWorld()
    world.idp.on('/token', () => Response.json({ error: 'invalid_client' }, { status: 401 }))
    await world.signIn()
    expect(world.rig.events).toContainEqual(
      expect.objectContaining({ type: 'upstream.refused', issuer, error: 'invalid_client' }),
    )
    expect(world.errors).toHaveLength(1)
  })

  test('the provider got the code, our redirect URI and our verifier', async () => {
    const world = new UpstreamWorld()
    codeOf(await world.signIn())
    const [{ form }] = world.idp.to('/token') as [{ form: URLSearchParams }, ...unknown[]]
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'authorization_code',
      code: expect.any(String),
      redirect_uri: 'https://as.test/authorize/callback/acme',
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
    })
  })
})

describe('a provider on this machine', () => {
  const local = { imitation: { issuer: 'http://127.0.0.1:4000' } }

  test('serves a server on this machine, over http', async () => {
    const server = {
      issuer: 'http://localhost:3000',
      clients: [{ client_id: 'pub', redirect_uris: ['http://127.0.0.1:3000/cb'] }],
    }
    const world = new UpstreamWorld({ ...local, server })
    const browser = world.browser()
    const page = await browser.visit(await requestUrl())
    const shown = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    const back = await world.idp.visit(shown.location!)
    expect((await browser.get(back.href)).location?.searchParams.has('code')).toBe(true)
    expect(world.idp.to('/token')).toHaveLength(1)
  })

  test('does not serve a public server', () => {
    expect(() => new UpstreamWorld(local)).toThrow(
      /`signIn` must be a provider that users can reach.*127\.0\.0\.1/,
    )
  })
})
