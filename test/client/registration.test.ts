import { describe, expect, test } from 'vitest'
import { createClient, memoryStorage, type ClientOptions } from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import type { TollgateEvent } from '../../src/types.ts'
import { createWorld, issuer, json, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

/** The scopes of each registration. */
const registrations = (world: World): (string | undefined)[] =>
  world.to(`${issuer}/register`).map(({ body }) => (JSON.parse(body) as { scope?: string }).scope)

const asked = (world: World): (string | null)[] => world.opened.map((url) => url.searchParams.get('scope'))

/** A server that lets a client ask only for the scopes that it registered. */
function strictWorld(...scopes: string[]): World {
  const world = createWorld()
  world.boundScopes = scopes
  return world
}

describe('RC3 a server that binds a client to its registered scopes', () => {
  test('RC3 registered are the challenge, what the resource lists, and offline_access if the server lists it', async () => {
    const world = strictWorld('read', 'write', 'offline_access')
    world.prm['scopes_supported'] = ['write', 'offline_access']
    world.metadata['scopes_supported'] = ['read', 'write', 'offline_access']
    expect((await clientFor(world).fetch(resource)).status).toBe(200)
    expect(registrations(world).map((scope) => scope?.split(' ').toSorted())).toEqual([
      ['offline_access', 'read', 'write'],
    ])
    expect(asked(world)).toEqual(['read offline_access'])
  })

  test('RC3 step-up beyond what is registered registers anew, for all of it; within it, it does not', async () => {
    const world = strictWorld('read', 'write', 'admin')
    world.prm['scopes_supported'] = ['read', 'write']
    const client = clientFor(world)
    await client.fetch(resource)
    world.needed = ['write']
    expect((await client.fetch(resource)).status).toBe(200)
    expect(registrations(world)).toEqual(['read write'])
    world.needed = ['admin']
    expect((await client.fetch(resource)).status).toBe(200)
    expect(registrations(world)).toEqual(['read write', 'read write admin'])
    expect(asked(world)).toEqual(['read', 'read write', 'read write admin'])
  })

  test('RC3 a scope that the server does not register: without it, then without any', async () => {
    const world = strictWorld('read')
    world.prm['scopes_supported'] = ['read', 'unknown']
    const events: TollgateEvent[] = []
    const client = clientFor(world, { onEvent: (event) => events.push(event) })
    expect((await client.fetch(resource)).status).toBe(200)
    expect(registrations(world)).toEqual(['read unknown', 'read'])
    const refusals = events.filter(({ type }) => type === 'client.registration-refused')
    expect(refusals).toMatchObject([
      { error: 'invalid_client_metadata', detail: 'scope must only contain …' },
    ])

    const other = createWorld()
    other.on(`${issuer}/register`, ({ body }) =>
      body.includes('"scope"') ? json({ error: 'invalid_request' }, 400) : json({ client_id: 'plain' }, 201),
    )
    const storage = memoryStorage()
    expect((await clientFor(other, { storage }).fetch(resource)).status).toBe(200)
    expect(registrations(other)).toEqual(['read', undefined])
    // What was refused is not tried again each time.
    other.needed = ['write']
    expect((await clientFor(other, { storage }).fetch(resource)).status).toBe(200)
    expect(registrations(other)).toHaveLength(2)
  })

  test('RC3 a registration that is refused for another reason is not repeated, and one that worked stays in use', async () => {
    const world = createWorld()
    const client = clientFor(world)
    await client.fetch(resource)
    world.on(`${issuer}/register`, () => json({ error: 'access_denied' }, 403))
    world.needed = ['write']
    expect((await client.fetch(resource)).status).toBe(200)
    expect(registrations(world)).toEqual(['read', 'read write'])
    await expect(clientFor(world).fetch(resource)).rejects.toMatchObject({ code: 'access_denied' })
    expect(registrations(world)).toHaveLength(3)
  })

  test('RC3 invalid_scope: the cleaned description is in the error and the event; the next attempt registers scopes', async () => {
    const world = strictWorld('read')
    const storage = memoryStorage()
    const events: TollgateEvent[] = []
    const told: unknown[] = []
    // A registration of the SDK's, which says nothing about scopes.
    const redirect = 'https://app.test/callback'
    const options: ClientOptions = {
      storage,
      redirect,
      onEvent: (event) => events.push(event),
      onError: (error) => void told.push(error),
    }
    const client = clientFor(world, options)
    const answer = await world.fetch(`${issuer}/register`, { method: 'POST', body: '{}' })
    const information = { ...((await answer.json()) as { client_id: string }), redirect_uris: [redirect] }
    await toOAuthClientProvider(client, resource).saveClientInformation(information, { issuer })
    const callback = async (): Promise<Response> => {
      const page = await client.authorize(resource)
      const back = (await world.fetch(page, { redirect: 'manual' })).headers.get('location')!
      return client.callback(new Request(back))
    }
    expect((await callback()).status).toBe(400)
    expect(told).toMatchObject([
      { code: 'invalid_scope', message: expect.stringContaining('may not ask for  this') },
    ])
    expect(events.filter(({ error }) => error === 'invalid_scope')).toMatchObject([
      { type: 'client.authorization-failed', detail: expect.stringContaining('may not ask for') },
    ])
    expect((await callback()).status).toBe(200)
    expect(registrations(world)).toEqual([undefined, 'read'])
  })
})

describe('RC11 optional members that are empty', () => {
  test.each([
    ['an empty secret', { client_secret: '' }],
    ['no secret', { client_secret: null, token_endpoint_auth_method: null }],
    ['an empty method', { client_secret: '', token_endpoint_auth_method: '', client_secret_expires_at: '' }],
    [
      'a method that needs the secret',
      { client_secret: '', token_endpoint_auth_method: 'client_secret_post' },
    ],
  ])('RC11 a registration with %s is one of a public client', async (_, members) => {
    const world = createWorld()
    world.on(`${issuer}/register`, () => json({ client_id: 'public', ...members }, 201))
    const client = clientFor(world)
    expect((await client.fetch(resource)).status).toBe(200)
    const [form] = world.forms(`${issuer}/token`)
    expect(form).toMatchObject({ client_id: 'public' })
    expect(form).not.toHaveProperty('client_secret')
    expect(world.to(`${issuer}/token`)[0]!.headers.has('authorization')).toBe(false)
  })

  test.each([
    ['no client id', { client_id: '' }],
    ['null', { client_id: null }],
    ['a number', { client_id: 7 }],
    ['no object', null],
    ['a list', []],
  ])('RC11 a registration with %s is an error, and not stored', async (_, answer) => {
    const world = createWorld()
    const client = clientFor(world)
    world.on(`${issuer}/register`, () => json(answer, 201))
    for (const attempt of [1, 2]) {
      await expect(client.fetch(resource)).rejects.toMatchObject({
        name: 'OAuthError',
        code: 'invalid_response',
      })
      expect(world.to(`${issuer}/register`)).toHaveLength(attempt)
    }
    expect(world.opened).toEqual([])
  })

  test('RC11 a secret that ends at a time in text has ended then', async () => {
    const world = createWorld()
    world.on(`${issuer}/register`, () =>
      json({ client_id: 'c', client_secret: 's', client_secret_expires_at: String(world.now + 100) }, 201),
    )
    const client = clientFor(world)
    await client.fetch(resource)
    world.now += 101
    world.tokens.clear()
    world.refreshTokens.clear()
    await client.fetch(resource)
    expect(world.to(`${issuer}/register`)).toHaveLength(2)
  })

  test.each([
    ['empty', { refresh_token: '', expires_in: '', scope: '' }],
    ['null', { refresh_token: null, expires_in: null, scope: null, error: null }],
    ['of another type', { refresh_token: {}, expires_in: true, scope: ['admin'] }],
    ['endless', { expires_in: '1e999' }],
  ])('RC11 tokens whose optional members are %s: they are absent', async (_, members) => {
    const world = createWorld()
    world.on(`${issuer}/token`, () => {
      world.tokens.set('plain', { scope: 'read', resource, clientId: 'c' })
      return json({ access_token: 'plain', token_type: 'Bearer', ...members })
    })
    const client = clientFor(world)
    await client.fetch(resource)
    world.now += 100_000
    expect((await client.fetch(resource)).status).toBe(200)
    world.tokens.clear()
    expect((await client.fetch(resource)).status).toBe(200)
    const grants = world.forms(`${issuer}/token`).map((form) => form['grant_type'])
    expect(grants).toEqual(['authorization_code', 'authorization_code'])
    expect(asked(world)).toEqual(['read', 'read'])
  })

  test('RC11 the bridge keeps no empty secret and no empty refresh token', async () => {
    const world = createWorld()
    const redirect = 'https://app.test/callback'
    const provider = toOAuthClientProvider(clientFor(world, { redirect }), resource)
    const information = { client_id: 'c', client_secret: '', redirect_uris: [redirect] }
    await provider.saveClientInformation(information, { issuer })
    expect((await provider.clientInformation({ issuer }))?.client_secret).toBeUndefined()
    const tokens = { access_token: 'a', token_type: 'Bearer', refresh_token: '', scope: '' }
    await provider.saveTokens(tokens, { issuer })
    expect(await provider.tokens({ issuer })).toEqual({ access_token: 'a', token_type: 'bearer', issuer })
  })

  test('RC11 a client that a user typed in: an empty secret or id counts as absent', async () => {
    const world = createWorld()
    delete world.metadata['registration_endpoint']
    const typed = clientFor(world, { askForClient: () => ({ clientId: 'typed', clientSecret: '' }) })
    expect((await typed.fetch(resource)).status).toBe(200)
    expect(world.forms(`${issuer}/token`)[0]).toMatchObject({ client_id: 'typed' })
    await expect(
      clientFor(world, { askForClient: () => ({ clientId: '' }) }).fetch(resource),
    ).rejects.toMatchObject({ code: 'registration_unavailable' })
    const clients = [{ issuer, clientId: 'c', clientSecret: '' }]
    expect(() => createClient({ clients })).toThrow('clients[0].clientSecret')
  })
})

describe('RC8 a provider with token types of its own', () => {
  const answer = (world: World, type: string): void =>
    world.on(`${issuer}/token`, () => {
      world.tokens.set('xoxp', { scope: 'read', resource, clientId: 'c' })
      return json({ access_token: 'xoxp', token_type: type })
    })

  test.each(['user', 'User'])('RC8 %s is a bearer token if the quirks say so', async (type) => {
    const world = createWorld()
    answer(world, type)
    const providers = [{ issuer, client: { tokenTypes: ['user'] } }]
    const clients = [{ issuer, clientId: 'by-hand', clientSecret: 'hush' }]
    expect((await clientFor(world, { providers, clients }).fetch(resource)).status).toBe(200)
    expect(world.to(resource).at(-1)!.headers.get('authorization')).toBe('Bearer xoxp')
  })

  test.each([
    ['user', undefined],
    ['user', 'https://other.test'],
    ['bot', issuer],
    ['', issuer],
    ['mac', issuer],
  ])('RC8 %s with the quirk of %s is none', async (type, of) => {
    const world = createWorld()
    answer(world, type)
    const providers = of === undefined ? [] : [{ issuer: of, client: { tokenTypes: ['user'] } }]
    await expect(clientFor(world, { providers }).fetch(resource)).rejects.toMatchObject({
      code: 'invalid_response',
    })
  })

  test('RC8 a quirk that is misspelt or of the wrong type is refused at construction', () => {
    const withQuirks = (client: object) => () => createClient({ providers: [{ issuer, client }] })
    expect(withQuirks({ tokenType: ['user'] })).toThrow('did you mean "tokenTypes"?')
    expect(withQuirks({ tokenTypes: 'user' })).toThrow('providers[0].client.tokenTypes')
  })
})
