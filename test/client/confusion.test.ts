// What two parts of the client could read differently, and what only the MCP server says.
import { describe, expect, test } from 'vitest'
import {
  createClient,
  memoryStorage,
  workloadIdentity,
  type Client,
  type ClientOptions,
} from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { createWorld, issuer, json, resource, type World } from '../support/client-world.ts'

const web = 'https://app.test/callback'
const clientFor = (world: World, options: ClientOptions): Client =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: web, ...options })

describe('T1 S2 the list of servers is compared with the URL that is requested', () => {
  const entry = { issuer, clientId: 'c', servers: ['https://mcp.test/tenant-a'] }
  const climbing = [
    '/tenant-a/../tenant-b/mcp',
    '/tenant-a/%2e%2E/tenant-b/mcp',
    '/tenant-a/..%2ftenant-b/mcp',
    '/tenant-a/x%2F..%2F../tenant-b/mcp',
    '/tenant-a/..%5Ctenant-b/mcp',
    '/tenant-a/..;/tenant-b/mcp',
    '/tenant-a/%2e%2e;x/tenant-b/mcp',
  ]

  test.each(climbing)('T1 %s is not below /tenant-a', async (path) => {
    const world = createWorld()
    const server = `https://mcp.test${path}`
    const own = new URL(server)
    world.on(own.origin + own.pathname, () => new Response(null, { status: 401 }))
    for (const name of [server, own.href])
      world.on(`https://mcp.test/.well-known/oauth-protected-resource${own.pathname}`, () =>
        json({ resource: name, authorization_servers: [issuer] }),
      )
    const client = clientFor(world, { clients: [entry] })
    await expect(client.authorize(server)).rejects.toMatchObject({ name: 'OAuthError' })
    await expect(client.fetch(server)).rejects.toMatchObject({ code: 'server_not_allowed' })
    const provider = toOAuthClientProvider(client, server)
    await expect(provider.clientInformation({ issuer })).rejects.toMatchObject({ code: 'server_not_allowed' })
    expect(world.to(`${issuer}/token`)).toEqual([])
  })

  test('T1 what is below stays below', async () => {
    const world = createWorld()
    const server = 'https://mcp.test/tenant-a/team%2Fnotes/mcp'
    world.on('https://mcp.test/.well-known/oauth-protected-resource/tenant-a/team%2Fnotes/mcp', {
      resource: server,
      authorization_servers: [issuer],
    })
    const url = await clientFor(world, { clients: [entry] }).authorize(server)
    expect(url.searchParams.get('resource')).toBe(server)
  })
})

describe('S5 an unknown user is no user', () => {
  test.each([undefined, null, '', 7, {}])('S5 subject %j is a ConfigurationError', (subject) => {
    expect(() => createClient({ subject: subject as never })).toThrow(
      expect.objectContaining({ name: 'ConfigurationError', option: 'subject' }),
    )
  })

  test('S5 without the option there is one user', () => {
    expect(createClient({})).toBeDefined()
  })

  test('S5 no server and subject are kept under the name of another pair', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const at = (server: string, subject: string): ReturnType<typeof toOAuthClientProvider> =>
      toOAuthClientProvider(clientFor(world, { storage, subject }), server)
    const victim = at(resource, 'alice bob')
    await victim.saveCodeVerifier('verifier of alice')
    await expect(at(`${resource} alice`, 'bob').codeVerifier()).rejects.toMatchObject({
      code: 'invalid_callback',
    })
    expect(await victim.codeVerifier()).toBe('verifier of alice')
  })
})

