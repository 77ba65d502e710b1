// The options of the drop-in for mcp-framework: what each becomes, and what is refused.
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type {
  OAuthAuthProvider,
  OAuthAuthProviderOptions,
} from '../../src/adapter/mcp-framework/mcp-framework.ts'
import { createClient, memoryStorage } from '../../src/client/index.ts'
import { InvalidTokenError, isConfigurationError } from '../../src/errors.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { createTestIssuer, type TestIssuer } from '../../src/testing/index.ts'
import { loadFramework, type Loaded } from '../support/mcp-framework.ts'
import { good, issuer as as, key, rawToken, token as jwt } from '../support/guard.ts'

// It is installed first, where that has not been done.
vi.setConfig({ hookTimeout: 300_000 })

let loaded: Loaded
/** What the framework has logged. */
const log: string[] = []
beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => Boolean(log.push(String(chunk))))
  loaded = await loadFramework()
})

const resource = 'https://notes.example.com/mcp'
const newIssuer = (): TestIssuer => createTestIssuer({ resource, scopes: ['notes:read'] })

function provide(options: OAuthAuthProviderOptions): OAuthAuthProvider {
  return new loaded.DropIn(options)
}

const message = (headers: Record<string, string>, url = '/mcp'): IncomingMessage =>
  Object.assign(new IncomingMessage(new Socket()), { headers, url, method: 'POST' })

/** 200, or the status with which the framework answers, and the claims or the message. */
async function ask(
  provider: OAuthAuthProvider,
  headers: Record<string, string> | string,
): Promise<{ status: number; said: unknown; challenge?: string }> {
  const given = typeof headers === 'string' ? { authorization: `Bearer ${headers}` } : headers
  const result = await provider.authenticate(message(given))
  if (result !== false) return { status: 200, said: result.data }
  const { status, message: said } = provider.getAuthError()
  return { status, said, challenge: provider.getWWWAuthenticateHeader('invalid_token', 'No') }
}

/** An issuer whose tokens are not those of `tollgate/testing`. */
async function outside(): Promise<typeof fetch> {
  const keys = [(await key('k1')).jwk]
  return async (input) => {
    const { href } = new URL(input instanceof Request ? input.url : input)
    if (href.endsWith('/jwks')) return Response.json({ keys })
    if (href.startsWith(`${as}/.well-known/`)) return Response.json({ issuer: as, jwks_uri: `${as}/jwks` })
    return new Response(null, { status: 404 })
  }
}

const now = Math.floor(Date.now() / 1000)
const times = { iat: now, exp: now + 900 }
const token = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> =>
  jwt({ ...times, aud: resource, ...claims }, header)

