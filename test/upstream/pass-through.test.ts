// Pass-through: MCP clients get tokens of a provider that is nearly good enough, through corrected metadata.
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { createResourceServer, type AuthInfo, type TollgateEvent } from '../../src/index.ts'
import { auth0 } from '../../src/provider/auth0.ts'
import { entra } from '../../src/provider/entra.ts'
import { github } from '../../src/provider/github.ts'
import { google } from '../../src/provider/google.ts'
import { keycloak } from '../../src/provider/keycloak.ts'
import { cognito } from '../../src/provider/cognito.ts'
import { s256 } from '../../src/protocol/pkce.ts'
import type { Provider } from '../../src/types.ts'
import {
  passThrough,
  type PassThrough,
  type PassThroughOptions,
} from '../../src/upstream/pass-through/pass-through.ts'
import { prefix, publicClient, PublicProvider, serverApp, tenant } from '../support/public-provider.ts'

const resource = 'https://notes.example.com/mcp'
const origin = 'https://notes.example.com'
const claude = 'https://claude.ai/api/mcp/auth_callback'
const loopback = 'http://127.0.0.1/callback'
const verifier = 'v'.repeat(43)
const preset = entra({ tenantId: tenant, clientId: serverApp })

interface World {
  provider: PublicProvider
  as: PassThrough
  events: TollgateEvent[]
  errors: unknown[]
  now: number
  auth: AuthInfo | undefined
  /** The internet with this server in it. */
  fetch: typeof fetch
  authorize(parameters?: Record<string, string | undefined>): Promise<Response>
  token(parameters?: Record<string, string | undefined>, headers?: Record<string, string>): Promise<Response>
  register(body: unknown): Promise<Response>
}

function world(options: Partial<PassThroughOptions> = {}, given: Provider = preset): World {
  const events: TollgateEvent[] = []
  const errors: unknown[] = []
  const redirectUris = [claude, loopback]
  const clock = (): number => it.now
  const provider = new PublicProvider({ origin: 'https://login.microsoftonline.com', clock, redirectUris })
  const toProvider: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    if (new URL(request.url).origin !== 'https://login.microsoftonline.com')
      throw new TypeError(`no such host: ${request.url}`)
    return provider.answer(request)
  }
  const as = passThrough(given, {
    resource,
    clientId: publicClient,
    redirectUris,
    scopes: ['Notes.Read', 'Notes.Write'],
    fetch: toProvider,
    clock,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...options,
  })
  const rs = createResourceServer({
    resource,
    authorizationServers: [as],
    requiredScopes: ['Notes.Read'],
    fetch: toProvider,
    clock,
  })
  const guarded = rs.protect((_, auth) => {
    it.auth = auth
    return Response.json({ ok: true })
  })
  const here = async (request: Request): Promise<Response> =>
    (await as.handle(request)) ?? (await rs.handle(request)) ?? guarded(request)
  const form = (parameters: Record<string, string | undefined>): URLSearchParams =>
    new URLSearchParams(
      Object.entries(parameters).filter((each): each is [string, string] => each[1] !== undefined),
    )
  const it: World = {
    provider,
    as,
    events,
    errors,
    now: 1_790_000_000,
    auth: undefined,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      return new URL(request.url).origin === origin ? here(request) : toProvider(request)
    },
    authorize: async (parameters = {}) => {
      const query = form({
        response_type: 'code',
        client_id: publicClient,
        redirect_uri: claude,
        state: 'st te&1',
        scope: 'Notes.Read',
        code_challenge: await s256(verifier),
        code_challenge_method: 'S256',
        ...parameters,
      })
      return (await as.handle(new Request(`${origin}/authorize?${query}`)))!
    },
    token: async (parameters = {}, headers = {}) =>
      (await as.handle(
        new Request(`${origin}/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          body: form({
            grant_type: 'authorization_code',
            client_id: publicClient,
            redirect_uri: claude,
            code_verifier: verifier,
            ...parameters,
          }).toString(),
        }),
      ))!,
    register: async (body) =>
      (await as.handle(
        new Request(`${origin}/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      ))!,
  }
  return it
}

/** Sends the browser to the provider, and returns the code. */
async function codeOf(it: World, parameters: Record<string, string> = {}): Promise<string> {
  const there = (await it.authorize(parameters)).headers.get('location')!
  const back = await it.fetch(there, { redirect: 'manual' })
  return new URL(back.headers.get('location')!).searchParams.get('code')!
}

