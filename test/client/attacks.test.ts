import { describe, expect, test } from 'vitest'
import {
  AuthorizationRequiredError,
  createClient,
  memoryStorage,
  type ClientOptions,
} from '../../src/client/index.ts'
import {
  asUrl,
  createWorld,
  issuer,
  json,
  nameServer,
  prmUrl,
  resource,
  type World,
} from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

/** Nothing secret has been sent, and the user was not asked. */
const expectNothingStarted = (world: World): void => {
  expect(world.opened).toEqual([])
  expect(world.to(`${issuer}/register`)).toEqual([])
  expect(world.to(`${issuer}/token`)).toEqual([])
}

describe('CL1 resource metadata about another resource: nothing is started', () => {
  const others = [
    'https://evil.test/mcp',
    'https://mcp.test/other',
    'https://mcp.test/mcp/',
    'https://mcp.test/mc',
    'https://mcp.test.evil.test/mcp',
    'http://mcp.test/mcp',
    'https://user@mcp.test/mcp',
    undefined,
    null,
    7,
  ]
  test.each(others)('CL1 %s', async (other) => {
    const world = createWorld()
    world.prm['resource'] = other
    await expect(clientFor(world).fetch(resource)).rejects.toThrow()
    expectNothingStarted(world)
  })
})

describe('CL2 addresses that the server must not make us call', () => {
  const announced = [
    'http://169.254.169.254/prm',
    'https://10.0.0.1/prm',
    'file:///etc/passwd',
    'https://evil.test/prm',
  ]
  test.each(announced)('CL2 resource_metadata %s is passed over for the well-known URL', async (url) => {
    const world = createWorld()
    const original = world.fetch
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await original(input, init)
      if (response.status !== 401) return response
      return new Response(null, {
        status: 401,
        headers: { 'www-authenticate': `Bearer resource_metadata="${url}"` },
      })
    }
    expect((await clientFor(world, { fetch }).fetch(resource)).status).toBe(200)
    expect(world.to(url)).toEqual([])
    expect(world.to(prmUrl)).toHaveLength(1)
  })

  test('CL2 resource metadata that redirects to a private address is not followed', async () => {
    const world = createWorld()
    world.on(prmUrl, () => new Response(null, { status: 302, headers: { location: 'https://10.0.0.1/prm' } }))
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'no_metadata' })
    expect(world.to('https://10.0.0.1')).toEqual([])
  })

  const places = [
    'http://as.test',
    'https://10.0.0.1',
    'https://localhost',
    'http://127.0.0.1:9',
    'https://[::ffff:10.0.0.1]',
    'https://metadata.internal',
  ]
  test.each(places)('CL2 an authorization server at %s is not called', async (place) => {
    const world = createWorld()
    world.prm['authorization_servers'] = [place]
    await expect(clientFor(world).fetch(resource)).rejects.toThrow()
    expect(world.to(place)).toEqual([])
  })

  test.each(places)('CL2 a token or registration endpoint at %s is not called', async (place) => {
    for (const name of ['token_endpoint', 'registration_endpoint']) {
      const world = createWorld()
      world.metadata[name] = `${place}/x`
      await expect(clientFor(world).fetch(resource)).rejects.toThrow()
      expect(world.to(place)).toEqual([])
    }
  })

  test('CL2 dangerouslyAllowOrigins lets one origin through, and no other', async () => {
    const world = createWorld()
    const inside = 'https://10.0.0.1'
    world.prm['authorization_servers'] = [inside]
    world.metadata['issuer'] = inside
    world.metadata['authorization_response_iss_parameter_supported'] = false
    world.tamper = (url) => url.searchParams.delete('iss')
    world.on(`${inside}/.well-known/oauth-authorization-server`, () => json(world.metadata))
    const told: unknown[] = []
    const onEvent = (event: object): void => void told.push(event)
    const client = clientFor(world, { dangerouslyAllowOrigins: [inside], onEvent })
    // LG2: once, at the start.
    expect(told).toMatchObject([{ type: 'option.weakening', detail: 'dangerouslyAllowOrigins' }])
    expect((await client.fetch(resource)).status).toBe(200)
  })
})