describe('validation', () => {
  test('jwt: the options of the framework, with a key set at jwksUri', async () => {
    const asked: string[] = []
    const reach = await outside()
    const provider = provide({
      ...{ authorizationServers: [as], resource },
      validation: {
        type: 'jwt',
        jwksUri: `${as}/jwks`,
        audience: resource,
        issuer: as,
        algorithms: ['ES256'],
      },
      fetch: async (input) => (
        asked.push(String(input instanceof Request ? input.url : input)),
        reach(input)
      ),
    })
    expect(await ask(provider, await token())).toMatchObject({ status: 200, said: { sub: 'alice' } })
    expect(asked).toEqual([`${as}/jwks`])
    expect(await ask(provider, await token({ aud: 'https://other.example.com' }))).toMatchObject({
      status: 401,
    })
  })

  test('G15 most providers type access tokens JWT: good; what looks like an ID token is not', async () => {
    const provider = provide({
      ...{ authorizationServers: [as], resource, fetch: await outside() },
      validation: { type: 'jwt', audience: 'api://notes' },
    })
    const claims = { aud: 'api://notes' }
    expect(await ask(provider, await token(claims, { typ: 'JWT' }))).toMatchObject({ status: 200 })
    expect(await ask(provider, await token(claims, { typ: undefined }))).toMatchObject({ status: 200 })
    for (const id of [{ nonce: 'n' }, { at_hash: 'x' }, { scope: undefined, client_id: undefined }])
      expect(await ask(provider, await token({ ...claims, ...id }, { typ: 'JWT' }))).toMatchObject({
        status: 401,
      })
    // The framework takes a client id for an audience.
    const client = { aud: undefined, client_id: 'api://notes' }
    expect(await ask(provider, await token(client, { typ: 'JWT' }))).toMatchObject({ status: 401 })
    const raw = await rawToken(
      { alg: 'none', typ: 'JWT' },
      { ...good, ...times, ...claims },
      async () => new Uint8Array(),
    )
    expect(await ask(provider, raw)).toMatchObject({ status: 401 })
  })

  test('RFC 9728 §3.3 the issuer is announced as its metadata writes it; another URL stays', async () => {
    const announced = (authorizationServers: string[], issuer: string): string[] =>
      provide({
        authorizationServers,
        resource,
        validation: { type: 'jwt', issuer },
      }).getAuthorizationServers()
    expect(announced(['https://a.test'], 'https://a.test/')).toEqual(['https://a.test/'])
    expect(announced(['https://a.test/'], 'https://a.test')).toEqual(['https://a.test'])
    expect(announced(['https://proxy.test'], 'https://a.test')).toEqual(['https://proxy.test'])
  })

  test('without it: issuers, presets and servers of Tollgate', async () => {
    const test = newIssuer()
    const preset = oidc({ issuer: as })
    const reach = await outside()
    const provider = provide({
      ...{ authorizationServers: [preset, test], resource },
      fetch: (input) => reach(input).then((answer) => (answer.status === 404 ? test.fetch(input) : answer)),
    })
    expect(provider.getAuthorizationServers()).toEqual([as, test.issuer])
    expect(await ask(provider, await token())).toMatchObject({ status: 200 })
    expect(await ask(provider, await token({}, { typ: 'JWT' }))).toMatchObject({ status: 401 })
    expect(await ask(provider, await test.tokenFor())).toMatchObject({ status: 200 })
  })

  test('the older names', async () => {
    const provider = provide({
      ...{ authorizationServer: as, resourceUri: resource, requiredScopes: ['notes:write'] },
      ...{ clientId: 'notes', clientSecret: 'shh', strictAudienceValidation: true, fetch: await outside() },
    })
    expect(provider.getResource()).toBe(resource)
    const answer = await ask(provider, await token({}, { typ: 'JWT' }))
    expect(answer).toMatchObject({ status: 403, challenge: expect.stringContaining('scope="notes:write"') })
  })
})

test.each(['OPTIONS', 'HEAD', 'TRACE', 'get'])(
  'G31 %s is judged, also if Fetch forbids it',
  async (method) => {
    const provider = provide({ authorizationServers: [newIssuer()], resource })
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' }
    expect(await provider.authenticate(Object.assign(message(headers), { method }))).toBe(false)
    expect(provider.getAuthError().status).toBe(401)
  },
)

describe('introspection', () => {
  const active = {
    active: true,
    iss: as,
    aud: resource,
    sub: 'ada',
    client_id: 'c',
    scope: 'notes:read',
    ...times,
  }
  const secret = 'the secret of the resource server'

  function introspecting(
    answer: () => Response,
    options: Partial<OAuthAuthProviderOptions> = {},
  ): { provider: OAuthAuthProvider; asked: Request[] } {
    const asked: Request[] = []
    const introspection = { endpoint: `${as}/introspect`, clientId: 'notes', clientSecret: secret }
    const provider = provide({
      ...{ authorizationServers: [as], resource, validation: { type: 'introspection', introspection } },
      fetch: async (input, init) => (asked.push(new Request(input, init)), answer()),
      ...options,
    })
    return { provider, asked }
  }

  test('RFC 7662 the endpoint is asked, as the client that it knows', async () => {
    const { provider, asked } = introspecting(() => Response.json(active))
    expect(await ask(provider, 'opaque')).toMatchObject({ status: 200, said: { sub: 'ada' } })
    expect(asked[0]!.url).toBe(`${as}/introspect`)
    expect(asked[0]!.headers.get('authorization')).toBe(
      `Basic ${btoa(`notes:${encodeURIComponent(secret).replaceAll('%20', '+')}`)}`,
    )
  })

  test('the older names: introspection and the client stand outside of validation', async () => {
    const { provider, asked } = introspecting(() => Response.json(active), {
      ...{ validation: undefined, introspection: { endpoint: `${as}/judge` } },
      ...{ clientId: 'notes', clientSecret: secret },
    } as never)
    expect(await ask(provider, 'opaque')).toMatchObject({ status: 200 })
    expect(asked[0]!.url).toBe(`${as}/judge`)
  })

  test('G26 what is not active for this resource and this issuer: 401; an outage: 503', async () => {
    const answers: [answer: object, status: number][] = [
      [{ ...active, aud: 'https://other.example.com' }, 401],
      [{ ...active, aud: undefined }, 401],
      [{ ...active, iss: 'https://evil.test' }, 401],
      [{ ...active, exp: now - 60 }, 401],
      [{ ...active, active: 'true' }, 401],
      [{ active: false }, 401],
    ]
    for (const [answer, status] of answers)
      expect(await ask(introspecting(() => Response.json(answer)).provider, 'opaque')).toMatchObject({
        status,
      })
    for (const status of [401, 429, 500])
      expect(await ask(introspecting(() => new Response(null, { status })).provider, 'opaque')).toMatchObject(
        { status: 503, challenge: expect.not.stringContaining('error') },
      )
  })

  test('cacheTTL is in milliseconds', async () => {
    let seconds = now
    const introspection = {
      endpoint: `${as}/introspect`,
      clientId: 'notes',
      clientSecret: secret,
      cacheTTL: 30_000,
    }
    const { provider, asked } = introspecting(() => Response.json(active), {
      validation: { type: 'introspection', introspection },
      clock: () => seconds,
    })
    for (const [after, times] of [
      [0, 1],
      [29, 1],
      [31, 2],
    ] as const) {
      seconds = now + after
      expect(await ask(provider, 'opaque')).toMatchObject({ status: 200 })
      expect(asked).toHaveLength(times)
    }
  })

  test('LG1 with DEBUG, the framework logs its configuration as JSON: no secret is in it', async () => {
    log.length = 0
    const { provider } = introspecting(() => Response.json(active))
    const transport = { type: 'http-stream', options: { port: 1, auth: { provider } } }
    expect(JSON.stringify(transport)).toContain(resource)
    expect(JSON.stringify(transport)).not.toContain(secret)
    expect(log.join('')).not.toContain(secret)
  })
})