const problem = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

test('CN15 pass-through: our client connects, calls and refreshes; the provider sees no resource', async () => {
  const it = world()
  const client = createClient({
    fetch: it.fetch,
    clock: () => it.now,
    redirect: {
      listen: async () => ({ uri: 'http://127.0.0.1:4711/callback', close: () => undefined }),
      open: async (url) => {
        const there = (await it.fetch(url, { redirect: 'manual' })).headers.get('location')!
        const back = await it.fetch(there, { redirect: 'manual' })
        return new URL(back.headers.get('location')!)
      },
    },
  })
  expect((await client.fetch(resource)).status).toBe(200)
  expect(it.auth).toMatchObject({
    subject: 'alice',
    clientId: publicClient,
    scopes: ['Notes.Read', 'Notes.Write'],
  })
  it.now += 3590
  expect((await client.fetch(resource)).status).toBe(200)
  const forms = it.provider.requests('/token').map(({ form }) => Object.fromEntries(form))
  expect(forms.map((form) => form['grant_type'])).toEqual(['authorization_code', 'refresh_token'])
  expect(forms.filter((form) => 'resource' in form || 'client_secret' in form)).toEqual([])
})

test('RFC 8414 one document at each place where a client of any MCP revision asks', async () => {
  const it = world({ issuer: `${origin}/auth` })
  const read = async (path: string): Promise<unknown> =>
    (await it.as.handle(new Request(origin + path)))?.json()
  const document = await read('/.well-known/oauth-authorization-server/auth')
  expect(document).toEqual({
    issuer: `${origin}/auth`,
    authorization_endpoint: `${origin}/auth/authorize`,
    token_endpoint: `${origin}/auth/token`,
    registration_endpoint: `${origin}/auth/register`,
    scopes_supported: ['Notes.Read', 'Notes.Write'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    jwks_uri: `https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys`,
  })
  for (const path of [
    '/.well-known/openid-configuration/auth',
    '/auth/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
  ])
    expect(await read(path)).toEqual(document)
  // 2025-03-26.
  for (const path of ['/authorize', '/token', '/register'])
    expect((await it.as.handle(new Request(origin + path, { method: 'DELETE' })))!.status).toBe(405)
  expect(await it.as.handle(new Request(`${origin}/mcp`))).toBeUndefined()
  const bare = world({ issuer: `${origin}/auth`, rootEndpoints: false })
  expect(await bare.as.handle(new Request(`${origin}/authorize`))).toBeUndefined()
})

test('the resource metadata names this issuer, and the guard takes the provider’s', async () => {
  const it = world()
  const metadata = await it.fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)
  expect(await metadata.json()).toMatchObject({
    authorization_servers: [origin],
    scopes_supported: ['Notes.Write', 'Notes.Read'],
  })
  const answer = await it.token({ code: await codeOf(it) })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${token}` }
  expect((await it.fetch(resource, { method: 'POST', headers })).status).toBe(200)
  expect(it.auth?.issuer).toBe(it.provider.issuer)
})

test('authorize: scope, resource and prompt are translated; whatever else is sent is dropped', async () => {
  const it = world()
  const response = await it.authorize({
    resource,
    nonce: 'n',
    prompt: 'none',
    scope: 'openid Notes.Read unknown offline_access',
    audience: 'https://graph.microsoft.com',
  })
  expect(response.status).toBe(302)
  expect(response.headers.get('cache-control')).toBe('no-store')
  const url = new URL(response.headers.get('location')!)
  expect(url.origin + url.pathname).toBe(`https://login.microsoftonline.com/${tenant}/oauth2/v2.0/authorize`)
  const sent = Object.fromEntries(url.searchParams)
  expect(sent).toMatchObject({
    response_type: 'code',
    client_id: publicClient,
    redirect_uri: claude,
    state: 'st te&1',
    code_challenge: await s256(verifier),
    code_challenge_method: 'S256',
  })
  expect(sent['scope']!.split(' ').filter((each) => each !== 'offline_access')).toEqual([
    `${prefix}Notes.Read`,
  ])
  for (const name of ['resource', 'nonce', 'audience']) expect(sent).not.toHaveProperty(name)
  expect(sent['prompt']).not.toBe('none')
})

