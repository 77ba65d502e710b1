// Mix-up where the honest authorization server sends no `iss`: RFC 9700 §4.4.2.2.
import { describe, expect, test } from 'vitest'
import {
  createClient,
  memoryStorage,
  pasteRedirect,
  type ClientOptions,
  type Redirect,
} from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { createWorld, issuer, json, nameServer, resource, type World } from '../support/client-world.ts'

const evil = 'https://evil.test'
const web = 'https://app.test/callback'

/** The authorization server of the world sends no `iss`. */
function createSilentWorld(): World {
  const world = createWorld()
  delete world.metadata['authorization_response_iss_parameter_supported']
  world.tamper = (url) => url.searchParams.delete('iss')
  return world
}

/**
 * The MCP server names a hostile authorization server, which has the honest one's page and a token endpoint
 * of its own.
 */
function mixUp(world: World): void {
  nameServer(world, evil, 'client-at-honest')
  world.on(`${evil}/token`, () => json({ access_token: 'evil', token_type: 'Bearer' }))
}

const clientFor = (world: World, options: ClientOptions): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, ...options })

/** Redirects as hosts have them. `arrive` may change where the browser arrives. */
const listening = (world: World, arrive: (back: URL) => URL = (back) => back): Redirect => ({
  listen: async (_, { segment }) => ({
    uri: `http://127.0.0.1:3000/callback${segment === undefined ? '' : `/${segment}`}`,
    close: () => undefined,
  }),
  open: async (url) => {
    world.opened.push(url)
    const response = await world.fetch(url, { redirect: 'manual' })
    const back = new URL(response.headers.get('location')!)
    world.tamper(back)
    return arrive(back)
  },
})
const pasting = (world: World, arrive: (back: URL) => URL = (back) => back): Redirect => {
  const { open } = listening(world, arrive)
  return pasteRedirect({ uri: web, ask: async (url, request) => String(await open(url, request)) })
}

const redirectUris = (world: World): string[] =>
  world.opened.map((url) => url.searchParams.get('redirect_uri')!)

describe('T2 each issuer that sends no iss has a redirect URI of its own', () => {
  test.each([
    ['loopback', listening, 'http://127.0.0.1:3000/callback'],
    ['pasted', pasting, web],
  ] as const)(
    'T2 %s: registered, asked for and redeemed with it; another issuer has another',
    async (_, make, base) => {
      const world = createSilentWorld()
      const storage = memoryStorage()
      expect((await clientFor(world, { storage, redirect: make(world) }).fetch(resource)).status).toBe(200)
      const [honest] = redirectUris(world)
      expect(honest).toMatch(new RegExp(`^${base}/[\\w-]{16}$`))
      const registered = JSON.parse(world.to(`${issuer}/register`)[0]!.body) as Record<string, unknown>
      expect(registered['redirect_uris']).toEqual([honest])
      expect(world.forms(`${issuer}/token`)[0]!['redirect_uri']).toBe(honest)
      mixUp(world)
      world.tokens.clear()
      await clientFor(world, { storage, redirect: make(world) })
        .fetch(resource)
        .catch(() => undefined)
      // The honest server knows its client by the first URI, and refuses the second.
      expect(redirectUris(world)[1]).toMatch(new RegExp(`^${base}/[\\w-]{16}$`))
      expect(redirectUris(world)[1]).not.toBe(honest)
    },
  )

  test.each([
    ['loopback', listening],
    ['pasted', pasting],
  ] as const)('T2 CL8 %s: an answer at another issuer’s URI: no code goes anywhere', async (_, make) => {
    const world = createSilentWorld()
    await clientFor(world, { redirect: make(world) }).fetch(resource)
    const [honest] = redirectUris(world)
    mixUp(world)
    world.tokens.clear()
    const arrivals = [new URL(honest!).pathname, '/callback', `${new URL(honest!).pathname}/`]
    for (const path of arrivals) {
      const redirect = make(world, (back) => Object.assign(back, { pathname: path }))
      await expect(clientFor(world, { redirect }).fetch(resource)).rejects.toMatchObject({
        code: 'invalid_callback',
      })
    }
    expect(world.to(`${evil}/token`)).toEqual([])
  })

  test('T2 CL8 on the web: the callback takes the paths of its issuers, and each answer at its own', async () => {
    const world = createSilentWorld()
    const storage = memoryStorage()
    const client = clientFor(world, { storage, redirect: web })
    const first = await client.authorize(resource)
    const honest = first.searchParams.get('redirect_uri')!
    expect(honest).toMatch(/^https:\/\/app\.test\/callback\/[\w-]{16}$/)
    mixUp(world)
    const second = await client.authorize(resource)
    const other = second.searchParams.get('redirect_uri')!
    expect(other).toMatch(/^https:\/\/app\.test\/callback\/[\w-]{16}$/)
    expect(other).not.toBe(honest)
    const back = async (page: URL, to: string): Promise<Response> => {
      const url = new URL(to)
      url.search = new URLSearchParams({ code: 'c', state: page.searchParams.get('state')! }).toString()
      return client.callback(new Request(url))
    }
    // The browser comes back to the honest server's URI with the state of the hostile flow.
    expect((await back(second, honest)).status).toBe(400)
    expect(world.to(`${evil}/token`)).toEqual([])
    const third = await client.authorize(resource)
    expect((await back(third, web)).status).toBe(400)
    expect(world.to(`${evil}/token`)).toEqual([])
    for (const path of [
      '/callback/',
      '/callback/x',
      '/callback/a/b',
      '/callbackx',
      `/x${new URL(honest).pathname}`,
    ])
      expect([path, (await client.callback(new Request(`https://app.test${path}`))).status]).toEqual([
        path,
        404,
      ])
    const code = (await world.fetch(first, { redirect: 'manual' })).headers.get('location')!
    expect((await client.callback(new Request(code.replace(/&iss=[^&]*/, '')))).status).toBe(200)
  })

  test('T2 an issuer that sends iss needs none', async () => {
    const world = createWorld()
    await clientFor(world, { redirect: listening(world) }).fetch(resource)
    expect(redirectUris(world)).toEqual(['http://127.0.0.1:3000/callback'])
  })

  test('T2 who is asked for a client hears which URI it needs', async () => {
    const world = createSilentWorld()
    delete world.metadata['registration_endpoint']
    const asked: unknown[] = []
    const askForClient = (...about: unknown[]): { clientId: string } => {
      asked.push(...about)
      return { clientId: 'asked' }
    }
    await clientFor(world, { redirect: listening(world), askForClient }).fetch(resource)
    expect(asked).toEqual([issuer, { redirectUri: redirectUris(world)[0] }])
  })
})

