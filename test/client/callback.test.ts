import { afterEach, describe, expect, test, vi } from 'vitest'
import type { OAuthError } from '../../src/errors.ts'
import {
  createClient,
  memoryStorage,
  pasteRedirect,
  type Authorized,
  type ClientOptions,
  type ClientStorage,
  type Redirect,
} from '../../src/client/index.ts'
import { storeStorage } from '../../src/client/storage/store-storage.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { TollgateEvent } from '../../src/types.ts'
import { createWorld, issuer, json, resource, type World } from '../support/client-world.ts'

const web = 'https://app.test/callback'
const clientFor = (world: World, options: ClientOptions = {}): ReturnType<typeof createClient> =>
  createClient({ fetch: world.fetch, clock: world.clock, redirect: web, ...options })

/** Where the authorization server sends the browser. */
const follow = async (world: World, url: URL): Promise<URL> =>
  new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!)

const storages: [string, () => ClientStorage][] = [
  ['memory', memoryStorage],
  ['store', () => storeStorage(memoryStore(), { secret: 'a secret of at least thirty-two bytes' })],
]

describe.each(storages)('RC15 a web callback that is loaded twice, %s storage', (_, createStorage) => {
  test.each([
    ['one after the other', false],
    ['at once', true],
  ])('RC15 %s: the same page, one exchange, told once', async (_, atOnce) => {
    const world = createWorld()
    const storage = createStorage()
    const told: Authorized[] = []
    const onAuthorized = (authorized: Authorized): Response => {
      told.push(authorized)
      return Response.redirect('https://app.test/home', 303)
    }
    // Web hosts make a client for each request.
    const client = (): ReturnType<typeof createClient> => clientFor(world, { storage, onAuthorized })
    const back = await follow(world, await client().authorize(resource))
    const load = (): Promise<Response> => client().callback(new Request(back))
    const answers = atOnce ? await Promise.all([load(), load(), load()]) : [await load(), await load()]
    for (const answer of answers) {
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toBe('https://app.test/home')
    }
    expect(told).toHaveLength(1)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })

  test('RC15 our own page again; not for another subject, another code, or for ever', async () => {
    const world = createWorld()
    const storage = createStorage()
    const client = clientFor(world, { storage, subject: 'alice' })
    const back = await follow(world, await client.authorize(resource))
    const pages = [await client.callback(new Request(back)), await client.callback(new Request(back))]
    expect(await Promise.all(pages.map((page) => page.text()))).toEqual([
      expect.stringContaining('Signed in'),
      expect.stringContaining('Signed in'),
    ])
    const mallory = clientFor(world, { storage, subject: 'mallory' })
    expect((await mallory.callback(new Request(back))).status).toBe(400)
    const other = new URL(back)
    other.searchParams.set('code', 'x')
    expect((await client.callback(new Request(other))).status).toBe(400)
    world.now += 601
    expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })

  test('RC15 what failed fails again', async () => {
    const world = createWorld()
    const client = clientFor(world, { storage: createStorage() })
    const back = await follow(world, await client.authorize(resource))
    back.searchParams.set('code', 'wrong')
    for (const _ of [1, 2]) expect((await client.callback(new Request(back))).status).toBe(400)
    expect(world.to(`${issuer}/token`)).toHaveLength(1)
  })
})

/** Refuses `prompt=consent`, and sends the browser back with the error. */
function withoutPrompt(world: World, error = 'invalid_request'): void {
  world.metadata['scopes_supported'] = ['read', 'offline_access']
  world.tamper = (back) => {
    if (!world.opened.at(-1)!.searchParams.has('prompt')) return
    back.searchParams.delete('code')
    back.searchParams.set('error', error)
    back.searchParams.set('error_description', 'unsupported prompt value requested')
  }
}
const prompts = (world: World): (string | null)[] => world.opened.map((url) => url.searchParams.get('prompt'))