describe('CL3 authorization server metadata', () => {
  test.each([
    'https://as.test/',
    'https://AS.test',
    'https://as.test:443',
    'https://evil.test',
    'http://as.test',
  ])('CL3 issuer %s is another issuer', async (other) => {
    const world = createWorld()
    world.metadata['issuer'] = other
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'issuer_mismatch' })
    expectNothingStarted(world)
  })

  const tenant = 'https://as.test/tenant'
  const probes = [
    'https://as.test/.well-known/oauth-authorization-server/tenant',
    'https://as.test/.well-known/openid-configuration/tenant',
    'https://as.test/tenant/.well-known/openid-configuration',
  ]
  test('CL3 the order of the probes; 404 and HTML lead on', async () => {
    const world = createWorld()
    world.prm['authorization_servers'] = [tenant]
    world.metadata['issuer'] = tenant
    world.tamper = (url) => url.searchParams.set('iss', tenant)
    world.on(probes[1]!, () => new Response('<html>', { headers: { 'content-type': 'text/html' } }))
    world.on(probes[2]!, () => json(world.metadata))
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
    expect(world.seen.map(({ url }) => url).filter((url) => probes.includes(url))).toEqual(probes)
  })

  test('CL3 500 aborts, and no other document is asked for', async () => {
    const world = createWorld()
    world.on(asUrl, 500)
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(world.to('https://as.test/.well-known/openid-configuration')).toEqual([])
    expectNothingStarted(world)
  })

  test('CL3 a second listed server is used where the first is no good', async () => {
    const world = createWorld()
    world.prm['authorization_servers'] = ['https://dead.test', issuer]
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
  })

  test('CL3 no metadata at all: the endpoints of 2025-03-26 only when asked for', async () => {
    const world = createWorld()
    world.on(prmUrl, 404)
    const root = 'https://mcp.test'
    for (const path of ['/authorize', '/token', '/register'])
      world.on(`${root}${path}`, async (request) =>
        world.fetch(request.url.replace(root, issuer), {
          method: request.method,
          redirect: 'manual',
          ...(request.body === '' ? {} : { body: request.body, headers: request.headers }),
        }),
      )
    world.tamper = (url) => url.searchParams.delete('iss')
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'no_metadata' })
    expect(world.to(`${root}/register`)).toEqual([])
    expect((await clientFor(world, { allowDefaultEndpoints: true }).fetch(resource)).status).toBe(200)
  })

  test('CL3 2025-03-26: metadata at the root of the server itself', async () => {
    const world = createWorld()
    world.on(prmUrl, 404)
    world.on('https://mcp.test/.well-known/oauth-authorization-server', () =>
      json({ ...world.metadata, issuer: 'https://mcp.test/' }),
    )
    world.tamper = (url) => url.searchParams.set('iss', 'https://mcp.test/')
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
  })
})

test.each([[undefined], [[]], [['plain']]])(
  'CL4 code_challenge_methods_supported %j: refused before anything starts',
  async (methods) => {
    const world = createWorld()
    world.metadata['code_challenge_methods_supported'] = methods
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'pkce_unsupported' })
    expectNothingStarted(world)
  },
)

test('CL4 a preset may know that S256 works', async () => {
  const world = createWorld()
  world.metadata['code_challenge_methods_supported'] = null
  const providers = [{ issuer, client: { assumeS256: true, resource: 'omit' } as const }]
  expect((await clientFor(world, { providers }).fetch(resource)).status).toBe(200)
  expect(world.opened[0]!.searchParams.get('code_challenge_method')).toBe('S256')
  expect(world.opened[0]!.searchParams.has('resource')).toBe(false)
})

const pages = [
  'javascript:alert(1)',
  'data:text/html,x',
  'file:///etc/passwd',
  'vscode://x',
  'ms-settings:',
  'http://evil.test/',
  '--flag',
  'https://10.0.0.1/',
]
test.each(pages)('CL5 authorization_endpoint %s is rejected', async (page) => {
  const world = createWorld()
  world.metadata['authorization_endpoint'] = page
  await expect(clientFor(world).fetch(resource)).rejects.toThrow()
  expectNothingStarted(world)
})

