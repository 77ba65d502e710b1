// Which MCP server a client's credentials are for.
import { describe, expect, test } from 'vitest'
import {
  AuthorizationRequiredError,
  clientCredentials,
  createClient,
  enterpriseManaged,
  memoryStorage,
  workloadIdentity,
  type AuthorizationRequest,
  type ClientOptions,
  type UnattendedGrant,
} from '../../src/client/index.ts'
import { github } from '../../src/provider/github.ts'
import { okta } from '../../src/provider/okta.ts'
import { createWorld, issuer, json, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

/** A provider that takes no `resource`, so its tokens are good at every server that trusts it. */
const unbound = { issuer, client: { resource: 'omit' as const } }
const entry = { issuer, clientId: 'by-hand', clientSecret: 's' }
const forHere = { ...entry, servers: [resource] }
const foreign = 'https://foreign.test/mcp'

/** Another server, which names the same authorization server and asks for a scope of its choice. */
function addForeignServer(world: World): void {
  const prm = 'https://foreign.test/.well-known/oauth-protected-resource/mcp'
  world.on(prm, { resource: foreign, authorization_servers: [issuer] })
  world.on(foreign, () => {
    const challenge = `Bearer scope="admin", resource_metadata="${prm}"`
    return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
  })
}

describe('T1 an entry in "clients" whose provider does not bind tokens to a resource', () => {
  test.each([
    ['a preset', okta({ domain: 'example.okta.com' })],
    ['another preset', github({ clientId: 'c', clientSecret: 's' })],
    ['own data', unbound],
  ])('T1 %s: without servers it is refused at construction', (_, provider) => {
    const client = { issuer: provider.issuer, clientId: 'c', clientSecret: 's' }
    const make = (more: object): unknown =>
      createClient({ clients: [{ ...client, ...more }], providers: [provider] })
    const expected = (option: string): object =>
      expect.objectContaining({ name: 'ConfigurationError', option: `clients[0].${option}` })
    for (const wrong of [{}, { servers: [] }]) expect(() => make(wrong)).toThrow(expected('servers') as Error)
    for (const wrong of ['mcp', `${resource}#x`])
      expect(() => make({ servers: [wrong] })).toThrow(expected('servers[0]') as Error)
    expect(() => make({})).toThrow(provider.issuer)
    make({ servers: [resource] })
  })

  const ways: [string, Partial<ClientOptions>][] = [
    ['a user', {}],
    ['client credentials', { grant: clientCredentials() }],
    ['a workload', { grant: workloadIdentity({ assertion: () => 'jwt' }) }],
    [
      'an organisation',
      {
        grant: enterpriseManaged({
          tokenEndpoint: 'https://idp.test/token',
          clientId: 'c',
          idToken: () => 'id',
        }),
      },
    ],
  ]
  test.each(ways)('T1 %s: a server that is not named is refused before anything is sent', async (_, way) => {
    const world = createWorld()
    addForeignServer(world)
    const clients = [{ ...entry, servers: [resource] }]
    const client = clientFor(world, { clients, providers: [unbound], ...way })
    await expect(client.fetch(foreign)).rejects.toMatchObject({
      code: 'server_not_allowed',
      message: expect.stringContaining(foreign),
    })
    await expect(client.authorize(foreign)).rejects.toMatchObject({ code: 'server_not_allowed' })
    expect(world.opened).toEqual([])
    for (const url of [`${issuer}/token`, `${issuer}/register`, 'https://idp.test'])
      expect(world.to(url)).toEqual([])
  })

  test('T1 the server that is named gets its token, and so do the paths below it', async () => {
    const world = createWorld()
    const clients = [{ ...entry, servers: ['https://mcp.test'] }]
    const client = clientFor(world, { clients, providers: [unbound] })
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.opened[0]!.searchParams.get('client_id')).toBe('by-hand')
  })

  test('T1 several entries for one issuer: each for its servers', async () => {
    const world = createWorld()
    const clients = [
      { ...entry, clientId: 'other', servers: ['https://other.test/mcp'] },
      { ...entry, servers: [resource] },
    ]
    expect((await clientFor(world, { clients, providers: [unbound] }).fetch(resource)).status).toBe(200)
    expect(world.opened[0]!.searchParams.get('client_id')).toBe('by-hand')
  })

  test('T1 a server that was taken off the list gets no token from before', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const of = (servers: string[]): ReturnType<typeof createClient> =>
      clientFor(world, { storage, clients: [{ ...entry, servers }], providers: [unbound] })
    await of([resource]).fetch(resource)
    const before = world.to(resource).length
    await expect(of(['https://other.test/mcp']).fetch(resource)).rejects.toMatchObject({
      code: 'server_not_allowed',
    })
    expect(world.to(resource)).toHaveLength(before)
  })

  test('T1 servers hold for a provider that binds, too, if they are given', async () => {
    const world = createWorld()
    addForeignServer(world)
    const client = clientFor(world, { clients: [{ ...entry, servers: [resource] }] })
    await expect(client.fetch(foreign)).rejects.toMatchObject({ code: 'server_not_allowed' })
  })

  test('T1 without a user a client of askForClient is refused, too', async () => {
    const world = createWorld()
    addForeignServer(world)
    const askForClient = (): { clientId: string; clientSecret: string } => ({
      clientId: 'c',
      clientSecret: 's',
    })
    const client = clientFor(world, { askForClient, providers: [unbound], grant: clientCredentials() })
    await expect(client.fetch(foreign)).rejects.toMatchObject({ code: 'server_not_allowed' })
    expect(world.to(`${issuer}/token`)).toEqual([])
  })
})

