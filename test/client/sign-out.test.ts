// Signing out ends what is held, whatever discovery says now.
import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, type ClientOptions } from '../../src/client/index.ts'
import {
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

/** All tokens are dead at their issuer, and the next call sends none. */
async function expectSignedOut(world: World, client: ReturnType<typeof createClient>): Promise<void> {
  expect([...world.tokens, ...world.refreshTokens]).toEqual([])
  const before = world.seen.length
  await client.fetch(resource).catch(() => undefined)
  expect(world.seen[before]!.headers.has('authorization')).toBe(false)
}

/** The server names another authorization server from now on. */
function moveTo(world: World, next: string): void {
  nameServer(world, next, 'at-next', { revocation_endpoint: `${next}/revoke` })
  world.on(`${next}/token`, () => {
    world.tokens.set('next-token', { scope: 'read', resource, clientId: 'at-next' })
    return json({ access_token: 'next-token', token_type: 'Bearer' })
  })
  world.on(`${next}/revoke`, ({ body }) => {
    world.tokens.delete(new URLSearchParams(body).get('token')!)
    return new Response(null)
  })
  world.tamper = (url) => url.searchParams.set('iss', next)
}

describe('T3 signing out', () => {
  const spellings = [
    `${resource}/`,
    `${resource}?session=7`,
    `${resource}#x`,
    'HTTPS://MCP.TEST/mcp',
    'https://mcp.test:443/mcp',
    'https://mcp.test/%6dcp',
    'https://mcp.test/other/../mcp',
  ]
  test.each(spellings)('T3 by another spelling of the URL: %s', async (spelling) => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    await client.signOut(spelling)
    expect(world.forms(`${issuer}/revoke`)).toHaveLength(2)
    await expectSignedOut(world, client)
  })

  test('T3 after the metadata moved to another issuer, before any request', async () => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    moveTo(world, 'https://next.test')
    await client.signOut(resource)
    expect(world.to('https://next.test/revoke')).toEqual([])
    await expectSignedOut(world, client)
  })

  test('T3 after the client has dealt with both issuers: both are told, each of its own tokens', async () => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    const [access] = world.tokens.keys()
    const [refresh] = world.refreshTokens.keys()
    moveTo(world, 'https://next.test')
    // The old issuer has the tokens alive; this server takes them no longer.
    const old = world.tokens.get(access!)!
    world.tokens.delete(access!)
    expect((await client.fetch(resource)).status).toBe(200)
    world.tokens.set(access!, old)
    await client.signOut(resource)
    const told = (url: string): (string | undefined)[] => world.forms(url).map(({ token }) => token)
    expect(told(`${issuer}/revoke`)).toEqual([refresh, access])
    expect(told('https://next.test/revoke')).toEqual(['next-token'])
    await expectSignedOut(world, client)
  })

  test('T3 after the identifier of the resource changed', async () => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    const root = 'https://mcp.test/.well-known/oauth-protected-resource'
    world.on(prmUrl, 404)
    world.on(root, { ...world.prm, resource: 'https://mcp.test' })
    const kept = new Map(world.tokens)
    world.tokens.clear()
    expect((await client.fetch(resource)).status).toBe(200)
    for (const [token, grant] of kept) world.tokens.set(token, grant)
    await client.signOut(resource)
    expect(world.forms(`${issuer}/revoke`)).toHaveLength(4)
    await expectSignedOut(world, client)
  })

  test('T3 by the resource identifier, and for another path that uses the same tokens', async () => {
    const root = 'https://mcp.test/.well-known/oauth-protected-resource'
    for (const url of ['https://mcp.test', 'https://mcp.test/', 'https://mcp.test/second']) {
      const world = createWorld()
      world.on(prmUrl, 404)
      world.on(root, { ...world.prm, resource: 'https://mcp.test' })
      world.on('https://mcp.test/second', ({ headers }) =>
        headers.has('authorization') ? json({}) : new Response(null, { status: 401 }),
      )
      const client = clientFor(world)
      await client.fetch(resource)
      await client.fetch('https://mcp.test/second')
      await client.signOut(url)
      await expectSignedOut(world, client)
    }
  })

  test('T3 a URL that the client never dealt with is an error, for each subject', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const client = clientFor(world, { storage })
    await expect(client.signOut(resource)).rejects.toMatchObject({
      code: 'unknown_server',
      message: expect.stringContaining(resource),
    })
    await client.fetch(resource)
    for (const url of ['https://mcp.test/other', 'https://mcp.test/MCP', 'https://other.test/mcp'])
      await expect(client.signOut(url)).rejects.toMatchObject({ code: 'unknown_server' })
    expect(world.tokens.size).toBe(1)
    await client.signOut(resource)
    // Known, and nothing left to end.
    await client.signOut(`${resource}/`)
    expect(world.forms(`${issuer}/revoke`)).toHaveLength(2)
  })

  test('T3 the tokens of another subject stay', async () => {
    const world = createWorld()
    const storage = memoryStorage()
    const alice = clientFor(world, { storage, subject: 'alice' })
    const bob = clientFor(world, { storage, subject: 'bob' })
    await alice.fetch(resource)
    await bob.fetch(resource)
    await alice.signOut(resource)
    expect(world.tokens.size).toBe(1)
    expect((await bob.fetch(resource)).status).toBe(200)
    expect(world.opened).toHaveLength(2)
  })
})

describe('T3 the registration is forgotten before the user signs out', () => {
  test.each(['invalid_client', 'unauthorized_client'])(
    'T3 after %s at the redirect URI: the tokens from before are revoked all the same',
    async (error) => {
      const world = createWorld()
      const client = clientFor(world, { redirect: world.redirect })
      expect((await client.fetch(resource)).status).toBe(200)
      world.needed = ['admin']
      world.tamper = (url) => {
        url.searchParams.delete('code')
        url.searchParams.set('error', error)
      }
      await expect(client.fetch(resource)).rejects.toMatchObject({ code: error })
      await client.signOut(resource)
      expect([...world.tokens, ...world.refreshTokens]).toEqual([])
    },
  )

  test('T3 a client with a secret that is gone: said in an event', async () => {
    const world = createWorld()
    world.on(`${issuer}/revoke`, () => json({ error: 'invalid_client' }, 401))
    const events: string[] = []
    const storage = memoryStorage()
    const onEvent = ({ type }: { type: string }): void => void events.push(type)
    await clientFor(world, { redirect: world.redirect, storage, onEvent }).fetch(resource)
    const { get } = storage
    storage.get = async (key) => (key.endsWith(':client') ? undefined : get(key))
    await clientFor(world, { storage, onEvent }).signOut(resource)
    expect(events).toContain('client.revocation-failed')
  })
})
