import { expect, test } from 'vitest'
import {
  AuthorizationRequiredError,
  createClient,
  memoryStorage,
  pasteRedirect,
  type ClientOptions,
  type Redirect,
} from '../../src/client/index.ts'
import { asUrl, createWorld, issuer, json, prmUrl, resource, type World } from '../support/client-world.ts'

const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, ...options })

test('connects: 401, discovery, registration, authorization, token, retry with the body', async () => {
  const world = createWorld()
  const client = clientFor(world)
  const response = await client.fetch(resource, { method: 'POST', body: '{"hello":1}' })
  expect(await response.json()).toEqual({ ok: true, echo: '{"hello":1}' })
  expect(world.opened).toHaveLength(1)
  await client.fetch(resource)
  expect(world.forms(`${issuer}/token`)).toHaveLength(1)
})

test('CL12 resource is identical and canonical in all three requests; S256; application_type; no offline_access', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.now += 900
  await client.fetch(resource)
  const [authorize] = world.opened
  const [exchange, refresh] = world.forms(`${issuer}/token`)
  expect(authorize!.searchParams.getAll('resource')).toEqual([resource])
  expect(exchange!['resource']).toBe(resource)
  expect(refresh).toMatchObject({ grant_type: 'refresh_token', resource })
  expect(authorize!.searchParams.get('code_challenge_method')).toBe('S256')
  expect(authorize!.searchParams.get('scope')).toBe('read')
  const registered = JSON.parse(world.to(`${issuer}/register`)[0]!.body) as Record<string, unknown>
  expect(registered).toMatchObject({
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  })
})

test('CL12 resource is the bytes of the document', async () => {
  const world = createWorld()
  world.prm['resource'] = 'https://mcp.test'
  world.on('https://mcp.test/.well-known/oauth-protected-resource', () => json(world.prm))
  await clientFor(world).fetch(resource)
  expect(world.opened[0]!.searchParams.get('resource')).toBe('https://mcp.test')
  expect(world.forms(`${issuer}/token`)[0]!['resource']).toBe('https://mcp.test')
})

test('CL12 offline_access only where the authorization server lists it', async () => {
  const world = createWorld()
  world.metadata['scopes_supported'] = ['read', 'offline_access']
  await clientFor(world).fetch(resource)
  expect(world.opened[0]!.searchParams.get('scope')).toBe('read offline_access')
  expect(world.opened[0]!.searchParams.get('prompt')).toBe('consent')
})

test('CL13 the challenge, then scopes_supported, then the option, then nothing', async () => {
  const world = createWorld()
  world.challengeScope = undefined
  world.prm['scopes_supported'] = ['read', 'other']
  await clientFor(world).fetch(resource)
  expect(world.opened.at(-1)!.searchParams.get('scope')).toBe('read other')
  delete world.prm['scopes_supported']
  await clientFor(world, { scopes: ['read', 'mine'] }).fetch(resource)
  expect(world.opened.at(-1)!.searchParams.get('scope')).toBe('read mine')
  await clientFor(world).fetch(resource)
  expect(world.opened.at(-1)!.searchParams.has('scope')).toBe(false)
})

test('CL13 step-up asks for the union, and the refresh keeps it', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.needed = ['write']
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.opened.map((url) => url.searchParams.get('scope'))).toEqual(['read', 'read write'])
})

test('CL13 a server that is never content gets the user asked once', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.on(
    resource,
    () =>
      new Response(null, {
        status: 403,
        headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="admin"' },
      }),
  )
  expect((await client.fetch(resource)).status).toBe(403)
  expect((await client.fetch(resource)).status).toBe(403)
  expect(world.opened).toHaveLength(2)
})