describe('RC17 a server that refuses prompt', () => {
  test('RC17 on the web the browser is sent on, once, without it', async () => {
    const world = createWorld()
    withoutPrompt(world)
    const events: TollgateEvent[] = []
    const client = clientFor(world, { onEvent: (event) => events.push(event) })
    const visit = async (url: URL): Promise<Response> => {
      world.opened.push(url)
      const back = await follow(world, url)
      world.tamper(back)
      return client.callback(new Request(back))
    }
    const first = await visit(await client.authorize(resource))
    expect(first.status).toBe(303)
    expect((await visit(new URL(first.headers.get('location')!))).status).toBe(200)
    expect(prompts(world)).toEqual(['consent', null])
    expect(events.filter(({ type }) => type === 'client.prompt-refused')).toMatchObject([
      { issuer, error: 'invalid_request', detail: expect.stringContaining('unsupported prompt value') },
    ])
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.to(`${issuer}/register`)).toHaveLength(1)
  })

  test('RC17 if the user pastes, the second page is shown; the scopes are the same', async () => {
    const world = createWorld()
    withoutPrompt(world)
    const redirect = pasteRedirect({
      uri: 'http://127.0.0.1:8765/callback',
      ask: async (url, request) => String(await world.redirect.open(url, request)),
    })
    expect((await clientFor(world, { redirect }).fetch(resource)).status).toBe(200)
    expect(prompts(world)).toEqual(['consent', null])
    expect(world.opened.map((url) => url.searchParams.get('scope'))).toEqual(
      Array.from({ length: 2 }, () => 'read offline_access'),
    )
    expect(new Set(world.opened.map((url) => url.searchParams.get('state'))).size).toBe(2)
  })

  test('RC17 on the own machine the listener sends the browser on', async () => {
    const world = createWorld()
    withoutPrompt(world)
    let handle!: (request: Request) => Promise<Response>
    const statuses: number[] = []
    const redirect: ClientOptions['redirect'] = {
      listen: async (answer, options) => {
        handle = answer
        return world.redirect.listen(answer, options)
      },
      open: async (url, request) => {
        for (let page: URL | undefined = url; page !== undefined;) {
          const back = new URL(String(await world.redirect.open(page, request)))
          const answer = await handle(new Request(back))
          statuses.push(answer.status)
          page = answer.status === 303 ? new URL(answer.headers.get('location')!) : undefined
        }
      },
    }
    expect((await clientFor(world, { redirect }).fetch(resource)).status).toBe(200)
    expect(statuses).toEqual([303, 200])
    expect(prompts(world)).toEqual(['consent', null])
  })

  test.each([
    ['the user refuses', 'access_denied', {}],
    ['an error without prompt', 'invalid_request', { providers: [{ issuer, client: { omitPrompt: true } }] }],
  ])('RC17 %s is final', async (_, error, options) => {
    const world = createWorld()
    withoutPrompt(world, error)
    if (error === 'invalid_request') {
      world.tamper = (back) => {
        back.searchParams.delete('code')
        back.searchParams.set('error', error)
      }
    }
    const client = clientFor(world, { redirect: world.redirect, ...options })
    await expect(client.fetch(resource)).rejects.toMatchObject({ code: error })
    expect(world.opened).toHaveLength(1)
  })

  test('RC17 a server that refuses the second request as well: its error, after two', async () => {
    const world = createWorld()
    withoutPrompt(world)
    world.tamper = (back) => {
      back.searchParams.delete('code')
      back.searchParams.set('error', 'invalid_request')
    }
    const client = clientFor(world, { redirect: world.redirect })
    await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(prompts(world)).toEqual(['consent', null])
  })
})

describe('RC17 a refresh that is refused because of resource', () => {
  const start = async (world: World, options: ClientOptions): Promise<ReturnType<typeof createClient>> => {
    const client = clientFor(world, { redirect: world.redirect, ...options })
    await client.fetch(resource)
    world.now += 901
    world.tokens.clear()
    world.on(`${issuer}/token`, ({ body }) => {
      if (new URLSearchParams(body).has('resource')) return json({ error: 'invalid_target' }, 400)
      world.tokens.set('renewed', { scope: 'read', resource, clientId: 'c' })
      return json({ access_token: 'renewed', token_type: 'Bearer', expires_in: 900 })
    })
    return client
  }

  test('RC17 is tried once without, if a quirk says so, and told', async () => {
    const world = createWorld()
    const events: TollgateEvent[] = []
    const providers = [{ issuer, client: { retryRefreshWithoutResource: true } }]
    const client = await start(world, { providers, onEvent: (event) => events.push(event) })
    expect((await client.fetch(resource)).status).toBe(200)
    expect(world.forms(`${issuer}/token`).map((form) => form['resource'])).toEqual([
      resource,
      resource,
      undefined,
    ])
    expect(events.filter(({ type }) => type === 'client.resource-refused')).toMatchObject([
      { issuer, error: 'invalid_target' },
    ])
    expect(world.opened).toHaveLength(1)
  })

  test('RC17 is not tried without it otherwise', async () => {
    const world = createWorld()
    const client = await start(world, {})
    await expect(client.fetch(resource)).rejects.toMatchObject({ code: 'invalid_target' })
    expect(world.forms(`${issuer}/token`).every((form) => form['resource'] === resource)).toBe(true)
  })
})

describe('a failed authorization reaches onError', () => {
  afterEach(() => vi.useRealTimers())

  /** A redirect whose user never approves. */
  const silent = (world: World): Redirect => ({ ...world.redirect, open: () => undefined })

  test.each(['authorize', 'fetch'] as const)('when the time of %s() is over, once', async (method) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true })
    const world = createWorld()
    const errors: unknown[] = []
    const client = createClient({
      fetch: world.fetch,
      clock: world.clock,
      redirect: silent(world),
      onError: (error, { where }) => void errors.push([where, (error as OAuthError).code]),
    })
    const done = client[method](resource).catch((error: OAuthError) => error.code)
    await vi.waitFor(() => expect(world.to(`${issuer}/register`)).toHaveLength(1))
    if (method === 'authorize') await done
    // The wait may begin a while after the registration.
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(600_000)
      expect(errors).toEqual([['authorization', 'authorization_timeout']])
    })
    if (method === 'fetch') expect(await done).toBe('authorization_timeout')
  })

  test('when the page cannot be opened', async () => {
    const world = createWorld()
    const errors: unknown[] = []
    const broken = new Error('no browser')
    const client = createClient({
      fetch: world.fetch,
      clock: world.clock,
      redirect: { ...world.redirect, open: () => Promise.reject(broken) },
      onError: (error, { where }) => void errors.push([where, error]),
    })
    await expect(client.fetch(resource)).rejects.toBe(broken)
    expect(errors).toEqual([['authorization', broken]])
  })

  test('an onError that throws does not cost the browser its page', async () => {
    const world = createWorld()
    const client = createClient({
      fetch: world.fetch,
      clock: world.clock,
      redirect: 'https://app.test/callback',
      onError: () => {
        throw new Error('the log is full')
      },
    })
    const answer = await client.callback(new Request('https://app.test/callback?state=unknown&code=c'))
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('Not signed in')
  })
})
