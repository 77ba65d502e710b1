// Where tokens, codes and secrets must not go: another issuer or origin, a redirect, an event or error.
import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, type ClientOptions } from '../../src/client/index.ts'
import { createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

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