describe('customValidator narrows, and never widens', () => {
  test('it is asked about good tokens only, and refuses', async () => {
    const issuer = newIssuer()
    const asked: string[] = []
    let answer: unknown = { valid: true, data: { tenant: 'acme', sub: 'root', scope: 'admin', aud: 'x' } }
    const provider = provide({
      ...{ authorizationServers: [issuer], resource, tokenCacheTTL: 0 },
      customValidator: async (each) => (asked.push(each), answer) as never,
    })
    const token = await issuer.tokenFor({ subject: 'ada' })
    const { status, said } = await ask(provider, token)
    expect(status).toBe(200)
    expect(said).toMatchObject({ tenant: 'acme', sub: 'ada', aud: resource, scope: 'notes:read' })
    expect(said).toMatchObject({ auth: { subject: 'ada', scopes: ['notes:read'] } })
    for (const bad of [{ valid: false }, { valid: 'true' }, {}, undefined, null, true]) {
      answer = bad
      expect(await ask(provider, token)).toMatchObject({
        status: 401,
        challenge: expect.stringContaining('invalid_token'),
      })
    }
    answer = { valid: true }
    asked.length = 0
    for (const name of ['expired', 'other-audience', 'unsigned', 'malformed'] as const)
      expect(await ask(provider, await issuer.refusedToken(name))).toMatchObject({ status: 401 })
    expect(asked).toEqual([])
  })

  test('what it throws is 503, unless it says that the token is not valid', async () => {
    const issuer = newIssuer()
    const token = await issuer.tokenFor()
    const errors: [error: Error, status: number][] = [
      [new Error(`no database for ${token}`), 503],
      [new InvalidTokenError('The tenant has left'), 401],
    ]
    for (const [error, status] of errors) {
      const events: unknown[] = []
      const provider = provide({
        ...{ authorizationServers: [issuer], resource, onEvent: (event) => events.push(event) },
        customValidator: () => Promise.reject(error),
      })
      expect(await ask(provider, token)).toMatchObject({ status })
      expect(JSON.stringify(events)).not.toContain(token)
    }
  })

  test('G22 one that does not answer is 503 after 10 s', async () => {
    const issuer = newIssuer()
    let called = (): void => undefined
    const isAsked = new Promise<void>((resolve) => (called = resolve))
    const provider = provide({
      ...{ authorizationServers: [issuer], resource, onError: () => undefined },
      customValidator: () => (called(), new Promise<never>(() => undefined)),
    })
    const token = await issuer.tokenFor()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const answer = ask(provider, token)
    await isAsked
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await answer).toMatchObject({ status: 503 })
    vi.useRealTimers()
  })

  test('tokenCacheTTL: how long a good token is not judged again, 300 s by default', async () => {
    const issuer = newIssuer()
    const token = await issuer.tokenFor()
    for (const [ttl, late] of [
      [undefined, 301],
      [10, 11],
    ] as const) {
      let seconds = now
      let asked = 0
      const provider = provide({
        ...{ authorizationServers: [issuer], resource, clock: () => seconds },
        ...(ttl !== undefined && { tokenCacheTTL: ttl }),
        customValidator: async () => ({ valid: ++asked < 2 }),
      })
      expect(await ask(provider, token)).toMatchObject({ status: 200 })
      seconds = now + late - 2
      expect(await ask(provider, token)).toMatchObject({ status: 200 })
      expect(asked).toBe(1)
      seconds = now + late
      expect(await ask(provider, token)).toMatchObject({ status: 401 })
    }
  })
})