test('without a scope, or with those of OpenID Connect only, all are asked for', async () => {
  const it = world()
  for (const scope of [undefined, 'openid profile', 'offline_access']) {
    const url = new URL((await it.authorize({ scope })).headers.get('location')!)
    expect(url.searchParams.get('scope')).toContain(`${prefix}Notes.Read ${prefix}Notes.Write`)
  }
})

test('mix-up and confused deputy: the provider must show a page, because its answer has no iss', async () => {
  const given = (client: Provider['client'], prompts?: string[]): Provider => ({
    ...preset,
    signIn: { name: 'IdP', protocol: 'oidc' },
    client: { assumeS256: true, ...client },
    ...(prompts && { signIn: { name: 'IdP', protocol: 'oidc', prompts } }),
  })
  const promptOf = async (provider: Provider, prompt?: string): Promise<string | null> =>
    new URL((await world({}, provider).authorize({ prompt })).headers.get('location')!).searchParams.get(
      'prompt',
    )
  expect(await promptOf(given({}))).toBe('consent')
  expect(await promptOf(given({}), 'none')).toBe('consent')
  expect(await promptOf(given({}), 'login')).toBe('login')
  expect(await promptOf(given({ omitPrompt: true }))).toBe(null)
  const listed = given({ omitPrompt: true }, ['none', 'login', 'select_account'])
  expect(await promptOf(listed)).toBe('select_account')
  expect(await promptOf(listed, 'none')).toBe('select_account')
  expect(await promptOf(listed, 'consent login')).toBe('login')
})

test('resource is sent on, becomes audience, or is dropped', async () => {
  const sentBy = async (client: Provider['client'], jwt = preset.jwt!): Promise<URLSearchParams> =>
    new URL(
      (
        await world({}, { ...preset, jwt, client: { assumeS256: true, ...client } }).authorize({ resource })
      ).headers.get('location')!,
    ).searchParams
  expect((await sentBy({})).get('resource')).toBe(resource)
  expect((await sentBy({ resource: 'audience' })).get('audience')).toBe(serverApp)
  const bound = { ...preset.jwt!, audience: 'resource' as const }
  expect((await sentBy({ resource: 'audience' }, bound)).get('audience')).toBe(resource)
  expect((await sentBy({ resource: 'audience' })).has('resource')).toBe(false)
  expect((await sentBy({ authorizationParameters: { access_type: 'offline' } })).get('access_type')).toBe(
    'offline',
  )
})

test('confused deputy: a code goes only to a redirect URI on the list', async () => {
  const it = world()
  for (const redirectUri of [
    'https://evil.example/callback',
    `${claude}/`,
    `${claude}?a=b`,
    'https://claude.ai.evil.example/api/mcp/auth_callback',
    'https://claude.ai@evil.example/api/mcp/auth_callback',
    'http://127.0.0.1.evil.example/callback',
    'http://localhost/callback',
    'http://127.0.0.1:80@evil.example/callback',
    'https://127.0.0.1/callback',
    undefined,
  ]) {
    const response = await it.authorize({ redirect_uri: redirectUri })
    expect(response.status, redirectUri).toBe(400)
    expect(response.headers.get('location')).toBeNull()
    expect(response.headers.get('content-type')).toContain('text/plain')
    expect(await response.text()).not.toContain('evil')
  }
  expect((await it.authorize({ redirect_uri: 'http://127.0.0.1:50000/callback' })).status).toBe(302)
  expect(it.events.filter(({ type }) => type === 'authorize.refused')[0]).toMatchObject({
    received: 'https://evil.example/callback',
  })
})

test('another client id is refused without a redirect', async () => {
  const it = world()
  const response = await it.authorize({ client_id: 'other' })
  expect([response.status, response.headers.get('location')]).toEqual([400, null])
})