describe('T2 where only one redirect URI can be registered, the endpoints are those of the issuer', () => {
  const entry = { issuer: evil, clientId: 'by-hand' }
  const document = { clientMetadataUrl: 'https://app.test/client.json' }
  /** A redirect of another maker, which knows one URI. */
  const fixed = (world: World): Redirect => ({
    ...listening(world),
    listen: async () => ({ uri: 'http://127.0.0.1:3000/callback', close: () => undefined }),
  })
  const hosts: [string, (world: World) => ClientOptions][] = [
    ['an entry in clients', (world) => ({ redirect: listening(world), clients: [entry] })],
    ['an entry in clients, on the web', () => ({ redirect: web, clients: [entry] })],
    ['a redirect with one URI', (world) => ({ redirect: fixed(world) })],
    [
      'a metadata document, and no other way to register',
      (world) => {
        world.metadata['client_id_metadata_document_supported'] = true
        world.on(`${evil}/.well-known/oauth-authorization-server`, () => {
          const { registration_endpoint: _, ...metadata } = world.metadata
          return json({ ...metadata, issuer: evil, token_endpoint: `${evil}/token` })
        })
        return { redirect: listening(world), ...document }
      },
    ],
  ]
  test.each(hosts)('T2 CL8 %s: the honest page is no endpoint of the hostile issuer', async (_, options) => {
    const world = createSilentWorld()
    mixUp(world)
    await expect(clientFor(world, options(world)).fetch(resource)).rejects.toMatchObject({
      code: 'foreign_endpoint',
      message: expect.stringContaining('https://as.test'),
    })
    expect(world.opened).toEqual([])
    expect([...world.to(`${evil}/register`), ...world.to(`${evil}/token`)]).toEqual([])
  })

  test('T2 a metadata document and a foreign endpoint: registered instead, with a URI of its own', async () => {
    const world = createSilentWorld()
    world.metadata['client_id_metadata_document_supported'] = true
    mixUp(world)
    await clientFor(world, { redirect: listening(world), ...document })
      .fetch(resource)
      .catch(() => undefined)
    expect(world.opened[0]!.searchParams.get('client_id')).toBe('client-at-honest')
    expect(redirectUris(world)[0]).toMatch(/\/callback\/[\w-]{16}$/)
  })

  test('T2 the endpoints of the issuer itself, and origins that are listed, are good', async () => {
    const world = createSilentWorld()
    const clients = [{ issuer, clientId: 'by-hand' }]
    expect((await clientFor(world, { redirect: listening(world), clients }).fetch(resource)).status).toBe(200)
    expect(redirectUris(world)).toEqual(['http://127.0.0.1:3000/callback'])
    expect((await clientFor(world, { redirect: fixed(world) }).fetch(resource)).status).toBe(200)

    const elsewhere = createSilentWorld()
    const token = 'https://tokens.test'
    elsewhere.on(`${token}/token`, ({ body, headers }) =>
      elsewhere.fetch(`${issuer}/token`, { method: 'POST', body, headers }),
    )
    elsewhere.metadata['token_endpoint'] = `${token}/token`
    const of = (more: object): ReturnType<typeof createClient> =>
      clientFor(elsewhere, { redirect: listening(elsewhere), clients: [{ ...clients[0]!, ...more }] })
    await expect(of({}).fetch(resource)).rejects.toMatchObject({ code: 'foreign_endpoint' })
    expect((await of({ endpointOrigins: [token] }).fetch(resource)).status).toBe(200)
    for (const wrong of [[`${token}/`], ['tokens.test'], [`${token}/token`], ['']])
      expect(() => of({ endpointOrigins: wrong })).toThrow(
        expect.objectContaining({ option: 'clients[0].endpointOrigins[0]' }),
      )
  })

  test('T2 the SDK bridge has one redirect URI', async () => {
    const world = createSilentWorld()
    mixUp(world)
    const provider = toOAuthClientProvider(clientFor(world, { redirect: web }), resource)
    const state = await provider.state()
    await expect(
      provider.redirectToAuthorization(new URL(`${issuer}/authorize?state=${state}`)),
    ).rejects.toMatchObject({ code: 'foreign_endpoint' })
    expect(provider.authorizationUrl).toBeUndefined()
  })
})