describe('headerName', () => {
  test('another header carries the credential, and Authorization carries none', async () => {
    const issuer = newIssuer()
    const provider = provide({ authorizationServers: [issuer], resource, headerName: 'X-Notes-Token' })
    const token = await issuer.tokenFor()
    expect(await ask(provider, { 'x-notes-token': `Bearer ${token}` })).toMatchObject({ status: 200 })
    expect(await ask(provider, token)).toMatchObject({ status: 401 })
    expect(await ask(provider, { 'x-notes-token': token })).toMatchObject({ status: 401 })
    const both = { 'x-notes-token': `Bearer ${token}, Bearer ${await issuer.tokenFor()}` }
    expect(await ask(provider, both)).toMatchObject({ status: 400 })
  })

  test.each(['Cookie', 'Proxy-Authorization', 'Origin', 'Host', '', 'X-A\r\nX-B', 'X-A: b', 'X-Ä'])(
    'CSRF and header injection: %j is refused',
    (headerName) => {
      const make = (): unknown => provide({ authorizationServers: [as], resource, headerName })
      expect(make).toThrow(/`headerName` must be "Authorization"/)
    },
  )
})

describe('what is refused at construction', () => {
  const jwtOf = (also: object): object => ({ ...basic, validation: { type: 'jwt', ...also } })
  const basic = { authorizationServers: [as], resource }
  const refused: [name: string, options: object, option: RegExp][] = [
    ['an audience of every server', jwtOf({ audience: '*' }), /validation\.audience.*Leave it out/],
    ['an empty audience', jwtOf({ audience: '' }), /validation\.audience/],
    [
      'no audience check',
      { ...basic, strictAudienceValidation: false },
      /strictAudienceValidation` must be true; got false.*validation\.audience/,
    ],
    ['no signature', jwtOf({ algorithms: ['none'] }), /algorithms/],
    ['a shared secret', jwtOf({ algorithms: ['HS256'] }), /algorithms/],
    ['an issuer without TLS', jwtOf({ issuer: 'http://as.example.com' }), /validation\.issuer/],
    ['a key set without TLS', jwtOf({ jwksUri: 'http://as.example.com/jwks' }), /jwksUri/],
    ['a resource without TLS', { ...basic, resource: 'http://notes.example.com/mcp' }, /resource/],
    ['no resource', { authorizationServers: [as] }, /`resource` must be set/],
    ['no server', { resource }, /`authorizationServers` must be set/],
    ['an empty list', { resource, authorizationServers: [] }, /authorizationServers/],
    ['two names', { ...basic, resourceUri: resource }, /`resourceUri` is the older name of `resource`/],
    [
      'two servers for one validation',
      { ...jwtOf({}), authorizationServers: [as, 'https://b.test'] },
      /leave `validation` out/,
    ],
    ['another type', { ...basic, validation: { type: 'none' } }, /validation\.type/],
    ['no introspection', { ...basic, validation: { type: 'introspection' } }, /validation\.introspection/],
    ['introspection without a client', { ...basic, introspection: { endpoint: `${as}/i` } }, /clientId/],
    [
      'introspection without TLS',
      { ...basic, introspection: { endpoint: 'http://a.test/i', clientId: 'c', clientSecret: 's' } },
      /endpoint/,
    ],
    ['both kinds', { ...jwtOf({}), introspection: { endpoint: `${as}/i` } }, /`introspection` is not asked/],
    [
      'a server that is no URL',
      { ...jwtOf({}), authorizationServers: ['as'] },
      /`authorizationServers\[0\]`/,
    ],
    ['an unknown option', { ...basic, audiences: [] }, /audiences/],
    [
      'an option of an older class',
      { ...basic, tokenEndpoint: `${as}/token` },
      /tokenEndpoint.*leave it out/,
    ],
    ['a validator that is none', { ...basic, customValidator: true }, /customValidator/],
    ['a cache for ever', { ...basic, tokenCacheTTL: 86_400 }, /tokenCacheTTL/],
    ['a path that is none', { ...basic, callbackPath: 'callback' }, /callbackPath/],
  ]
  test.each(refused)('%s', (_, options, option) => {
    let thrown: unknown
    try {
      provide(options as OAuthAuthProviderOptions)
    } catch (error) {
      thrown = error
    }
    expect(isConfigurationError(thrown)).toBe(true)
    expect(String(thrown)).toMatch(option)
  })
})

describe('startAuthorizationFlow and handleCallback', () => {
  const redirect = 'https://notes.example.com/oauth/callback'

  test('without a client they are refused, and say why', async () => {
    const provider = provide({ authorizationServers: [as], resource, clientId: 'notes' })
    const attempts = [
      provider.startAuthorizationFlow(redirect),
      provider.handleCallback('code', 'state', redirect),
    ]
    for (const attempt of attempts)
      await expect(attempt).rejects.toThrow(/`client` must be what createClient\(\)/)
  })

  test('RFC 9700 §4.4 the client has PKCE and state; a callback of another flow, or without iss, gets no token', async () => {
    const asked: Request[] = []
    const metadata = {
      ...{ issuer: as, authorization_endpoint: `${as}/authorize`, token_endpoint: `${as}/token` },
      ...{ response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] },
      authorization_response_iss_parameter_supported: true,
    }
    const answers: Record<string, () => Response> = {
      [resource]: () =>
        new Response(null, {
          status: 401,
          headers: { 'www-authenticate': provider.getWWWAuthenticateHeader() },
        }),
      'https://notes.example.com/.well-known/oauth-protected-resource': () =>
        Response.json({
          resource: provider.getResource(),
          authorization_servers: provider.getAuthorizationServers(),
        }),
      [`${as}/.well-known/oauth-authorization-server`]: () => Response.json(metadata),
      [`${as}/token`]: () =>
        Response.json({ access_token: 'token-1', token_type: 'Bearer', expires_in: 900 }),
    }
    const client = createClient({
      ...{
        redirect,
        storage: memoryStorage(),
        clients: [{ issuer: as, clientId: 'notes', clientSecret: 'shh' }],
      },
      fetch: async (input, init) => {
        const request = new Request(input, init)
        asked.push(request)
        return answers[request.url]?.() ?? new Response(null, { status: 404 })
      },
    })
    const provider = provide({ authorizationServers: [as], resource, client })
    const { authorizationUrl, state } = await provider.startAuthorizationFlow(redirect)
    const parameters = Object.fromEntries(new URL(authorizationUrl).searchParams)
    expect(parameters).toMatchObject({
      state,
      resource,
      redirect_uri: redirect,
      code_challenge_method: 'S256',
    })
    expect(state.length).toBeGreaterThan(20)

    const tokens = (): number => asked.filter(({ url }) => url === `${as}/token`).length
    expect((await provider.handleCallback('code', 'another', redirect, as)).status).toBe(400)
    expect((await provider.handleCallback('code', state, redirect, 'https://evil.test')).status).toBe(400)
    expect(tokens()).toBe(0)
    const again = await provider.startAuthorizationFlow(redirect)
    expect((await provider.handleCallback('code', again.state, redirect)).status).toBe(400)
    expect(tokens()).toBe(0)
    const third = await provider.startAuthorizationFlow(redirect)
    const finished = await provider.handleCallback('code', third.state, redirect, as)
    expect([finished.status, tokens()]).toEqual([200, 1])
    expect(await finished.text()).not.toContain('token-1')
  })

  test.each([
    'https://notes.example.com/',
    'https://notes.example.com/oauth/callback/a/b',
    '/oauth/callback',
    'x',
  ])('open redirect: a redirect URI %j that is not at callbackPath', async (redirectUri) => {
    const authorize = vi.fn()
    const client = { authorize, callback: vi.fn() }
    const provider = provide({ authorizationServers: [as], resource, client })
    await expect(provider.startAuthorizationFlow(redirectUri)).rejects.toThrow(/`redirectUri` must be/)
    await expect(provider.handleCallback('c', 's', redirectUri)).rejects.toThrow(/`redirectUri` must be/)
    expect(authorize).not.toHaveBeenCalled()
  })
})
