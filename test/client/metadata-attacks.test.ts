// Attacks by metadata: another resource, addresses inside, another issuer, hostile documents.
import { describe, expect, test } from 'vitest'
import { createClient, type ClientOptions } from '../../src/client/index.ts'
import { asUrl, createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

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

describe('CL16 hostile documents', () => {
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
})
