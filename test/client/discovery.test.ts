// What a server's documents may claim, how long they may take, and what is said when they do not fit.
import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, MismatchError, type ClientOptions } from '../../src/client/index.ts'
import { OAuthError } from '../../src/errors.ts'
import type { TollgateEvent } from '../../src/types.ts'
import { asUrl, createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

const host = 'https://mcp.test'
const rootUrl = `${host}/.well-known/oauth-protected-resource`
const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

const failure = async (work: Promise<unknown>): Promise<MismatchError> =>
  work.then(
    () => expect.unreachable('it went through'),
    (reason: unknown) => {
      expect(reason).toBeInstanceOf(OAuthError)
      return reason as MismatchError
    },
  )

/** Everything that went out with a token, by URL. */
const withToken = (world: World): string[] =>
  world.seen.filter(({ headers }) => headers.has('authorization')).map(({ url }) => url)

describe('T10 a host of many tenants', () => {
  const tenant = `${host}/b/mcp`
  const tenantPrm = `${rootUrl}/b/mcp`
  /** Another tenant, whose server is hostile. */
  function addTenant(world: World, claimed: string, announced = tenantPrm): void {
    world.on(announced, { resource: claimed, authorization_servers: [issuer] })
    world.on(tenant, () => {
      const challenge = `Bearer scope="read", resource_metadata="${announced}"`
      return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
    })
  }

  test.each([
    ['the host', host, tenantPrm],
    ['the host, from a document of its own', host, `${host}/b/prm.json`],
    ['the path above', `${host}/b`, tenantPrm],
    ['another tenant', resource, tenantPrm],
  ])('T10 CL1 a tenant claims %s: refused, and no token goes there', async (_, claimed, announced) => {
    const world = createWorld()
    const client = clientFor(world, { storage: memoryStorage() })
    await client.fetch(resource)
    addTenant(world, claimed, announced)
    const error = await failure(client.fetch(tenant))
    expect(error.code).toBe('resource_mismatch')
    expect(withToken(world).filter((url) => url.startsWith(tenant))).toEqual([])
    expect(world.opened).toHaveLength(1)
  })

  test('T10 the host says something else about itself than the tenant does: refused', async () => {
    const world = createWorld()
    addTenant(world, host)
    world.on(rootUrl, { resource: `${host}/other`, authorization_servers: [issuer] })
    expect((await failure(clientFor(world).fetch(tenant))).code).toBe('resource_mismatch')
  })

  test('T10 the identifier’s own document confirms it: its word counts, and not the tenant’s', async () => {
    const world = createWorld()
    world.prm = { resource: host, authorization_servers: ['https://evil.test'] }
    world.on(rootUrl, { resource: `${host}/`, authorization_servers: [issuer] })
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
    expect(world.opened[0]!.searchParams.get('resource')).toBe(`${host}/`)
    expect(world.to('https://evil.test')).toEqual([])
  })

  test('T10 a path above, by its own document', async () => {
    const world = createWorld()
    const own = `${rootUrl}/a`
    world.on(`${host}/a/mcp`, ({ headers }) => {
      if (headers.has('authorization')) return json({ ok: true })
      const challenge = `Bearer resource_metadata="${own}"`
      return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
    })
    world.on(own, { resource: `${host}/a`, authorization_servers: [issuer] })
    expect((await clientFor(world).fetch(`${host}/a/mcp`)).status).toBe(200)
  })

  const targets = ['/b/mcp', '/', '/mcpx', '/mcp/../b/mcp', 'https://mcp.test/b/mcp', '//mcp.test/b', '/MCP']
  const moves = [307, 308].flatMap((status) => targets.map((target) => [status, target] as const))
  test.each(moves)('T10 CL10 %i to %s carries no token to another path', async (status, target) => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    world.on(resource, () => new Response(null, { status, headers: { location: target } }))
    const before = world.seen.length
    const response = await client.fetch(resource, { method: 'POST', body: '{}' })
    expect(response.status).toBe(status)
    expect(world.seen.slice(before).map(({ url }) => url)).toEqual([resource])
  })

  test.each(['/mcp/', '/mcp/v2', '/mcp?page=2'])(
    'T10 a redirect within the resource is followed: %s',
    async (target) => {
      const world = createWorld()
      const client = clientFor(world)
      await client.fetch(resource)
      const url = new URL(target, host).href
      world.on(resource, ({ url: at }) =>
        at === resource
          ? new Response(null, { status: 307, headers: { location: target } })
          : json({ ok: true }),
      )
      if (!target.includes('?')) world.on(url, { ok: true })
      expect((await client.fetch(resource)).status).toBe(200)
      expect(withToken(world).at(-1)).toBe(url)
    },
  )
})