/** A web host between authorization and callback. */
async function pending(
  world: World,
  options: ClientOptions = {},
): Promise<{ client: ReturnType<typeof createClient>; back: URL }> {
  const client = clientFor(world, { redirect: 'https://app.test/callback', ...options })
  const error: unknown = await client.fetch(resource).catch((reason: unknown) => reason)
  const { url } = error as AuthorizationRequiredError
  return { client, back: new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!) }
}

describe('CL6 callbacks that answer no authorization of ours: no token request', () => {
  const spoiled: [string, (url: URL) => void][] = [
    ['state missing', (url) => url.searchParams.delete('state')],
    ['state empty', (url) => url.searchParams.set('state', '')],
    ['state wrong', (url) => url.searchParams.set('state', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA')],
    ['state twice', (url) => url.searchParams.append('state', url.searchParams.get('state')!)],
    ['code missing', (url) => url.searchParams.delete('code')],
    ['code empty', (url) => url.searchParams.set('code', '')],
    ['code twice', (url) => url.searchParams.append('code', 'other')],
    ['code and error', (url) => url.searchParams.set('error', 'access_denied')],
    ['iss twice', (url) => url.searchParams.append('iss', issuer)],
  ]
  test.each(spoiled)('CL6 %s', async (_, spoil) => {
    const world = createWorld()
    const { client, back } = await pending(world)
    spoil(back)
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toEqual([])
  })

  test('CL6 replayed: the page again, and nothing else', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    expect((await client.callback(new Request(back))).status).toBe(200)
    expect((await client.callback(new Request(back))).status).toBe(200)
    back.searchParams.set('code', 'another')
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })

  test('CL6 many times at once: one exchange', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.callback(new Request(back))))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
    // Another code with the same state is another answer.
    const other = await pending(world)
    const codes = Array.from({ length: 10 }, (_, i) => {
      const each = new URL(other.back)
      if (i > 0) each.searchParams.set('code', `${i}`)
      return other.client.callback(new Request(each))
    })
    const successes = (await Promise.all(codes)).filter(({ status }) => status === 200)
    expect(successes.length).toBeLessThanOrEqual(1)
    expect(world.to(`${issuer}/token`)).toHaveLength(2)
  })

  test('CL6 of another session: refused, and still good for its owner', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const { client, back } = await pending(world, { storage, subject: 'mallory' })
    const victim = clientFor(world, { storage, subject: 'alice', redirect: 'https://app.test/callback' })
    expect((await victim.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toEqual([])
    expect((await client.callback(new Request(back))).status).toBe(200)
    await expect(victim.fetch(resource)).rejects.toBeInstanceOf(AuthorizationRequiredError)
  })

  test('CL6 too late', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    world.now += 601
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toEqual([])
  })
})

describe('CL7 the iss table', () => {
  const rows: [advertised: boolean | undefined, iss: string | undefined, status: number][] = [
    [true, issuer, 200],
    [true, undefined, 400],
    [undefined, undefined, 200],
    [undefined, issuer, 200],
    [undefined, 'https://evil.test', 400],
    [true, 'https://as.test/', 400],
    [true, 'https://AS.test', 400],
    [true, 'https://as.test:443', 400],
    [true, '', 400],
  ]
  test.each(rows)('CL7 advertised %s, iss %s: %i', async (advertised, iss, status) => {
    const world = createWorld()
    world.metadata['authorization_response_iss_parameter_supported'] = advertised
    const { client, back } = await pending(world)
    if (iss === undefined) back.searchParams.delete('iss')
    else back.searchParams.set('iss', iss)
    expect((await client.callback(new Request(back))).status).toBe(status)
    expect(world.to(`${issuer}/token`)).toHaveLength(status === 200 ? 1 : 0)
  })

  test('CL7 an error with the wrong iss is not acted upon, and no error shows its text', async () => {
    const world = createWorld()
    const codes: unknown[] = []
    const onError = (error: unknown): void => void codes.push((error as { code: string }).code)
    for (const [iss, code] of [
      ['https://evil.test', 'invalid_callback'],
      [issuer, 'access_denied'],
    ] as const) {
      const { client, back } = await pending(world, { onError })
      back.search = new URLSearchParams({
        error: 'access_denied',
        error_description: '<script>call 555</script>',
        state: back.searchParams.get('state')!,
        iss,
      }).toString()
      const answer = await client.callback(new Request(back))
      expect(answer.status).toBe(400)
      expect(await answer.text()).not.toContain('555')
      expect(codes.at(-1)).toBe(code)
    }
    expect(world.to(`${issuer}/token`)).toEqual([])
  })
})