describe('T1 without a user, scopes stay within those that were configured', () => {
  const idp = 'https://idp.test/token'
  const grants: [string, () => UnattendedGrant][] = [
    ['client credentials', clientCredentials],
    ['workload', () => workloadIdentity({ assertion: () => 'jwt' })],
    ['enterprise', () => enterpriseManaged({ tokenEndpoint: idp, clientId: 'c', idToken: () => 'id' })],
  ]
  const challenges: [string | undefined, string[], string][] = [
    ['admin', ['read'], 'read'],
    ['read admin', ['read', 'write'], 'read'],
    [undefined, ['read'], 'read'],
    ['read', ['read', 'write'], 'read'],
  ]
  const rows = grants.flatMap(([name, make]) =>
    challenges.map(([challenge, scopes, asked]) => [name, challenge, scopes, asked, make] as const),
  )
  test.each(rows)('T1 %s: challenge %s, configured %j: %s', async (_, challenge, scopes, asked, make) => {
    const world = createWorld()
    world.prm['scopes_supported'] = ['admin', 'read']
    world.challengeScope = challenge
    const issued = 'urn:ietf:params:oauth:token-type:id-jag'
    world.on(idp, () => json({ access_token: 'jag', token_type: 'N_A', issued_token_type: issued }))
    const client = clientFor(world, { clients: [forHere], grant: make(), scopes })
    expect((await client.fetch(resource)).status).toBe(200)
    const sent = [...world.forms(`${issuer}/token`), ...world.forms(idp)]
    expect(sent.map(({ scope }) => scope)).toEqual(sent.map(() => asked))
  })

  test('T1 an entry without its servers is refused at construction: every server that names the issuer would get a token', () => {
    for (const [, make] of grants)
      expect(() => createClient({ clients: [entry], grant: make(), scopes: ['read'] })).toThrow(
        expect.objectContaining({ option: 'clients[0].servers' }),
      )
  })

  test('T1 another server gets none, whatever it asks for', async () => {
    const world = createWorld()
    world.challengeScope = 'admin'
    const elsewhere = { ...entry, servers: ['https://other.test/mcp'] }
    for (const [, make] of grants)
      await expect(
        clientFor(world, { clients: [elsewhere], grant: make() }).fetch(resource),
      ).rejects.toMatchObject({ code: 'server_not_allowed' })
    expect(world.forms(`${issuer}/token`)).toEqual([])
  })

  test('T1 a step-up beyond them is the 403 of the server, without another token', async () => {
    const world = createWorld()
    const events: object[] = []
    const options = { clients: [forHere], grant: clientCredentials(), scopes: ['read'] }
    const client = clientFor(world, { ...options, onEvent: (event) => void events.push(event) })
    await client.fetch(resource)
    world.needed = ['read', 'admin']
    expect((await client.fetch(resource)).status).toBe(403)
    expect(world.forms(`${issuer}/token`)).toHaveLength(1)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'client.step-up-refused', missingScopes: ['admin'] }),
    )
  })
})

describe('T1 the user is told which server asks for what', () => {
  test('T1 by the error, on the web', async () => {
    const world = createWorld()
    const client = clientFor(world, { redirect: 'https://app.test/callback' })
    const error: unknown = await client.fetch(`${resource}?key=secret`).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AuthorizationRequiredError)
    const { request, message } = error as AuthorizationRequiredError
    expect(request).toEqual({ server: resource, issuer, scopes: ['read'] })
    for (const part of [resource, issuer, 'read']) expect(message).toContain(part)
    expect(message).not.toContain('secret')
  })

  test('T1 by the redirect, on the own machine', async () => {
    const world = createWorld()
    const told: AuthorizationRequest[] = []
    const { listen, open } = world.redirect
    await clientFor(world, {
      redirect: {
        listen,
        open(url, request) {
          told.push(request)
          return open(url, request)
        },
      },
    }).fetch(resource)
    expect(told).toEqual([{ server: resource, issuer, scopes: ['read'] }])
  })
})