describe('T2 CL8 the hostile page redirects to the honest one, with our client id there', () => {
  const honestClient = 'by-hand-at-honest'
  const clients = [{ issuer, clientId: honestClient }]
  const document = { clientMetadataUrl: 'https://app.test/client.json' }

  /** All endpoints of the hostile server are its own; its page sends the browser on. */
  function redirecting(world: World, more: object): void {
    world.prm['authorization_servers'] = [evil]
    world.on(`${evil}/.well-known/oauth-authorization-server`, () =>
      json({
        issuer: evil,
        authorization_endpoint: `${evil}/authorize`,
        token_endpoint: `${evil}/token`,
        code_challenge_methods_supported: ['S256'],
        ...more,
      }),
    )
    world.on(`${evil}/register`, () => json({ client_id: 'at-evil' }, 201))
    world.on(`${evil}/authorize`, ({ url }) => {
      const to = new URL(`${issuer}/authorize${new URL(url).search}`)
      to.searchParams.set('client_id', honestClient)
      return world.fetch(to, { redirect: 'manual' })
    })
  }
  const takesDocuments = { client_id_metadata_document_supported: true }
  const registers = { registration_endpoint: `${evil}/register` }

  test('T2 with a metadata document: registered instead, with a URI that the honest one does not know', async () => {
    const world = createSilentWorld()
    redirecting(world, { ...takesDocuments, ...registers })
    const page = await clientFor(world, { redirect: web, clients, ...document }).authorize(resource)
    expect(page.searchParams.get('client_id')).toBe('at-evil')
    expect(page.searchParams.get('redirect_uri')).toMatch(/\/callback\/[\w-]{16}$/)
  })

  const fixed = (world: World): Redirect => ({
    ...listening(world),
    listen: async () => ({ uri: 'http://127.0.0.1:3000/callback', close: () => undefined }),
  })
  test.each([
    ['a metadata document alone', takesDocuments, () => ({ redirect: web, ...document })],
    ['a redirect with one URI', registers, (world) => ({ redirect: fixed(world) })],
  ] as [string, object, (world: World) => ClientOptions][])(
    'T2 with %s: refused, unless the host has an entry for it',
    async (_, more, options) => {
      const world = createSilentWorld()
      redirecting(world, more)
      const host = options(world)
      await expect(clientFor(world, { clients, ...host }).fetch(resource)).rejects.toMatchObject({
        code: 'shared_redirect',
        message: expect.stringContaining(evil),
      })
      expect(world.to(`${evil}/token`)).toEqual([])
      const vouched = [...clients, { issuer: evil, clientId: 'ours' }]
      expect((await clientFor(world, { clients: vouched, redirect: web }).authorize(resource)).origin).toBe(
        evil,
      )
      // No other issuer's code can come to the URI.
      expect((await clientFor(world, { ...host, redirect: web }).authorize(resource)).origin).toBe(evil)
    },
  )

  test('T2 in the SDK bridge: refused', async () => {
    const world = createSilentWorld()
    redirecting(world, registers)
    const provider = toOAuthClientProvider(clientFor(world, { redirect: web, clients }), resource)
    const state = await provider.state()
    await expect(
      provider.redirectToAuthorization(new URL(`${evil}/authorize?state=${state}`)),
    ).rejects.toMatchObject({ code: 'shared_redirect' })
  })

  test('T2 a hostile server that says it sends iss gets no code without it, nor with that of another', async () => {
    const world = createSilentWorld()
    redirecting(world, { ...takesDocuments, authorization_response_iss_parameter_supported: true })
    const client = clientFor(world, { redirect: web, clients, ...document })
    for (const iss of ['', `&iss=${encodeURIComponent(issuer)}`]) {
      const state = (await client.authorize(resource)).searchParams.get('state')
      const back = await client.callback(new Request(`${web}?code=c&state=${state}${iss}`))
      expect(back.status).toBe(400)
    }
    expect(world.to(`${evil}/token`)).toEqual([])
  })
})