test('CL8 mix-up: the code for the honest server is not sent to the evil one', async () => {
  const world = createWorld()
  const evil = 'https://evil.test'
  nameServer(world, evil, 'client-at-honest')
  await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'invalid_callback' })
  expect(world.opened).toHaveLength(1)
  expect(world.to(`${evil}/token`)).toEqual([])
})

test('CL9 the server moves to another issuer: nothing of the old one goes there', async () => {
  const world = createWorld()
  const storage = memoryStorage()
  world.on(`${issuer}/register`, () =>
    json(
      {
        client_id: 'old-client',
        client_secret: 'old-secret',
        token_endpoint_auth_method: 'client_secret_post',
      },
      201,
    ),
  )
  await clientFor(world, { storage }).fetch(resource)
  const [oldAccess] = world.tokens.keys()
  const [oldRefresh] = world.refreshTokens.keys()
  const next = 'https://next.test'
  world.prm['authorization_servers'] = [next]
  world.tokens.clear()
  world.on(`${next}/.well-known/oauth-authorization-server`, () =>
    json({
      ...world.metadata,
      issuer: next,
      token_endpoint: `${next}/token`,
      registration_endpoint: `${next}/register`,
    }),
  )
  world.on(`${next}/register`, () => json({ client_id: 'next-client' }, 201))
  world.on(`${next}/token`, () => {
    world.tokens.set('next-token', { scope: 'read', resource, clientId: 'next-client' })
    return json({ access_token: 'next-token', token_type: 'Bearer' })
  })
  world.tamper = (url) => url.searchParams.set('iss', next)
  expect((await clientFor(world, { storage }).fetch(resource)).status).toBe(200)
  const sent = world
    .to(next)
    .map(({ body, headers }) => body + JSON.stringify([...headers]))
    .join()
  for (const old of ['old-client', 'old-secret', oldAccess!, oldRefresh!]) expect(sent).not.toContain(old)
  expect(world.to(`${next}/register`)).toHaveLength(1)
})

describe('CL10 a token stays where it belongs', () => {
  test('CL10 another server gets none', async () => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    world.on('https://other.test/mcp', { ok: true })
    world.on('https://mcp.test/elsewhere', { ok: true })
    await client.fetch('https://other.test/mcp')
    await client.fetch('https://mcp.test/elsewhere')
    for (const url of ['https://other.test/mcp', 'https://mcp.test/elsewhere'])
      expect(world.to(url)[0]!.headers.has('authorization')).toBe(false)
  })

  test('CL10 what a tenant in the query names is a resource of its own', async () => {
    const world = createWorld()
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await world.fetch(input, init)
      if (response.status !== 401) return response
      return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer scope="read"' } })
    }
    const client = clientFor(world, { fetch })
    world.on(prmUrl, ({ url }) => json({ ...world.prm, resource: `${resource}${new URL(url).search}` }))
    await client.fetch(`${resource}?tenant=a`)
    const [token] = world.tokens.keys()
    await client.fetch(`${resource}?tenant=b`)
    const sent = world.to(`${resource}?tenant=b`).map(({ headers }) => headers.get('authorization'))
    expect(sent).not.toContain(`Bearer ${token}`)
    expect(world.forms(`${issuer}/token`).map((form) => form['resource'])).toEqual([
      `${resource}?tenant=a`,
      `${resource}?tenant=b`,
    ])
  })

  test.each([301, 302, 303, 307, 308])('CL10 a %i to another origin is not followed', async (status) => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    world.on(resource, () => new Response(null, { status, headers: { location: 'https://evil.test/mcp' } }))
    expect((await client.fetch(resource)).status).toBe(status)
    expect(world.to('https://evil.test')).toEqual([])
  })

  test('CL10 a redirect within the resource keeps method, body and token', async () => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    world.on(resource, () => new Response(null, { status: 307, headers: { location: '/mcp/v2' } }))
    world.on('https://mcp.test/mcp/v2', ({ method, body, headers }) =>
      json({ method, body, token: headers.has('authorization') }),
    )
    expect(await (await client.fetch(resource, { method: 'POST', body: 'x' })).json()).toEqual({
      method: 'POST',
      body: 'x',
      token: true,
    })
  })

  test('CL10 nothing over http', async () => {
    const world = createWorld()
    await expect(clientFor(world).fetch('http://mcp.test/mcp')).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(world.seen).toEqual([])
  })
})