describe('CL2 SSRF: who speaks for an address inside has to be there', () => {
  const inside = 'http://mcp:3000'
  const endpoints = ['registration_endpoint', 'authorization_endpoint', 'token_endpoint']

  test.each(endpoints)('CL2 a public issuer cannot name %s at an origin that is allowed', async (name) => {
    const world = createWorld()
    world.metadata[name] = `${inside}/admin`
    world.on(`${inside}/admin`, () => json({ client_id: 'x' }, 201))
    const client = clientFor(world, { dangerouslyAllowOrigins: [inside] })
    await expect(client.authorize(resource)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(world.to(inside)).toEqual([])
  })

  test('CL2 nor a revocation endpoint: the user is signed out here all the same', async () => {
    const world = createWorld()
    world.metadata['revocation_endpoint'] = `${inside}/admin`
    const events: string[] = []
    const onEvent = ({ type }: { type: string }): void => void events.push(type)
    const redirect = world.redirect
    const client = clientFor(world, { dangerouslyAllowOrigins: [inside], redirect, onEvent })
    expect((await client.fetch(resource)).status).toBe(200)
    await client.signOut(resource)
    expect(world.to(inside)).toEqual([])
    expect(events).toContain('client.revocation-failed')
    expect(events).toContain('client.signed-out')
  })

  test('CL2 nor on the machine of the user, if the MCP server is there', async () => {
    const world = createWorld()
    const local = 'http://127.0.0.1:3001'
    world.metadata['registration_endpoint'] = 'http://127.0.0.1:9999/admin'
    world.on(`${local}/mcp`, () => new Response(null, { status: 401 }))
    world.on(`${local}/.well-known/oauth-protected-resource/mcp`, {
      resource: `${local}/mcp`,
      authorization_servers: [issuer],
    })
    const client = clientFor(world, { redirect: world.redirect })
    await expect(client.fetch(`${local}/mcp`)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(world.to('http://127.0.0.1:9999')).toEqual([])
  })

  test.each([
    ['its entry', { clients: [{ issuer, clientId: 'c' }] }],
    ['a preset', { providers: [{ issuer }] }],
  ] as [string, ClientOptions][])(
    'CL2 unless the host vouches for the issuer with %s',
    async (_, options) => {
      const world = createWorld()
      world.metadata['authorization_endpoint'] = `${inside}/authorize`
      world.metadata['authorization_response_iss_parameter_supported'] = true
      const client = clientFor(world, { dangerouslyAllowOrigins: [inside], ...options })
      expect((await client.authorize(resource)).origin).toBe(inside)
    },
  )

  test.each(['HTTPS://app.test/callback', 'http://app.test/callback'])(
    'T4 a redirect that ends at %s is not on the machine of the user',
    async (uri) => {
      const world = createWorld()
      world.on('http://127.0.0.1:5000/_admin', () => new Response('secret'))
      const client = clientFor(world, { redirect: { ...world.redirect, uri } })
      await expect(client.fetch('http://127.0.0.1:5000/_admin')).rejects.toMatchObject({
        code: 'invalid_request',
      })
      expect(world.seen).toEqual([])
    },
  )
})

describe('CL9 what a grant without a user sends goes to issuers that the application names', () => {
  const evil = 'https://evil.test'
  const documents = { clientMetadataUrl: 'https://app.test/client.json' }

  test.each([
    ['no entry', {}],
    ['an entry for another issuer', { clients: [{ issuer, clientId: 'c', servers: [resource] }] }],
    ['an answer of askForClient', { askForClient: () => ({ clientId: 'c' }) }],
  ] as [string, ClientOptions][])(
    'CL9 %s: no assertion for the issuer of a hostile server',
    async (_, more) => {
      const world = createWorld()
      world.prm['authorization_servers'] = [evil]
      world.on(`${evil}/.well-known/oauth-authorization-server`, {
        issuer: evil,
        token_endpoint: `${evil}/token`,
        client_id_metadata_document_supported: true,
      })
      const asked: string[] = []
      const assertion = (at: string): string => {
        asked.push(at)
        return 'workload.jwt'
      }
      const options = { ...documents, ...more, grant: workloadIdentity({ assertion }) }
      await expect(clientFor(world, options).fetch(resource)).rejects.toMatchObject({
        code: 'server_not_allowed',
        message: expect.stringContaining(evil),
      })
      expect(asked).toEqual([])
      expect(world.to(`${evil}/token`)).toEqual([])
    },
  )

  test('CL9 a provider that the host lists gets it, by the metadata document', async () => {
    const world = createWorld()
    world.metadata['client_id_metadata_document_supported'] = true
    const grant = workloadIdentity({ assertion: () => 'workload.jwt' })
    const client = clientFor(world, { ...documents, providers: [{ issuer }], grant })
    expect((await client.fetch(resource)).status).toBe(200)
  })
})

describe('an issuer that reads like another one', () => {
  test.each([
    'https://as.test@evil.test',
    'https://as.test:pw@evil.test/',
    'https://evil.test\\@as.test',
    'https:evil.test',
    'https:/evil.test',
    'https:///evil.test',
  ])('%s is no authorization server', async (odd) => {
    const world = createWorld()
    world.prm['authorization_servers'] = [odd]
    const { origin, pathname } = new URL(odd)
    const at = `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`
    world.on(at, { ...world.metadata, issuer: odd })
    await expect(clientFor(world, {}).fetch(resource)).rejects.toMatchObject({ code: 'invalid_response' })
    expect(world.to('https://evil.test')).toEqual([])
  })
})

describe('RFC 8414 §2: an issuer has no query and no fragment', () => {
  test.each(['?', '?a=b', '#', '#x', '/%3f?'])(
    'a document that strangers can put there (…%s) is no authorization server',
    async (end) => {
      const world = createWorld()
      const odd = `https://files.test/u/evil.json${end}`
      world.prm['authorization_servers'] = [odd]
      world.on('https://files.test/u/evil.json', { ...world.metadata, issuer: odd })
      await expect(clientFor(world, {}).authorize(resource)).rejects.toMatchObject({
        code: 'invalid_response',
      })
      expect(world.to('https://files.test')).toEqual([])
    },
  )
})
