// U2: what the application's own code, the store, the cache or another server throws is reported to the operator only.
import { describe, expect, test, vi } from 'vitest'
import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import { createClient } from '../../src/client/index.ts'
import { createResourceServer } from '../../src/index.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { apiKeyVerifier } from '../../src/resource-server/verify/api-keys.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import type { ErrorContext, Runtime, SignIn, TollgateEvent } from '../../src/types.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { signedOut, RES_A, resources, Rig } from '../support/as.ts'
import { createWorld, issuer as clientIssuer, resource as clientResource } from '../support/client-world.ts'
import { issuer, post, resourceA, start, token, world } from '../support/guard.ts'
import { Browser, FakeUpstream, requestUrl } from '../support/pages.ts'

/** Quoted by everything that is thrown here: it may reach `onError`, and nothing else. */
const secret = 'planted-secret-0123456789'
let boom: TypeError
/** Throws a new error each time; `boom` is the last one. */
const fail = (): never => {
  boom = new TypeError(`cannot read ${secret}`)
  throw boom
}

interface Report {
  error: unknown
  where: string
  request: string | undefined
}

class Reports {
  readonly list: Report[] = []
  readonly events: TollgateEvent[] = []
  readonly onError = (error: unknown, { where, request }: ErrorContext): void =>
    void this.list.push({ error, where, request: request && `${request.method} ${request.url}` })
  readonly onEvent = (event: TollgateEvent): void => void this.events.push(event)
  readonly hooks: Pick<Runtime, 'onError' | 'onEvent'> = { onError: this.onError, onEvent: this.onEvent }

  /** One report of what was thrown, and one event that names the part and the kind of error, and no more. */
  expectOne(where: string, event: Partial<TollgateEvent>, thrown: unknown = boom): Report {
    expect(this.list.map((each) => each.where)).toEqual([where])
    expect(this.list[0]!.error).toBe(thrown)
    const told = this.events.filter(({ detail }) => detail?.startsWith(`${where}: `))
    expect(told, JSON.stringify(this.events)).toHaveLength(1)
    expect(told[0]).toMatchObject(event)
    expect(JSON.stringify(this.events)).not.toContain(secret.slice(0, 12))
    return this.list[0]!
  }
}

describe('U2 authorization server', () => {
  const signIns: [string, SignIn, (browser: Browser) => Promise<{ status: number; text: string }>][] = [
    ['signIn.identify', { ...signedOut, identify: fail }, async (browser) => browser.get(await requestUrl())],
    ['signIn.start', { ...signedOut, start: fail }, async (browser) => browser.get(await requestUrl())],
    [
      'signIn.finish',
      Object.assign(new FakeUpstream(), { finish: fail }),
      async (browser) => {
        const page = await browser.visit(await requestUrl())
        const sent = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
        const back = new URL(sent.location!.searchParams.get('redirect_uri')!)
        back.searchParams.set('state', sent.location!.searchParams.get('state')!)
        return browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
      },
    ],
  ]
  test.each(signIns)('what %s throws', async (where, signIn, visit) => {
    const reports = new Reports()
    const rig = new Rig({ signIn, ...reports.hooks })
    const shown = await visit(new Browser(rig))
    expect(shown.status).toBe(500)
    expect(shown.text).not.toContain(secret)
    const { request } = reports.expectOne(where, { type: 'server.error', level: 'alert', status: 500 })
    expect(request).toMatch(/^GET https:\/\/as\.test\/(authorize|callback)/)
    expect(reports.events.at(-1)!.detail).toBe(`${where}: TypeError`)
  })

  test.each(['get', 'put'] as const)('what store.%s throws', async (method) => {
    const reports = new Reports()
    const rig = new Rig(reports.hooks)
    const tokens = await rig.tokens()
    reports.events.length = 0
    const broken = Object.assign(new Error(`connect to ${secret}`), { code: 'ECONNREFUSED' })
    rig.store.before = (call) => {
      if (call.method === method) throw broken
    }
    const response = await rig.refresh(tokens.refresh_token)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).not.toBeNull()
    expect(await response.text()).not.toContain(secret)
    const event = { type: 'server.unavailable', level: 'warning', status: 503 } as const
    expect(reports.expectOne(`store.${method}`, event, broken).request).toBe('POST https://as.test/token')
    expect(reports.events.at(-1)!.detail).toBe(
      `store.${method}: The store is out of reach (Error ECONNREFUSED)`,
    )
  })

  test('a store that fails while the client is told by a redirect', async () => {
    const reports = new Reports()
    const rig = new Rig({
      signIn: { ...signedOut, identify: () => ({ subject: 'alice' }) },
      ...reports.hooks,
    })
    const browser = new Browser(rig)
    const page = await browser.visit(await requestUrl())
    rig.store.before = ({ method }) => {
      if (method === 'put') fail()
    }
    const shown = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    expect(shown.location?.searchParams.get('error')).toBe('temporarily_unavailable')
    reports.expectOne('store.put', { type: 'server.unavailable', status: 503 })
  })

  test('a rate limiter that throws', async () => {
    const reports = new Reports()
    const rig = new Rig({ rateLimit: { limit: fail }, clientAddress: () => '192.0.2.1', ...reports.hooks })
    expect((await rig.register({ redirect_uris: ['https://a.test/cb'] })).status).toBe(201)
    reports.expectOne('rateLimit.limit', { type: 'rate.unavailable', level: 'warning' })
  })

  test('a clientAddress that throws opens no way around the limit', async () => {
    const reports = new Reports()
    const keys = new Set<string>()
    const rateLimit = { limit: async ({ key }: { key: string }) => ({ success: keys.add(key).size < 0 }) }
    const rig = new Rig({ rateLimit, clientAddress: fail, ...reports.hooks })
    const response = await rig.register({ redirect_uris: ['https://a.test/cb'] })
    expect(response.status).toBe(429)
    expect(keys.size).toBe(1)
    expect(reports.list[0]).toMatchObject({ where: 'clientAddress', error: expect.any(TypeError) as unknown })
  })
})