describe('T13 text of strangers in our voice', () => {
  const escapes = ['\u001b]0;owned\u0007', '\u009b31m', 'a\nb', '\u202eevil', 'ü', 'a b', '\u007f']
  const places: [string, (world: World, text: string) => void][] = [
    ['resource', (world, text) => (world.prm['resource'] = `${resource}${text}`)],
    ['authorization_servers', (world, text) => (world.prm['authorization_servers'] = [`${issuer}/${text}`])],
    ['issuer', (world, text) => (world.metadata['issuer'] = `${issuer}/${text}`)],
    ['token_endpoint', (world, text) => (world.metadata['token_endpoint'] = `${issuer}/token?${text}`)],
    [
      'authorization_endpoint',
      (world, text) => (world.metadata['authorization_endpoint'] = `${issuer}/a?${text}`),
    ],
  ]
  const rows = places.flatMap(([name, plant]) => escapes.map((text) => [name, text, plant] as const))
  test.each(rows)('T13 %s with %j is refused at parsing', async (_, text, plant) => {
    const world = createWorld()
    plant(world, text)
    const events: string[] = []
    const client = clientFor(world, { onEvent: (event) => void events.push(JSON.stringify(event)) })
    const error = await failure(client.fetch(resource))
    expect(error.code).toBe('invalid_response')
    for (const told of [error.message, ...events]) expect(told).toMatch(/^[\x20-\x7e…]*$/)
    expect(world.opened).toEqual([])
  })

  test.each(escapes.slice(0, 5))('T13 error_description and iss with %j', async (text) => {
    const world = createWorld()
    world.on(`${issuer}/token`, () => json({ error: 'invalid_grant', error_description: `no ${text}` }, 400))
    const refused = await failure(clientFor(world).fetch(resource))
    world.tamper = (back) => back.searchParams.set('iss', `https://evil.test/${text}`)
    const foreign = await failure(clientFor(world).fetch(resource))
    expect(foreign.code).toBe('invalid_callback')
    for (const told of [refused.message, foreign.message]) expect(told).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })
})

describe('T21 one time budget for a whole discovery', () => {
  test('T21 CL16 slow metadata of many listed issuers: the call ends, and asks no more', async () => {
    const world = createWorld()
    const listed = Array.from({ length: 50 }, (_, i) => `https://as${i}.test/tenant`)
    world.prm['authorization_servers'] = listed
    const began = world.now
    const slow: typeof fetch = async (input, init) => {
      const response = await world.fetch(input, init)
      if (String(input).includes('.well-known')) world.now += 4
      return response
    }
    const error = await failure(clientFor(world, { fetch: slow }).fetch(resource))
    expect(['temporarily_unavailable', 'no_metadata']).toContain(error.code)
    expect(world.now - began).toBeLessThanOrEqual(20)
    expect(world.to('https://as').length).toBeLessThanOrEqual(4)
  })

  test('T21 an unhurried server within the budget is used', async () => {
    const world = createWorld()
    const slow: typeof fetch = async (input, init) => {
      const response = await world.fetch(input, init)
      if (String(input).includes('.well-known')) world.now += 4
      return response
    }
    expect((await clientFor(world, { fetch: slow }).fetch(resource)).status).toBe(200)
  })
})