test.each([
  [{ code_challenge: undefined }, 'invalid_request'],
  [{ code_challenge_method: 'plain' }, 'invalid_request'],
  [{ response_type: 'token' }, 'unsupported_response_type'],
  [{ response_mode: 'fragment' }, 'invalid_request'],
  [{ request_uri: 'https://evil.example' }, 'request_uri_not_supported'],
  [{ scope: 'unknown' }, 'invalid_scope'],
  [{ resource: 'https://other.example/mcp' }, 'invalid_target'],
])('PKCE downgrade and other mistakes go back to the client: %o', async (parameters, error) => {
  const it = world()
  const url = new URL((await it.authorize(parameters)).headers.get('location')!)
  expect(url.origin + url.pathname).toBe(claude)
  expect(url.searchParams.get('error')).toBe(error)
  expect(url.searchParams.get('state')).toBe('st te&1')
  expect(url.searchParams.has('iss')).toBe(false)
  expect(it.provider.requests('/authorize')).toEqual([])
})

test('token: the answer has our scopes and no ID token; nothing is kept or logged', async () => {
  const it = world()
  it.provider.tokenAnswer = () =>
    Response.json({
      access_token: 'an-access-token',
      token_type: 'bearer',
      expires_in: '3599',
      refresh_token: 'a-refresh-token',
      id_token: 'an-id-token',
      scope: `${prefix}Notes.Read openid`,
      foci: '1',
    })
  const response = await it.token({ code: 'a-code', resource, scope: 'Notes.Read' })
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await response.json()).toEqual({
    access_token: 'an-access-token',
    token_type: 'Bearer',
    expires_in: 3599,
    refresh_token: 'a-refresh-token',
    scope: 'Notes.Read',
  })
  expect(Object.fromEntries(it.provider.requests('/token')[0]!.form)).toEqual({
    client_id: publicClient,
    grant_type: 'authorization_code',
    code: 'a-code',
    redirect_uri: claude,
    code_verifier: verifier,
  })
  expect(JSON.stringify(it.events)).not.toMatch(/a-code|-token"/)
})

test('token: browsers may read it', async () => {
  const it = world()
  const response = await it.token({ code: 'x' }, { origin: 'https://inspector.example' })
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
})

test.each([
  [{ code: 'x', client_secret: 's' }, {}, 401, 'invalid_client'],
  [{ code: 'x' }, { authorization: `Basic ${btoa(`${publicClient}:secret`)}` }, 401, 'invalid_client'],
  [{ code: 'x', client_id: 'other' }, {}, 401, 'invalid_client'],
  [{ code: 'x', client_id: undefined }, {}, 401, 'invalid_client'],
  [{ code: 'x', client_assertion: 'a.b.c', client_assertion_type: 't' }, {}, 401, 'invalid_client'],
  [{ code: 'x', code_verifier: undefined }, {}, 400, 'invalid_request'],
  [{ code: 'x', code_verifier: 'short' }, {}, 400, 'invalid_request'],
  [{ code: undefined }, {}, 400, 'invalid_request'],
  [{ code: 'x', redirect_uri: 'https://evil.example/cb' }, {}, 400, 'invalid_grant'],
  [{ code: 'x', resource: 'https://other.example/mcp' }, {}, 400, 'invalid_target'],
  [{ grant_type: 'client_credentials' }, {}, 400, 'unsupported_grant_type'],
  [{ grant_type: 'refresh_token' }, {}, 400, 'invalid_request'],
] as const)(
  'token: %o is refused before the provider is asked',
  async (parameters, headers, status, error) => {
    const it = world()
    const response = await it.token(parameters, headers as Record<string, string>)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error })
    expect(it.provider.requests('/token')).toEqual([])
  },
)

test('token: the provider’s refusal goes to the client, an outage is 503 with Retry-After', async () => {
  const it = world()
  const refused = await it.token({ code: 'unknown' })
  expect(refused.status).toBe(400)
  const body = (await refused.json()) as Record<string, string>
  expect(body['error']).toBe('invalid_grant')
  expect(body['error_description']).toContain('AADSTS54005')
  it.provider.tokenAnswer = () => new Response('', { status: 429, headers: { 'retry-after': '7' } })
  const limited = await it.token({ code: 'x' })
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([503, '7'])
  it.provider.tokenAnswer = () => Response.json({ error: 'invalid_grant' })
  expect((await it.token({ code: 'x' })).status).toBe(400)
  it.provider.tokenAnswer = () =>
    new Response(null, { status: 302, headers: { location: 'https://evil.example' } })
  expect((await it.token({ code: 'x' })).status).toBe(502)
  expect(it.events.filter(({ type }) => type.startsWith('server.')).map(({ type }) => type)).toEqual([
    'server.unavailable',
    'server.error',
  ])
})

