// Unexpected servers and answers: the call ends with an error that says what is wrong, and nothing
// secret went out.
import { describe, expect, test } from 'vitest'
import { OAuthError } from '../../src/errors.ts'
import {
  clientCredentials,
  createClient,
  memoryStorage,
  pasteRedirect,
  type ClientOptions,
  type ClientStorage,
} from '../../src/client/index.ts'
import { asUrl, createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

const failure = async (work: Promise<unknown>): Promise<OAuthError> =>
  work.then(
    () => expect.unreachable('it went through'),
    (reason: unknown) => {
      expect(reason).toBeInstanceOf(OAuthError)
      return reason as OAuthError
    },
  )

describe('CL2 CL3 metadata that make no sense', () => {
  const places = [
    'nonsense',
    '',
    '//as.test',
    'as.test',
    'javascript:alert(1)',
    'https://',
    'file:///etc/passwd',
  ]
  test.each(places)('CL2 an authorization server %j', async (place) => {
    const world = createWorld()
    world.prm['authorization_servers'] = [place]
    await failure(clientFor(world).fetch(resource))
    expect(world.opened).toEqual([])
    world.prm['authorization_servers'] = [place, issuer]
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
  })

  const documents = ['[]', 'null', '7', '"x"', '', '<html>', '{', '{}', '{"issuer":7}', '{"issuer":null}']
  test.each(documents)('CL3 the document of the authorization server is %s', async (text) => {
    const world = createWorld()
    world.on(asUrl, () => new Response(text))
    await failure(clientFor(world).fetch(resource))
    expect(world.opened).toEqual([])
  })

  test.each(['authorization_endpoint', 'token_endpoint', 'registration_endpoint'])(
    'CL3 %s is missing or no URL',
    async (name) => {
      for (const value of [undefined, null, '', 'nonsense', '/relative', 7, [], {}]) {
        const world = createWorld()
        world.metadata[name] = value
        await failure(clientFor(world).fetch(resource))
        expect(world.to(resource).every(({ headers }) => !headers.has('authorization'))).toBe(true)
      }
    },
  )

  test('CL2 a revocation endpoint at an inner address is not called; the user is signed out all the same', async () => {
    const world = createWorld()
    const events: string[] = []
    world.metadata['revocation_endpoint'] = 'https://10.0.0.1/revoke'
    const client = clientFor(world, { onEvent: ({ type }) => void events.push(type) })
    await client.fetch(resource)
    await client.signOut(resource)
    expect(world.to('https://10.0.0.1')).toEqual([])
    expect(events).toContain('client.revocation-failed')
    await client.fetch(resource)
    expect(world.opened).toHaveLength(2)
  })

  test('CL2 key sets are no business of a client here: no jwks_uri is ever called', async () => {
    const world = createWorld()
    world.prm['jwks_uri'] = 'https://10.0.0.1/rs'
    world.metadata['jwks_uri'] = 'https://as.test/jwks'
    const client = clientFor(world)
    await client.fetch(resource)
    world.now += 901
    await client.fetch(resource)
    await client.signOut(resource)
    expect([...world.to('https://10.0.0.1'), ...world.to('https://as.test/jwks')]).toEqual([])
  })

  test('CL3 429 for metadata is an outage, and no reason to look elsewhere', async () => {
    const world = createWorld()
    world.on(asUrl, 429)
    expect((await failure(clientFor(world).fetch(resource))).code).toBe('temporarily_unavailable')
    expect(world.to('https://as.test/.well-known/openid-configuration')).toEqual([])
  })

  test('CL1 a document for the host speaks for its paths, and not for one of its neighbours', async () => {
    for (const [name, status] of [
      ['https://mcp.test', 200],
      ['https://mcp.test/', 200],
      ['https://MCP.test:443', 200],
      ['https://mcp.test:8443', undefined],
      ['https://mcp.test/?x=1', undefined],
      ['https://mcp.test#x', undefined],
    ] as const) {
      const world = createWorld()
      world.prm['resource'] = name
      world.on('https://mcp.test/.well-known/oauth-protected-resource', () => json(world.prm))
      const outcome = await clientFor(world)
        .fetch(resource)
        .then((response) => response.status)
        .catch(() => undefined)
      expect([name, outcome]).toEqual([name, status])
    }
  })
})

describe('CL5 what the authorization endpoint brings along', () => {
  test('CL5 its own parameters cannot replace ours', async () => {
    const world = createWorld()
    world.metadata['authorization_endpoint'] =
      `${issuer}/authorize?client_id=evil&redirect_uri=https://evil.test/&state=x&code_challenge=y&resource=z&keep=1`
    await clientFor(world).fetch(resource)
    const asked = world.opened[0]!.searchParams
    for (const name of ['client_id', 'redirect_uri', 'state', 'code_challenge', 'resource'])
      expect([name, asked.getAll(name).length]).toEqual([name, 1])
    expect(asked.get('redirect_uri')).toBe('http://127.0.0.1:3000/callback')
    expect(asked.get('resource')).toBe(resource)
    expect(asked.get('keep')).toBe('1')
  })
})

describe('CL12 offline_access', () => {
  test.each(['the challenge', 'the resource metadata'])(
    'CL12 named by %s: not asked for where the authorization server does not list it',
    async (where) => {
      const world = createWorld()
      world.challengeScope = where === 'the challenge' ? 'read offline_access' : undefined
      world.prm['scopes_supported'] = ['read', 'offline_access']
      await clientFor(world).fetch(resource)
      expect(world.opened[0]!.searchParams.get('scope')).toBe('read')
      expect(world.opened[0]!.searchParams.has('prompt')).toBe(false)
    },
  )
})

describe('RFC 7591 registration answers', () => {
  const answers: [string, Record<string, unknown>, Record<string, string | undefined>][] = [
    [
      'a method that was not requested',
      { token_endpoint_auth_method: 'private_key_jwt' },
      { auth: undefined },
    ],
    [
      'an unknown method',
      { token_endpoint_auth_method: 'tls_client_auth', client_secret: 's' },
      { auth: undefined },
    ],
    ['Basic without a secret', { token_endpoint_auth_method: 'client_secret_basic' }, { auth: undefined }],
    ['no method, a secret', { client_secret: 's' }, { auth: `Basic ${btoa('c:s')}` }],
    ['post', { token_endpoint_auth_method: 'client_secret_post', client_secret: 's' }, { secret: 's' }],
    ['null', { token_endpoint_auth_method: null, client_secret: null }, { auth: undefined }],
  ]
  test.each(answers)('%s', async (name, answer, expected) => {
    const world = createWorld()
    world.on(`${issuer}/register`, () => json({ client_id: 'c', ...answer }, 201))
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
    const [sent] = world.to(`${issuer}/token`)
    const form = new URLSearchParams(sent!.body)
    if ('secret' in expected) expect(form.get('client_secret')).toBe(expected['secret'])
    else if (name !== 'an unknown method')
      expect(sent!.headers.get('authorization') ?? undefined).toBe(expected['auth'])
  })

  test.each([{}, { client_id: '' }, { client_id: 7 }, { client_id: null }, []])(
    '%j is no registration',
    async (answer) => {
      const world = createWorld()
      world.on(`${issuer}/register`, () => json(answer, 201))
      expect((await failure(clientFor(world).fetch(resource))).code).toBe('invalid_response')
      expect(world.opened).toEqual([])
    },
  )
})

describe('CL6 what a user pastes', () => {
  const paste = (world: World, change: (back: URL) => string): ReturnType<typeof pasteRedirect> =>
    pasteRedirect({
      uri: 'http://127.0.0.1:8765/callback',
      ask: async (url) => {
        const response = await world.fetch(url, { redirect: 'manual' })
        return change(new URL(response.headers.get('location')!))
      },
    })
  test.each([
    ['nothing', () => ''],
    ['nonsense', () => 'yes, done'],
    ['the code alone', (back: URL) => back.searchParams.get('code')!],
    ['another state', (back: URL) => back.href.replace(/state=[^&]+/, 'state=x')],
    ['the page of another site', () => 'https://evil.test/?code=x'],
    ['an address that is none', () => 'http://[/?code=x'],
  ])('CL6 %s: said at once, and no token request', async (_, change) => {
    const world = createWorld()
    const error = await failure(clientFor(world, { redirect: paste(world, change) }).fetch(resource))
    expect(error.code).toBe('invalid_callback')
    expect(world.to(`${issuer}/token`)).toEqual([])
  })

  test('CL6 the callback is loaded twice at once, as some browsers do: both show the success', async () => {
    const world = createWorld()
    let handle!: (request: Request) => Promise<Response>
    const told: unknown[] = []
    const pages: number[] = []
    const client = clientFor(world, {
      onAuthorized: (authorized) => void told.push(authorized),
      redirect: {
        listen: async (each) => {
          handle = each
          return { uri: 'http://127.0.0.1:3000/callback', close: () => undefined }
        },
        open: async (url) => {
          const back = (await world.fetch(url, { redirect: 'manual' })).headers.get('location')!
          const answers = await Promise.all([1, 2, 3].map(() => handle(new Request(back))))
          for (const answer of answers) {
            expect(await answer.text()).toContain('Signed in')
            pages.push(answer.status)
          }
        },
      },
    })
    expect((await client.fetch(resource)).status).toBe(200)
    expect(pages).toEqual([200, 200, 200])
    expect(told).toHaveLength(1)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })
})

test('CL16 unfinished authorizations do not pile up', async () => {
  const kept = new Map<string, number | undefined>()
  const memory = memoryStorage()
  const storage: ClientStorage = {
    ...memory,
    async set(key, value, options) {
      kept.set(key, options?.expiresAt)
      return memory.set(key, value, options)
    },
  }
  const world = createWorld()
  await clientFor(world, { storage, redirect: 'https://app.test/cb' }).authorize(resource)
  const [flow] = [...kept].filter(([key]) => key.endsWith(':flow'))
  expect(flow![1]).toBe(world.now + 600)
  expect([...kept].filter(([key]) => !key.endsWith(':flow')).every(([, ends]) => ends === undefined)).toBe(
    true,
  )
})

describe('RFC 7523 §3 assertions', () => {
  test('a clock that is ahead: no nbf that a server could find in the future', async () => {
    const world = createWorld()
    const { privateKey } = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    await clientFor(world, {
      clients: [{ issuer, servers: [resource], clientId: 'c', privateKey }],
      grant: clientCredentials(),
    }).fetch(resource)
    const assertion = world.forms(`${issuer}/token`)[0]!['client_assertion']!
    const claims = JSON.parse(
      atob(assertion.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')),
    ) as object
    expect(claims).not.toHaveProperty('nbf')
    expect(claims).toHaveProperty('jti')
  })
})

test('CL16 a PRM that lists a thousand scopes, and a challenge of 60 kB, end the call neither way', async () => {
  const world = createWorld()
  world.prm['scopes_supported'] = Array.from({ length: 1000 }, (_, i) => `scope:${i}`)
  world.challengeScope = 'x'.repeat(60_000)
  expect(
    (await clientFor(world)
      .fetch(resource)
      .catch((reason: unknown) => reason)) as object,
  ).toBeDefined()
  expect(world.to(prmUrl).length).toBeGreaterThan(0)
})

describe('LG1 access tokens that cannot stand in a header', () => {
  test.each(['a\nb', 'a b', 'tökén-tökén-tökén', 'a\0b', ' '])(
    'LG1 %j is no token, and no error quotes it',
    async (text) => {
      const world = createWorld()
      world.on(`${issuer}/token`, () => json({ access_token: text, token_type: 'Bearer' }))
      const client = clientFor(world)
      const error = await failure(client.fetch(resource))
      expect(error.code).toBe('invalid_response')
      expect(String(error.stack)).not.toContain(text === ' ' ? '\0' : text)
      // Nothing was kept that would spoil the next call.
      expect((await failure(client.fetch(resource))).code).toBe('invalid_response')
    },
  )
})

describe('RFC 6749 §5.2 credentials that turned out to be wrong are asked for again', () => {
  test('without a user', async () => {
    const world = createWorld()
    const ids = ['wrong', 'right']
    const { fetch } = world
    const client = clientFor(world, {
      grant: clientCredentials(),
      askForClient: () => ({ clientId: ids.shift()!, clientSecret: 's' }),
      fetch: async (input, init) =>
        String(input) === `${issuer}/token` &&
        atob(new Headers(init?.headers).get('authorization')!.slice(6)) === 'wrong:s'
          ? json({ error: 'invalid_client' }, 401)
          : fetch(input, init),
    })
    expect((await failure(client.fetch(resource))).code).toBe('invalid_client')
    expect((await client.fetch(resource)).status).toBe(200)
  })

  test('where the authorization page says so', async () => {
    const world = createWorld()
    let refusing = true
    world.tamper = (back) => {
      if (!refusing) return
      back.searchParams.delete('code')
      back.searchParams.set('error', 'unauthorized_client')
    }
    const client = clientFor(world)
    expect((await failure(client.fetch(resource))).code).toBe('unauthorized_client')
    refusing = false
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.to(`${issuer}/register`)).toHaveLength(2)
  })
})

test('CL9 of several authorization servers, ours is gone for good: another one, and nothing of ours goes there', async () => {
  const world = createWorld()
  const next = 'https://next.test'
  world.prm['authorization_servers'] = [issuer, next]
  const client = clientFor(world)
  await client.fetch(resource)
  const secrets = [...world.tokens.keys(), ...world.refreshTokens.keys()]
  world.tokens.clear()
  world.on(asUrl, 503)
  expect((await failure(client.fetch(resource))).code).toBe('temporarily_unavailable')
  expect(world.to(next)).toEqual([])
  world.on(asUrl, 404)
  world.on(`${next}/.well-known/oauth-authorization-server`, {
    ...world.metadata,
    issuer: next,
    token_endpoint: `${next}/token`,
    registration_endpoint: `${next}/register`,
  })
  world.on(`${next}/register`, () => json({ client_id: 'next' }, 201))
  world.on(`${next}/token`, () => {
    world.tokens.set('next-token', { scope: 'read', resource, clientId: 'next' })
    return json({ access_token: 'next-token', token_type: 'Bearer' })
  })
  world.tamper = (url) => url.searchParams.set('iss', next)
  expect((await client.fetch(resource)).status).toBe(200)
  const sent = JSON.stringify(world.to(next).map(({ body, headers }) => [body, [...headers]]))
  for (const secret of secrets) expect(sent).not.toContain(secret)
})

test('CL2 a server that lists a thousand authorization servers gets a few of them called', async () => {
  const world = createWorld()
  world.prm['authorization_servers'] = Array.from({ length: 1000 }, (_, i) => `https://as${i}.test`)
  expect((await failure(clientFor(world).fetch(resource))).code).toBe('no_metadata')
  expect(world.to('https://as').length).toBeLessThanOrEqual(20)
})

test('what is no URL rejects, and does not throw', async () => {
  const client = clientFor(createWorld())
  for (const text of ['nonsense', '', 'http://[']) {
    const calls = [() => client.fetch(text), () => client.authorize(text), () => client.signOut(text)]
    for (const call of calls) {
      const promise = call()
      await expect(promise).rejects.toBeInstanceOf(Error)
    }
  }
})