describe('U2 guard', () => {
  const verifiers = {
    'customVerifier.verify': () => customVerifier({ issuer, verify: fail }),
    'apiKeyVerifier.keys': () => apiKeyVerifier({ prefix: 'notes_', keys: fail }),
  }
  test.each(Object.entries(verifiers))('what %s throws', async (where, make) => {
    const reports = new Reports()
    const authorizationServers = where.startsWith('api') ? [issuer, make()] : [make()]
    const it = await world({ options: { authorizationServers, ...reports.hooks } })
    const response = await it.call(post('notes_0123456789'))
    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain(secret)
    const event = { type: 'verifier.unavailable', level: 'warning', status: 503 } as const
    expect(reports.expectOne(where, event).request).toBe(`POST ${resourceA}`)
  })

  test('without onEvent the error is told all the same', async () => {
    const { onError, list } = new Reports()
    const server = customVerifier({ issuer, verify: fail })
    const it = await world({ options: { authorizationServers: [server], onError } })
    expect((await it.call(post('x'))).status).toBe(503)
    expect(list).toMatchObject([{ error: boom, where: 'customVerifier.verify' }])
  })

  test('what scopesFromClaims throws', async () => {
    const reports = new Reports()
    const it = await world({ options: { scopesFromClaims: fail, ...reports.hooks } })
    expect((await it.call(post(await token()))).status).toBe(503)
    reports.expectOne('scopesFromClaims', { type: 'verifier.unavailable' })
  })

  test('an issuer that cannot be reached: which host, and why', async () => {
    const reports = new Reports()
    const it = await world({ options: { fetch: fail, ...reports.hooks } })
    expect((await it.call(post(await token()))).status).toBe(503)
    reports.expectOne('fetch', { type: 'verifier.unavailable' })
    expect(reports.events.at(-1)!.detail).toBe('fetch: as.test could not be reached (TypeError)')
  })

  test('a store that an embedded server reads for the guard', async () => {
    const reports = new Reports()
    const rig = new Rig({ checkRevocation: 0 })
    const tokens = await rig.tokens()
    const guard = createResourceServer({
      resource: RES_A,
      authorizationServers: [rig.as],
      clock: () => rig.now,
      ...reports.hooks,
    }).protect(() => new Response('done'))
    rig.store.before = fail
    expect((await guard(post(tokens.access_token))).status).toBe(503)
    reports.expectOne('store.get', { type: 'verifier.unavailable' })
  })

  test('a cache that throws fails no request, and is told', async () => {
    const reports = new Reports()
    const cache = { get: fail, put: fail, delete: fail }
    const it = await world({ options: { cache, ...reports.hooks } })
    expect((await it.call(post(await token()))).status).toBe(200)
    expect(new Set(reports.list.map(({ where }) => where))).toEqual(new Set(['cache.get', 'cache.put']))
    expect(reports.events).toContainEqual({
      type: 'part.failed',
      level: 'warning',
      at: start,
      detail: 'cache.get: TypeError',
    })
  })

  test('what a rule for an operation throws: a bare 500, and the handler is not called', async () => {
    const reports = new Reports()
    const operations = operationScopes({ 'tools/call': { crash: fail, later: async () => fail() } })
    const it = await world({ options: reports.hooks, need: { operations } })
    for (const name of ['crash', 'later']) {
      reports.list.length = reports.events.length = 0
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
      const response = await it.call(new Request(post(await token()), { body }))
      expect([response.status, it.calls]).toEqual([500, 0])
      expect(await response.text()).not.toContain(secret)
      const event = { type: 'request.refused', level: 'warning', status: 500 } as const
      const { request } = reports.expectOne('operationScopes', event)
      expect(request).toBe(`POST ${resourceA}`)
    }
  })

  test('hooks that throw fail no request', async () => {
    const { onError, list } = new Reports()
    const it = await world({ options: { onEvent: fail, onError } })
    expect((await it.call(post('bad'))).status).toBe(401)
    expect(list).toEqual([{ where: 'onEvent', error: boom, request: undefined }])
    const server = customVerifier({ issuer, verify: fail })
    const worst = await world({ options: { authorizationServers: [server], onEvent: fail, onError: fail } })
    expect((await worst.call(post('x'))).status).toBe(503)
  })
})