describe('CL11 endpoints that redirect', () => {
  const redirecting = (status: number) => (): Response =>
    new Response(null, { status, headers: { location: 'https://evil.test/steal' } })
  test.each([302, 307, 308])(
    'CL11 %i at the token, registration or refresh: not followed',
    async (status) => {
      for (const path of ['token', 'register']) {
        const world = createWorld()
        world.on(`${issuer}/${path}`, redirecting(status))
        await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'invalid_response' })
        expect(world.to('https://evil.test')).toEqual([])
      }
      const world = createWorld()
      const client = clientFor(world)
      await client.fetch(resource)
      world.on(`${issuer}/token`, redirecting(status))
      world.now += 901
      world.tokens.clear()
      await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'invalid_response' })
      expect(world.to('https://evil.test')).toEqual([])
    },
  )
})

describe('CL16 hostile documents and callbacks', () => {
  test('CL16 10 MB of metadata are not read', async () => {
    const world = createWorld()
    world.on(prmUrl, () => new Response('x'.repeat(10_000_000)))
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expectNothingStarted(world)
  })

  test('CL16 metadata that never come end the call', async () => {
    const world = createWorld()
    world.on(prmUrl, () => new Promise<Response>(() => undefined))
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expectNothingStarted(world)
  })

  test('CL16 __proto__ in a document changes no object', async () => {
    const world = createWorld()
    world.on(
      prmUrl,
      () =>
        new Response(
          `{"__proto__":{"polluted":1},"resource":"${resource}","authorization_servers":["${issuer}"]}`,
        ),
    )
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('CL16 the callback page repeats nothing and cannot be framed', async () => {
    const world = createWorld()
    const { client } = await pending(world)
    const answer = await client.callback(
      new Request(
        'https://app.test/callback?error=x&error_description=<script>alert(1)</script>&state=<script>',
      ),
    )
    expect(await answer.text()).not.toContain('script')
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('CL16 another path or method is no callback', async () => {
    const world = createWorld()
    const { client, back } = await pending(world)
    expect((await client.callback(new Request(back.href.replace('/callback', '/other')))).status).toBe(404)
    expect((await client.callback(new Request(back, { method: 'POST' }))).status).toBe(404)
    expect((await client.callback(new Request(back.href.replace('app.test', 'internal')))).status).toBe(200)
  })
})

test('LG1 no credential in events, errors or their causes', async () => {
  const world = createWorld()
  const told: string[] = []
  const client = clientFor(world, { onEvent: (event) => void told.push(JSON.stringify(event)) })
  await client.fetch(resource)
  world.now += 901
  world.on(`${issuer}/token`, ({ body }) =>
    json({ error: 'invalid_request', error_description: `you sent ${body}` }, 400),
  )
  const error = (await client.fetch(resource).catch((reason: unknown) => reason)) as Error
  const text = [...told, error.message, String(error.cause), error.stack].join('\n')
  const credentials = [...world.tokens.keys(), ...world.refreshTokens.keys()]
  expect(credentials.length).toBeGreaterThan(1)
  for (const credential of credentials) expect(text).not.toContain(credential.slice(-16))
  expect(told.length).toBeGreaterThan(1)
})
