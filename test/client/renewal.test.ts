// What the client does with tokens whose renewal goes wrong, with odd token answers, and with callers that
// give up.
import { describe, expect, test } from 'vitest'
import {
  createClient,
  memoryStorage,
  type ClientOptions,
  type ClientStorage,
} from '../../src/client/index.ts'
import {
  createWorld,
  issuer,
  json,
  nameServer,
  prmUrl,
  resource,
  type World,
} from '../support/client-world.ts'

const token = `${issuer}/token`
const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

const grants = (world: World): string[] => world.forms(token).map((form) => form['grant_type']!)

/** The tokens as they lie in the storage. */
function spied(): { storage: ClientStorage; tokens: () => Record<string, unknown> | undefined } {
  const memory = memoryStorage()
  let last: string | undefined
  const storage: ClientStorage = {
    ...memory,
    async set(key, value, options) {
      if (key.endsWith(':tokens')) last = value
      return memory.set(key, value, options)
    },
    async delete(key) {
      if (key.endsWith(':tokens')) last = undefined
      return memory.delete(key)
    },
  }
  return { storage, tokens: () => (last === undefined ? undefined : JSON.parse(last)) }
}

describe('CL14 a renewal ahead of the expiry that fails', () => {
  const failures: [string, () => Response | Promise<Response>][] = [
    ['500', () => new Response('no', { status: 500 })],
    ['429', () => new Response('slow down', { status: 429, headers: { 'retry-after': '30' } })],
    ['404 HTML', () => new Response('<html>', { status: 404 })],
    ['200 HTML', () => new Response('<html>')],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.test/' } })],
    ['invalid_request', () => json({ error: 'invalid_request' }, 400)],
    ['no connection', () => Promise.reject(new TypeError('fetch failed'))],
  ]
  test.each(failures)(
    'CL14 %s: the token that still lives is used, the refresh token kept',
    async (_, answer) => {
      const world = createWorld()
      const { storage, tokens } = spied()
      const client = clientFor(world, { storage })
      await client.fetch(resource)
      const before = tokens()
      world.on(token, answer)
      world.now += 850
      for (let i = 0; i < 5; i++) expect((await client.fetch(resource)).status).toBe(200)
      expect(tokens()).toEqual(before)
      expect(world.opened).toHaveLength(1)
      // The server is left alone for a while, as it may have asked for.
      expect(grants(world)).toEqual(['authorization_code', 'refresh_token'])
    },
  )
})

test('CL14 429 with Retry-After at a refresh of a dead token: told to the caller, tried once a call, tokens kept', async () => {
  const world = createWorld()
  const { storage, tokens } = spied()
  const client = clientFor(world, { storage })
  await client.fetch(resource)
  world.now += 901
  world.tokens.clear()
  world.on(token, () => new Response(null, { status: 429, headers: { 'retry-after': '77' } }))
  await expect(client.fetch(resource)).rejects.toMatchObject({
    code: 'temporarily_unavailable',
    retryAfter: 77,
  })
  expect(grants(world)).toEqual(['authorization_code', 'refresh_token'])
  expect(tokens()).toBeDefined()
  expect(world.opened).toHaveLength(1)
})

test.each(['soon', '-5', '1e9', 'Wed, 21 Oct 2026 07:28:00 GMT'])(
  'CL14 Retry-After %s is not taken at its word',
  async (value) => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    world.now += 901
    world.tokens.clear()
    world.on(token, () => new Response(null, { status: 503, headers: { 'retry-after': value } }))
    const error = (await client.fetch(resource).catch((reason: unknown) => reason)) as { retryAfter: number }
    expect(error.retryAfter).toBeGreaterThanOrEqual(0)
    expect(error.retryAfter).toBeLessThanOrEqual(3600)
  },
)

test.each(['invalid_request', 'invalid_scope', 'invalid_target', 'access_denied'])(
  'CL14 a server that says %s for a dead refresh token: the user is asked, instead of failing for ever',
  async (error) => {
    const world = createWorld()
    const { fetch } = world
    const client = clientFor(world, {
      fetch: async (input, init) =>
        String(init?.body).includes('grant_type=refresh_token') ? json({ error }, 400) : fetch(input, init),
    })
    await client.fetch(resource)
    world.now += 901
    world.tokens.clear()
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.opened).toHaveLength(2)
    expect(grants(world)).toEqual(['authorization_code', 'authorization_code'])
  },
)

test('CL9 the old authorization server is gone and the MCP server names a new one: no dead end', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  const next = 'https://next.test'
  world.now += 901
  world.tokens.clear()
  world.on(token, () => Promise.reject(new TypeError('getaddrinfo ENOTFOUND')))
  nameServer(world, next, 'next-client')
  world.on(`${next}/token`, () => {
    world.tokens.set('next-token', { scope: 'read', resource, clientId: 'next-client' })
    return json({ access_token: 'next-token', token_type: 'Bearer' })
  })
  world.tamper = (url) => url.searchParams.set('iss', next)
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.forms(`${next}/token`).map((form) => form['grant_type'])).toEqual(['authorization_code'])
})

test('CL14 the token endpoint of the same issuer moves: the refresh goes to the new one', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  const [refreshToken] = world.refreshTokens.keys()
  world.now += 901
  world.tokens.clear()
  world.on(token, 404)
  world.metadata['token_endpoint'] = `${issuer}/v2/token`
  world.on(`${issuer}/v2/token`, () => {
    world.tokens.set('moved', { scope: 'read', resource, clientId: 'c' })
    return json({ access_token: 'moved', token_type: 'Bearer', expires_in: 60 })
  })
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.forms(`${issuer}/v2/token`)[0]).toMatchObject({ refresh_token: refreshToken })
  expect(world.opened).toHaveLength(1)
})