test('CL13 a server that wants something else each time is bounded by maxStepUps', async () => {
  const world = createWorld()
  let n = 0
  const client = clientFor(world, { maxStepUps: 3 })
  await client.fetch(resource)
  world.on(
    resource,
    () =>
      new Response(null, {
        status: 403,
        headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="s${n++}"` },
      }),
  )
  expect((await client.fetch(resource)).status).toBe(403)
  expect(world.opened).toHaveLength(4)
})

test('a server that refuses every token ends with its own 401', async () => {
  const world = createWorld()
  world.on(
    resource,
    () =>
      new Response('never', {
        status: 401,
        headers: { 'www-authenticate': `Bearer resource_metadata="${prmUrl}"` },
      }),
  )
  const response = await clientFor(world).fetch(resource)
  expect(response.status).toBe(401)
  expect(await response.text()).toBe('never')
  expect(world.opened).toHaveLength(1)
})

test('CL14 50 parallel first calls: one registration, the user asked once, one exchange', async () => {
  const world = createWorld()
  const client = clientFor(world)
  const responses = await Promise.all(Array.from({ length: 50 }, () => client.fetch(resource)))
  expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
  expect(world.to(`${issuer}/register`)).toHaveLength(1)
  expect(world.opened).toHaveLength(1)
  expect(world.forms(`${issuer}/token`)).toHaveLength(1)
  expect([world.to(prmUrl).length, world.to(asUrl).length]).toEqual([1, 1])
})

test('CL14 50 parallel calls with an expired token make one refresh', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.now += 901
  const responses = await Promise.all(Array.from({ length: 50 }, () => client.fetch(resource)))
  expect(responses.every(({ status }) => status === 200)).toBe(true)
  expect(world.forms(`${issuer}/token`)).toHaveLength(2)
  expect(world.opened).toHaveLength(1)
})

test('CL14 50 parallel calls with a token that the server has withdrawn make one refresh', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.tokens.clear()
  const responses = await Promise.all(Array.from({ length: 50 }, () => client.fetch(resource)))
  expect(responses.every(({ status }) => status === 200)).toBe(true)
  expect(world.forms(`${issuer}/token`).map((form) => form['grant_type'])).toEqual([
    'authorization_code',
    'refresh_token',
  ])
})

test('CL14 two clients on one storage refresh once', async () => {
  const world = createWorld()
  const storage = memoryStorage()
  const [a, b] = [clientFor(world, { storage }), clientFor(world, { storage })]
  await a.fetch(resource)
  world.now += 901
  await Promise.all([a.fetch(resource), b.fetch(resource), a.fetch(resource), b.fetch(resource)])
  expect(world.forms(`${issuer}/token`)).toHaveLength(2)
})

test('CL14 the token is renewed ahead of its expiry', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.now += 839
  await client.fetch(resource)
  expect(world.forms(`${issuer}/token`)).toHaveLength(1)
  world.now += 2
  await client.fetch(resource)
  expect(world.forms(`${issuer}/token`)).toHaveLength(2)
})

test('CL14 a rotated refresh token is stored before the new access token is used', async () => {
  const world = createWorld()
  const memory = memoryStorage()
  const order: string[] = []
  const storage = {
    ...memory,
    set: async (key: string, value: string) => {
      if (key.endsWith(':tokens')) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        order.push('stored')
      }
      return memory.set(key, value)
    },
  }
  const fetch: typeof globalThis.fetch = (input, init) => {
    if (String(input) === resource && new Headers(init?.headers).has('authorization')) order.push('used')
    return world.fetch(input, init)
  }
  const client = clientFor(world, { storage, fetch })
  await client.fetch(resource)
  world.now += 901
  await client.fetch(resource)
  expect(order).toEqual(['stored', 'used', 'stored', 'used'])
})

test('CL14 a refresh answered with 500 keeps the tokens: the old one while it lives, later 503', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  const token = `${issuer}/token`
  world.on(token, 500)
  world.now += 850
  expect((await client.fetch(resource)).status).toBe(200)
  world.now += 100
  world.tokens.clear()
  await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
  world.on(token, () => {
    world.tokens.set('renewed', { scope: 'read', resource, clientId: 'c' })
    return json({ access_token: 'renewed', token_type: 'Bearer', scope: 'read' })
  })
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.opened).toHaveLength(1)
})

test('CL14 invalid_grant deletes the tokens, and the user is asked again', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.refreshTokens.clear()
  world.now += 901
  world.tokens.clear()
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.opened).toHaveLength(2)
  expect(world.to(`${issuer}/register`)).toHaveLength(1)
})

test('CL14 a server that forgot the client: registered again', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  world.now += 901
  world.tokens.clear()
  let refused = 0
  world.on(`${issuer}/token`, (request) => {
    const form = new URLSearchParams(request.body)
    if (form.get('grant_type') === 'refresh_token') {
      refused++
      return json({ error: 'invalid_client' }, 401, { 'www-authenticate': 'Basic' })
    }
    world.tokens.set('new', { scope: 'read', resource, clientId: 'x' })
    return json({ access_token: 'new', token_type: 'bearer' })
  })
  expect((await client.fetch(resource)).status).toBe(200)
  expect(refused).toBe(1)
  expect(world.to(`${issuer}/register`)).toHaveLength(2)
})

test('CL14 overlapping flows: each verifier belongs to its state', async () => {
  const world = createWorld()
  const redirect = 'https://app.test/callback'
  const storage = memoryStorage()
  const client = clientFor(world, { storage, redirect })
  const first = await client.authorize(resource)
  const second = await client.authorize(resource)
  expect(first.searchParams.get('state')).not.toBe(second.searchParams.get('state'))
  for (const url of [second, first]) {
    const back = (await world.fetch(url, { redirect: 'manual' })).headers.get('location')!
    expect((await client.callback(new Request(back))).status).toBe(200)
  }
  expect((await client.fetch(resource)).status).toBe(200)
})

test('a web application: fetch says where to send the user, callback finishes, hooks are called', async () => {
  const world = createWorld()
  const told: unknown[] = []
  const client = clientFor(world, {
    redirect: 'https://app.test/callback',
    subject: 'alice',
    onAuthorized: (authorized) => {
      told.push(authorized)
      return Response.redirect('https://app.test/home', 303)
    },
  })
  const error: unknown = await client.fetch(resource).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(AuthorizationRequiredError)
  expect(JSON.stringify(error)).not.toContain('state')
  const back = (
    await world.fetch((error as AuthorizationRequiredError).url, { redirect: 'manual' })
  ).headers.get('location')!
  const answer = await client.callback(new Request(back))
  expect(answer.headers.get('location')).toBe('https://app.test/home')
  expect(told).toEqual([{ resource, issuer, subject: 'alice', scopes: ['read'] }])
  const registered = JSON.parse(world.to(`${issuer}/register`)[0]!.body) as Record<string, unknown>
  expect(registered['application_type']).toBe('web')
  expect((await client.fetch(resource)).status).toBe(200)
})

test('signing out forgets and revokes; the next call asks again', async () => {
  const world = createWorld()
  const client = clientFor(world)
  await client.fetch(resource)
  await client.signOut(resource)
  expect(world.forms(`${issuer}/revoke`).map((form) => form['token_type_hint'])).toEqual([
    'refresh_token',
    'access_token',
  ])
  expect(world.tokens.size).toBe(0)
  await client.fetch(resource)
  expect(world.opened).toHaveLength(2)
})

test('order of identities: by hand, metadata document, registration, asking', async () => {
  const world = createWorld()
  const asked: string[] = []
  const askForClient = (at: string): { clientId: string } => {
    asked.push(at)
    return { clientId: 'asked' }
  }
  const idOf = async (options: ClientOptions): Promise<string | null> => {
    await clientFor(world, { askForClient, ...options }).fetch(resource)
    return world.opened.at(-1)!.searchParams.get('client_id')
  }
  const clientMetadataUrl = 'https://app.test/client.json'
  const clients = [{ issuer, clientId: 'by-hand' }]
  world.metadata['client_id_metadata_document_supported'] = true
  expect(await idOf({ clients, clientMetadataUrl })).toBe('by-hand')
  expect(await idOf({ clientMetadataUrl })).toBe(clientMetadataUrl)
  expect(await idOf({ clients: [{ issuer: 'https://other.test', clientId: 'x' }] })).toMatch(/^client-/)
  delete world.metadata['registration_endpoint']
  expect(await idOf({})).toBe('asked')
  expect(asked).toEqual([issuer])
  await expect(
    createClient({ fetch: world.fetch, redirect: world.redirect }).fetch(resource),
  ).rejects.toMatchObject({
    code: 'registration_unavailable',
  })
})

test('a server that forgot the client before the code was redeemed: the next attempt registers again', async () => {
  const world = createWorld()
  const client = clientFor(world)
  const token = `${issuer}/token`
  world.on(token, () => json({ error: 'invalid_client' }, 401))
  await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'invalid_client' })
  await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'invalid_client' })
  expect(world.to(`${issuer}/register`)).toHaveLength(2)
})

test('another redirect URI registers anew, and the tokens of the older registration are still renewed', async () => {
  const world = createWorld()
  const storage = memoryStorage()
  const client = clientFor(world, { storage })
  await client.fetch(resource)
  await clientFor(world, {
    storage,
    redirect: 'https://app.test/callback',
    subject: 'another user',
  }).authorize(resource)
  expect(world.to(`${issuer}/register`)).toHaveLength(2)
  world.now += 901
  expect((await client.fetch(resource)).status).toBe(200)
  expect(world.forms(`${issuer}/token`).at(-1)!['grant_type']).toBe('refresh_token')
  expect(world.opened).toHaveLength(1)
})

test('an opener that fails, a page that is closed: the call ends, and the next one starts anew', async () => {
  const world = createWorld()
  let broken = true
  const closed: number[] = []
  const redirect = {
    listen: async () => ({ uri: 'http://127.0.0.1:3000/callback', close: () => void closed.push(1) }),
    open: (...page: Parameters<Redirect['open']>) =>
      broken ? Promise.reject(new Error('no browser')) : world.redirect.open(...page),
  }
  const client = clientFor(world, { redirect })
  await expect(client.fetch(resource)).rejects.toThrow('no browser')
  expect(closed).toHaveLength(1)
  broken = false
  expect((await client.fetch(resource)).status).toBe(200)
})

test('pasting: the whole address or its query', async () => {
  for (const cut of [
    (url: URL) => ` ${url.href}\n`,
    (url: URL) => url.search,
    (url: URL) => url.search.slice(1),
  ]) {
    const world = createWorld()
    const uri = 'http://127.0.0.1:8765/callback'
    const ask = async (url: URL): Promise<string> =>
      cut(new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!))
    expect((await clientFor(world, { redirect: pasteRedirect({ uri, ask }) }).fetch(resource)).status).toBe(
      200,
    )
  }
})