test('RFC 7591 registration answers the one public client, and never a secret', async () => {
  const it = world()
  const response = await it.register({
    client_name: 'Claude',
    redirect_uris: [claude, 'https://other.example/cb', 'http://127.0.0.1:9999/callback'],
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'everything',
  })
  expect(response.status).toBe(201)
  expect(await response.json()).toEqual({
    client_id: publicClient,
    client_id_issued_at: it.now,
    client_name: 'Claude',
    redirect_uris: [claude, 'http://127.0.0.1:9999/callback'],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  })
  const refused = await it.register({ redirect_uris: ['https://evil.example/cb?x=1'] })
  expect(refused.status).toBe(400)
  expect(await refused.json()).toMatchObject({ error: 'invalid_redirect_uri' })
  expect(it.events.at(-1)).toMatchObject({ type: 'client.rejected', received: 'https://evil.example/cb' })
})

test('a limit counts token requests and registrations by caller', async () => {
  const keys: string[] = []
  const it = world({
    clientAddress: () => '192.0.2.1',
    rateLimit: { limit: async ({ key }) => ({ success: keys.push(key) < 2 }) },
  })
  expect((await it.register({ redirect_uris: [claude] })).status).toBe(201)
  const refused = await it.token({ code: 'x' })
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
  expect(keys.map((key) => key.split(':')[0])).toEqual(['register', 'token'])
  expect(keys.join()).not.toContain('192.0.2.1')
  expect(it.provider.requests('/token')).toEqual([])
  expect(it.events.at(-1)).toMatchObject({ type: 'rate.limited', address: '192.0.2.1' })
})

test('the provider’s metadata are asked for once an hour, and used for a day if it is down', async () => {
  const it = world()
  await Promise.all([it.authorize(), it.authorize()])
  const asked = (): number => it.provider.requests('/.well-known/openid-configuration').length
  const first = asked()
  await it.authorize()
  expect(asked()).toBe(first)
  it.now += 3601
  it.provider.isDown = true
  expect((await it.authorize()).status).toBe(302)
  const down = it.provider.seen.length
  expect((await it.authorize()).status).toBe(302)
  // A failure counts for five seconds.
  expect(it.provider.seen.length).toBe(down)
  it.now += 86_400
  const response = await it.authorize()
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
  it.provider.isDown = false
  it.now += 6
  expect((await it.authorize()).status).toBe(302)
})

test('RFC 9207: a provider whose metadata say that it sends iss is not passed through', async () => {
  const it = world()
  it.provider.metadata = { authorization_response_iss_parameter_supported: true }
  await expect(it.as.ready()).rejects.toThrow(/must not send `iss`.*RFC 9207.*signIn: upstream/s)
  expect((await it.authorize()).status).toBe(500)
  expect(String(it.errors[0])).toContain('RFC 9207')
})

test('PKCE: a provider that says nothing of S256 is not passed through, unless the preset knows it', async () => {
  const it = world({}, { ...preset, client: { resource: 'omit' } })
  await expect(it.as.ready()).rejects.toThrow(/must support PKCE with S256/)
  it.provider.metadata = { code_challenge_methods_supported: ['S256'] }
  it.now += 6
  await expect(it.as.ready()).resolves.toBeUndefined()
  const endpoints = { authorization: 'https://a.example/authorize', token: 'https://a.example/token' }
  expect(problem(() => world({}, { ...preset, client: { endpoints } }))).toContain('S256')
})

test('SSRF: an endpoint of the metadata that is not public https is not asked', async () => {
  const it = world()
  it.provider.metadata = { token_endpoint: 'http://169.254.169.254/token' }
  expect((await it.token({ code: 'x' })).status).toBe(500)
  expect(it.provider.seen.filter(({ url }) => url.hostname === '169.254.169.254')).toEqual([])
})

test.each([
  ['keycloak', keycloak({ url: 'https://sso.example', realm: 'notes' }), /must not send `iss`/],
  ['github', github({ clientId: 'c', clientSecret: 'hush hush' }), /without clientSecret/],
  ['google', google({ clientId: 'c' }), /demands a secret of each/],
  [
    'a confidential client',
    entra({ tenantId: tenant, clientId: serverApp, clientSecret: 'hush hush' }),
    /a secret is not handed to MCP clients/,
  ],
])('%s cannot be passed through, and construction says what to use', (_, provider, message) => {
  const said = problem(() => world({}, provider))
  expect(said).toMatch(message)
  expect(said).toContain('signIn: upstream(…)')
  expect(said).not.toContain('hush')
})