test('CL13 scopes of a step-up are asked for again when the refresh token has died', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.needed = ['read', 'write']
  await client.fetch(resource)
  expect(world.opened[1]!.searchParams.get('scope')).toBe('read write')
  world.now += 901
  world.tokens.clear()
  world.refreshTokens.clear()
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.opened.map((url) => url.searchParams.get('scope'))).toEqual([
    'read',
    'read write',
    'read write',
  ])
})

test('a user with dead tokens does not become anonymous at a server that admits anonymous requests', async () => {
  const world = createWorld()
  world.issueRefresh = false
  const client = clientFor(world)
  await client.fetch(resource)
  world.now += 901
  world.tokens.clear()
  const { fetch } = world
  const mixed = clientFor(world, {
    fetch: async (input, init) => {
      const anonymous = !new Headers(init?.headers).has('authorization')
      return anonymous && String(input) === resource ? json({ you: 'anonymous' }) : fetch(input, init)
    },
    storage: memoryStorage(),
  })
  expect(await (await mixed.fetch(resource)).json()).toEqual({ you: 'anonymous' })
  world.on(resource, ({ headers }) =>
    headers.has('authorization')
      ? new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
      : json({ you: 'anonymous' }),
  )
  expect((await client.fetch(resource)).status).toBe(401)
  expect(world.opened).toHaveLength(2)
})

describe('RFC 6749 §5.1 expires_in as servers write it', () => {
  const lives: [string, number | undefined][] = [
    ['3600', 3600],
    ['"3600"', 3600],
    ['1e15', 1e15],
    ['0', undefined],
    ['-1', undefined],
    ['"soon"', undefined],
    ['null', undefined],
    ['1e999', undefined],
  ]
  test.each(lives)('expires_in %s', async (text, life) => {
    const world = createWorld()
    const { storage, tokens } = spied()
    world.on(token, () => {
      world.tokens.set('t', { scope: 'read', resource, clientId: 'c' })
      return new Response(
        `{"access_token":"t","token_type":"bearer","refresh_token":"r","expires_in":${text}}`,
      )
    })
    const client = clientFor(world, { storage })
    await client.fetch(resource)
    await client.fetch(resource)
    expect(tokens()!['expiresAt']).toBe(life === undefined ? undefined : world.now + life)
    expect(grants(world)).toEqual(['authorization_code'])
  })
})

test.each(['MAC', 'N_A', '', undefined, 'DPoP', 7, ['Bearer']])(
  'RFC 6749 §7.1 token_type %j is not used',
  async (type) => {
    const world = createWorld()
    world.on(token, () => json({ access_token: 't', token_type: type }))
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'invalid_response' })
    expect(world.to(resource).every(({ headers }) => !headers.has('authorization'))).toBe(true)
  },
)

test('RFC 9449 §5 a server that demands DPoP and answers with a bearer token: not used', async () => {
  const world = createWorld()
  world.prm['dpop_bound_access_tokens_required'] = true
  await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'invalid_response' })
})

test('records that are not what they should be are no records', async () => {
  const world = createWorld()
  for (const text of ['null', '7', '"x"', '[]', '', '{']) {
    const memory = memoryStorage()
    const storage: ClientStorage = {
      ...memory,
      get: async (key) => ((await memory.get(key)) === undefined ? text : memory.get(key)),
    }
    const answer = await clientFor(world, { storage }).fetch(resource)
    expect([text, answer.status]).toEqual([text, 200])
  }
})

test('a caller may give up while the user is asked; the approval is kept', async () => {
  const world = createWorld()
  let approve!: () => void
  const approved = new Promise<void>((resolve) => (approve = resolve))
  const { redirect } = world
  const client = clientFor(world, {
    redirect: {
      ...redirect,
      open: async (...page) => {
        await approved
        return redirect.open(...page)
      },
    },
  })
  const abort = new AbortController()
  const impatient = client.fetch(resource, { signal: abort.signal })
  const patient = client.fetch(resource)
  await new Promise((resolve) => setTimeout(resolve, 50))
  abort.abort()
  await expect(impatient).rejects.toMatchObject({ name: 'AbortError' })
  approve()
  expect((await patient).status).toBe(200)
  expect(world.opened).toHaveLength(1)
})

test('RFC 6749 §5.2 invalid_client for a client registered by hand: said, and nothing is registered', async () => {
  const world = createWorld()
  world.on(token, () => json({ error: 'invalid_client' }, 401))
  const clients = [{ issuer, clientId: 'by-hand', clientSecret: 'wrong' }]
  await expect(clientFor(world, { clients }).fetch(resource)).rejects.toMatchObject({
    code: 'invalid_client',
  })
  expect(world.to(`${issuer}/register`)).toEqual([])
})

test('a registration that is refused: the user is asked if possible', async () => {
  const world = createWorld()
  world.on(`${issuer}/register`, () => json({ error: 'access_denied' }, 403))
  const asked: string[] = []
  const askForClient = (at: string): { clientId: string } => {
    asked.push(at)
    return { clientId: 'told' }
  }
  expect((await clientFor(world, { askForClient }).fetch(resource)).status).toBe(200)
  expect(asked).toEqual([issuer])
  await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'access_denied' })
})

test('a server that hangs when it is only looked at: authorize goes by its metadata', async () => {
  const world = createWorld()
  const { fetch } = world
  const hanging: typeof globalThis.fetch = (input, init) =>
    String(input) === resource
      ? new Promise((_, reject) => {
          init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason))
        })
      : fetch(input, init)
  const url = await clientFor(world, { fetch: hanging, redirect: 'https://app.test/cb' }).authorize(resource)
  expect(url.origin).toBe(issuer)
  expect(world.to(prmUrl)).toHaveLength(1)
})