describe('U5 an error says what came, what was expected, and where', () => {
  const run = async (
    change: (world: World) => void,
  ): Promise<{ error: MismatchError; event: TollgateEvent | undefined }> => {
    const world = createWorld()
    change(world)
    const events: TollgateEvent[] = []
    const error = await failure(
      clientFor(world, { onEvent: (event) => void events.push(event) }).fetch(`${resource}?key=secret`),
    )
    expect(JSON.stringify([error, String(error), events])).not.toContain('secret')
    return { error, event: events.find(({ type }) => type === 'client.discovery-failed') }
  }

  test('U5 resource_mismatch', async () => {
    const received = 'https://mcp.test/other'
    const { error, event } = await run((world) => (world.prm['resource'] = received))
    expect(error).toMatchObject({
      code: 'resource_mismatch',
      received,
      expected: resource,
      documentUrl: prmUrl,
    })
    for (const part of [received, resource, prmUrl]) expect(error.message).toContain(part)
    expect(event).toMatchObject({ error: 'resource_mismatch', received, expected: resource, resource })
  })

  test('U5 issuer_mismatch', async () => {
    const received = `${issuer}/`
    const { error, event } = await run((world) => (world.metadata['issuer'] = received))
    expect(error).toMatchObject({ code: 'issuer_mismatch', received, expected: issuer, documentUrl: asUrl })
    for (const part of [`"${received}"`, `"${issuer}"`, asUrl]) expect(error.message).toContain(part)
    expect(event).toMatchObject({ error: 'issuer_mismatch', received, expected: issuer, resource })
  })

  test('U5 no_metadata', async () => {
    const { error, event } = await run((world) => {
      world.on(prmUrl, 404)
      world.on(`${host}/.well-known/oauth-authorization-server`, () => new Response('<html>'))
    })
    expect(error.code).toBe('no_metadata')
    for (const part of [resource, `${prmUrl} (404)`, 'oauth-authorization-server (no JSON object)'])
      expect(error.message).toContain(part)
    expect(event).toMatchObject({ error: 'no_metadata', resource })
  })

  test('U5 RC3 error_description of the token endpoint and of the authorization page', async () => {
    const text = 'Scope read is not registered'
    const world = createWorld()
    const events: TollgateEvent[] = []
    const options = { onEvent: (event: TollgateEvent): void => void events.push(event) }
    world.on(`${issuer}/token`, () => json({ error: 'invalid_scope', error_description: text }, 400))
    expect((await failure(clientFor(world, options).fetch(resource))).message).toContain(text)
    expect(events.at(-1)).toMatchObject({ type: 'client.authorization-failed', error: 'invalid_scope' })
    expect(events.at(-1)!.detail).toContain(text)
    world.tamper = (back) => {
      back.searchParams.delete('code')
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_description', text)
    }
    const denied = await failure(clientFor(world, options).fetch(resource))
    expect(denied).toMatchObject({ code: 'access_denied', message: expect.stringContaining(text) })
    expect(events.at(-1)!.detail).toContain(text)
  })

  test('RC3 an error code that a browser makes up is neither thrown nor told', async () => {
    const world = createWorld()
    const events: TollgateEvent[] = []
    world.tamper = (back) => {
      back.searchParams.delete('code')
      back.searchParams.set('error', 'junk_aa')
    }
    const client = clientFor(world, { onEvent: (event) => void events.push(event) })
    expect(await failure(client.fetch(resource))).toMatchObject({ code: 'invalid_response' })
    expect(events.at(-1)).toMatchObject({ type: 'client.authorization-failed', error: 'invalid_response' })
    expect(JSON.stringify(events)).not.toContain('junk')
  })

  test('U5 error_description of a refused refresh', async () => {
    const world = createWorld()
    const events: TollgateEvent[] = []
    const client = clientFor(world, { onEvent: (event) => void events.push(event) })
    await client.fetch(resource)
    world.now += 901
    world.tokens.clear()
    world.on(`${issuer}/token`, () =>
      json({ error: 'invalid_grant', error_description: 'The user is gone' }, 400),
    )
    await failure(client.fetch(resource))
    expect(events.find(({ type }) => type === 'client.refresh-refused')!.detail).toContain('The user is gone')
  })
})