describe('U2 client', () => {
  test('why an authorization failed, and why a revocation did, which the caller does not see', async () => {
    const it = createWorld()
    it.metadata['revocation_endpoint'] = `${clientIssuer}/revoke`
    const reports = new Reports()
    const client = createClient({ fetch: it.fetch, clock: it.clock, redirect: it.redirect, ...reports.hooks })
    expect((await client.fetch(clientResource, { method: 'POST' })).status).toBe(200)
    expect(reports.list).toEqual([])
    it.on(`${clientIssuer}/revoke`, fail)
    await client.signOut(clientResource)
    expect(reports.list).toContainEqual({ error: boom, where: 'fetch', request: undefined })
    expect(reports.events).toContainEqual(
      expect.objectContaining({
        type: 'client.revocation-failed',
        issuer: clientIssuer,
        detail: 'fetch: as.test could not be reached (TypeError)',
      }),
    )
    reports.list.length = 0
    it.tamper = (callback) => callback.searchParams.set('iss', 'https://evil.test')
    await expect(client.fetch(clientResource, { method: 'POST' })).rejects.toThrow()
    expect(reports.list).toMatchObject([{ error: { code: 'invalid_callback' }, where: 'authorization' }])
  })
})

describe('U2 a waitUntil that throws, as one without its context does, fails no request and is told', () => {
  const parts: [string, (hooks: Runtime) => Promise<number>][] = [
    [
      'authorization server',
      async (hooks) => {
        const rig = new Rig(hooks)
        return (await rig.refresh((await rig.tokens()).refresh_token)).status
      },
    ],
    ['guard', async (hooks) => (await (await world({ options: hooks })).call(post(await token()))).status],
    [
      'client',
      async (hooks) => {
        const { fetch, clock, redirect } = createWorld()
        return (await createClient({ fetch, clock, redirect, ...hooks }).fetch(clientResource)).status
      },
    ],
  ]
  test.each(parts)('%s', async (_, work) => {
    const reports = new Reports()
    const lost: Promise<unknown>[] = []
    const waitUntil = (promise: Promise<unknown>): never => {
      lost.push(promise)
      return fail()
    }
    expect(await work({ ...reports.hooks, waitUntil })).toBe(200)
    await Promise.all(lost)
    expect(lost.length).toBeGreaterThan(0)
    expect(new Set(reports.list.map(({ where }) => where))).toEqual(new Set(['waitUntil']))
    expect(reports.events).toContainEqual(
      expect.objectContaining({ type: 'part.failed', detail: 'waitUntil: TypeError' }),
    )
  })
})

describe('U2 development', () => {
  const consoleError = async (work: () => Promise<unknown>): Promise<unknown[][]> => {
    const said: unknown[][] = []
    const spy = vi.spyOn(console, 'error').mockImplementation((...args: unknown[]) => void said.push(args))
    try {
      await work()
    } finally {
      spy.mockRestore()
    }
    return said
  }
  const serve = (issuerUrl: string, runtime: Runtime = {}): (() => Promise<unknown>) => {
    const as = createAuthorizationServer({
      issuer: issuerUrl,
      secret: 'a deployment secret for tests, of forty bytes',
      store: memoryStore(),
      signIn: ownLogin({ identify: fail, loginUrl: '/login' }),
      resources,
      defaultResource: RES_A,
      clients: [{ client_id: 'pub', redirect_uris: ['http://127.0.0.1:3000/cb'] }],
      ...runtime,
    })
    return async () => {
      const response = await as.handle(new Request(new URL(await requestUrl(), issuerUrl)))
      expect(response?.status).toBe(500)
    }
  }
  const guard = (resource: string, runtime: Runtime = {}): (() => Promise<unknown>) => {
    const server = customVerifier({ issuer, verify: fail })
    const call = createResourceServer({ resource, authorizationServers: [server], ...runtime }).protect(
      () => new Response(),
    )
    return async () => expect((await call(post('x', {}, resource))).status).toBe(503)
  }

  test('a loopback issuer or resource prints on the console, with the cause', async () => {
    const server = await consoleError(serve('http://127.0.0.1:8787'))
    expect(server).toEqual([['tollgate: signIn.identify failed (GET /authorize):', boom]])
    const guarded = await consoleError(guard('http://localhost:3000/mcp'))
    expect(guarded).toEqual([['tollgate: customVerifier.verify failed (POST /mcp):', boom]])
  })

  test('a public one does not, nor one with an onError of its own', async () => {
    const { onError, list } = new Reports()
    expect(await consoleError(serve('https://as.test'))).toEqual([])
    expect(await consoleError(guard(resourceA))).toEqual([])
    expect(await consoleError(serve('http://127.0.0.1:8787', { onError }))).toEqual([])
    expect(await consoleError(guard('http://localhost:3000/mcp', { onError }))).toEqual([])
    expect(list).toHaveLength(2)
  })
})