test.each<[string, Partial<PassThroughOptions>, string]>([
  ['openid', { scopes: ['openid', 'Notes.Read'] }, 'ID token'],
  ['email at the provider', { scopes: { mail: 'email' } }, 'ID token'],
  ['no scopes', { scopes: [] }, '`scopes` must be a list of scopes'],
  ['no scope of an item', { scopes: ['a b'] }, '`scopes[0]` must be a scope (RFC 6749 §3.3); got "a b"'],
  [
    'no scope at the provider',
    { scopes: { a: 'a b' } },
    '`scopes.a` must be a scope (RFC 6749 §3.3); got "a b"',
  ],
  ['no redirect URIs', { redirectUris: [] }, 'at least one redirect URI'],
  ['a wildcard', { redirectUris: ['https://*.example.com/cb'] }, '`redirectUris[0]` must be a redirect URI'],
  ['http', { redirectUris: ['http://app.example.com/cb'] }, 'is not this machine'],
  ['the provider as issuer', { issuer: 'https://login.microsoftonline.com/x' }, 'of this deployment'],
  ['issuer with a query', { issuer: `${origin}/?a` }, '`issuer` must be an https URL'],
  ['resource on http', { resource: 'http://notes.example.com/mcp' }, '`resource` must be the https URL'],
  ['an unknown option', { secret: 'x' } as never, 'passThrough.secret'],
])('construction refuses %s', (_, options, message) => {
  expect(problem(() => world(options))).toContain(message)
})

test('the client is the preset’s, or named', async () => {
  const url = new URL(
    (await world({ clientId: undefined as never }).authorize({ client_id: serverApp })).headers.get(
      'location',
    )!,
  )
  expect(url.searchParams.get('client_id')).toBe(serverApp)
  const nameless = cognito({ region: 'eu-central-1', userPoolId: 'eu-central-1_A', resourceBinding: true })
  expect(problem(() => world({ clientId: undefined as never }, nameless))).toContain('`clientId` must be')
})

test('opaque tokens need a verifier, which judges them', () => {
  const { jwt: _, ...opaque } = preset
  expect(problem(() => world({}, opaque))).toContain('introspectionVerifier(…)')
  const asked: string[] = []
  const it = world(
    {
      verifier: {
        issuer: opaque.issuer,
        verifier: (of) => {
          asked.push(of)
          return { verify: () => Promise.reject(new Error('unused')) }
        },
      },
    },
    opaque,
  )
  expect(it.as.issuer).toBe(origin)
  expect(asked).toEqual([resource])
})

test('scopes by another name at the provider, and presets that bring what they need', async () => {
  const pool = { region: 'eu-central-1', userPoolId: 'eu-central-1_AbCdEfGhI', clientId: 'app' }
  for (const provider of [cognito(pool), auth0({ domain: 'tenant.eu.auth0.com' })])
    expect(problem(() => world({}, provider))).toBe('accepted')
  const it = world(
    { scopes: { 'Notes.Read': `${prefix}Notes.Read`, 'Notes.Write': `${prefix}Notes.Write` } },
    { ...preset, passThrough: {} },
  )
  const response = await it.token({ code: await codeOf(it) })
  expect(await response.json()).toMatchObject({ scope: 'Notes.Read' })
})

test('RFC 6749 §5.1: an answer with none of our scopes is refused, since no `scope` would mean all of them', async () => {
  for (const [scope, error] of [
    ['openid profile', 'invalid_scope'],
    [undefined, undefined],
  ]) {
    const it = world()
    const tokens = { access_token: 'an-access-token', token_type: 'Bearer', scope }
    it.provider.tokenAnswer = () => Response.json(tokens)
    const answer = (await (await it.token({ code: 'a-code', scope: 'Notes.Read' })).json()) as object
    expect(answer).toEqual(
      error === undefined
        ? { access_token: 'an-access-token', token_type: 'Bearer' }
        : { error, error_description: expect.any(String) },
    )
  }
})
