// Sessions and streams as they are behind the guard.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createResourceServer, type AuthInfo, type Provider, type ResourceServer } from '../../src/index.ts'
import { oidc } from '../../src/provider/oidc.ts'
import { apiKeyVerifier } from '../../src/resource-server/verify/api-keys.ts'
import { customVerifier } from '../../src/resource-server/verify/custom-verifier.ts'
import { introspectionVerifier } from '../../src/resource-server/verify/introspection/introspection.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { createSessions, samePrincipal } from '../../src/resource-server/sessions.ts'

const start = 1_790_000_000
const issuer = 'https://as.test'
const resource = 'https://mcp.test/mcp'
const nobody = { clientId: '', scopes: [] }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: start * 1000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const provider: Provider = oidc({
  issuer,
  introspectionEndpoint: `${issuer}/introspect`,
  clientId: 'rs',
  clientSecret: 'secret',
})

/** An authorization server that knows these tokens, by name: whose they are and how long they live. */
function guardWith(
  tokens: Record<string, { sub?: string | undefined; exp: number; client_id?: string | undefined }>,
): ResourceServer {
  return createResourceServer({
    resource,
    authorizationServers: [introspectionVerifier(provider)],
    clock: () => Date.now() / 1000,
    fetch: async (_input, init) => {
      const found = tokens[new URLSearchParams(String(init?.body)).get('token')!]
      if (found === undefined) return Response.json({ active: false })
      return Response.json({ active: true, aud: resource, client_id: 'client-1', scope: '', ...found })
    },
  })
}

const request = (token: string, init: RequestInit = {}): Request =>
  new Request(resource, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })

/** An event stream that a test feeds. */
function events(): { handler: () => Response; send: (text: string) => void; cancelled: () => boolean } {
  let source!: ReadableStreamDefaultController<Uint8Array>
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      source = controller
    },
    cancel: () => {
      cancelled = true
    },
  })
  return {
    handler: () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    send: (text) => source.enqueue(new TextEncoder().encode(text)),
    cancelled: () => cancelled,
  }
}

const subscriptions: [name: string, init: RequestInit][] = [
  ['GET', {}],
  [
    'subscriptions/listen',
    {
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}',
      headers: { 'mcp-method': 'subscriptions/listen' },
    },
  ],
]

test.each(subscriptions)(
  'G37 %s: the stream is closed when its token expires, and no event comes after',
  async (_name, init) => {
    const rs = guardWith({ short: { sub: 'alice', exp: start + 5 } })
    const { handler, send, cancelled } = events()
    const reader = (await rs.protect(handler)(request('short', init))).body!.getReader()
    send('data: 1\n\n')
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
    const pending = reader.read()
    await vi.advanceTimersByTimeAsync(5000)
    expect((await pending).done).toBe(true)
    expect(cancelled()).toBe(true)
  },
)

test.each(subscriptions)(
  'G37 %s: the stream is closed soon after its token was revoked',
  async (_name, init) => {
    const tokens = { long: { sub: 'alice', exp: start + 3600 } } as Record<
      string,
      { sub: string; exp: number }
    >
    const rs = guardWith(tokens)
    const { handler, send, cancelled } = events()
    const reader = (await rs.protect(handler)(request('long', init))).body!.getReader()
    await vi.advanceTimersByTimeAsync(30_000)
    send('data: still here\n\n')
    expect((await reader.read()).done).toBe(false)
    delete tokens['long']
    const pending = reader.read()
    // The answer is kept for 60 s, and the stream looks every 30 s.
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await pending).done).toBe(true)
    expect(cancelled()).toBe(true)
  },
)

test('G37 the answer to an authorized POST runs to its end, past the token’s', async () => {
  const rs = guardWith({ short: { sub: 'alice', exp: start + 5 } })
  const { handler, send, cancelled } = events()
  const init = { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"tools/call"}' }
  const reader = (await rs.protect(handler)(request('short', init))).body!.getReader()
  await vi.advanceTimersByTimeAsync(600_000)
  send('data: done\n\n')
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: done\n\n')
  expect(cancelled()).toBe(false)
  const pending = reader.read()
  await vi.advanceTimersByTimeAsync(3_000_000)
  expect((await pending).done).toBe(true)
})

const message = (method: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { name: 'x' } })
const acknowledgement = 'data: {"method":"notifications/subscriptions/acknowledged"}\n\n'
type Read = (request: Request) => Promise<unknown>
const readers: [name: string, read: Read, first: string][] = [
  ['leaves it unread', async () => undefined, 'data: 1\n\n'],
  ['reads it', (request) => request.json(), acknowledgement],
  ['reads a copy', (request) => request.clone().text(), 'data: 1\n\n'],
  ['copies the request', (request) => new Request(request).text(), acknowledgement.replaceAll('/', '\\/')],
]

test.each(readers)(
  'S18 subscriptions/listen without its header ends with the token, if the handler %s',
  async (_name, read, first) => {
    for (const headers of [{}, { 'mcp-method': 'tools/call' }] as Record<string, string>[]) {
      const rs = guardWith({ short: { sub: 'alice', exp: Date.now() / 1000 + 5 } })
      const { handler, send, cancelled } = events()
      const init = { method: 'POST', body: message('subscriptions/listen'), headers }
      const guarded = rs.protect(async (inner) => {
        await read(inner)
        return handler()
      })
      const reader = (await guarded(request('short', init))).body!.getReader()
      send(first)
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(first)
      const pending = reader.read()
      await vi.advanceTimersByTimeAsync(5000)
      expect((await pending).done).toBe(true)
      expect(cancelled()).toBe(true)
    }
  },
)

/** Whether the stream of a POST with this body is there after its token. */
async function outlives(body: string, headers: Record<string, string>, judged: boolean): Promise<boolean> {
  const rs = guardWith({ short: { sub: 'alice', exp: Date.now() / 1000 + 5 } })
  const { handler, send, cancelled } = events()
  const need = judged ? { operations: operationScopes({}) } : {}
  const init = { method: 'POST', body, headers }
  const reader = (await rs.protect(handler, need)(request('short', init))).body!.getReader()
  await vi.advanceTimersByTimeAsync(60_000)
  if (cancelled()) return false
  send('data: 1\n\n')
  return !(await reader.read()).done
}

test.each([true, false])(
  'S18 with operations (%s) the body says which streams outlive their token',
  async (judged) => {
    const version = { 'mcp-protocol-version': '2025-03-26' }
    for (const method of ['tools/call', 'resources/read', 'prompts/get', 'tasks/result', 'initialize'])
      expect([
        method,
        await outlives(message(method).replace('"name"', '"uri":"a:b","name"'), version, judged),
      ]).toEqual([method, true])
    for (const method of ['subscriptions/listen', 'acme/watch'])
      expect([method, await outlives(message(method), {}, judged)]).toEqual([method, false])
    const batch = `[${message('tools/call')},${message('acme/watch').replace('1', '2')}]`
    expect(await outlives(batch, version, judged)).toBe(false)
  },
)

test('S18 a body that the handler is still reading, that is long or not JSON leaves the answer as it is', async () => {
  const rs = guardWith({ short: { sub: 'alice', exp: Date.now() / 1000 + 5 } })
  const { handler, send, cancelled } = events()
  const guarded = rs.protect((inner) => {
    inner.body!.getReader()
    return handler()
  })
  const init = { method: 'POST', body: message('tools/call') }
  const reader = (await guarded(request('short', init))).body!.getReader()
  await vi.advanceTimersByTimeAsync(60_000)
  send('data: 1\n\n')
  expect([(await reader.read()).done, cancelled()]).toEqual([false, false])
  for (const body of ['not json', `"${'x'.repeat(70_000)}"`])
    expect(await outlives(body, {}, false)).toBe(true)
})

test('S18 a stream that begins with an answer is not a subscription, despite its header', async () => {
  expect(await outlives(message('tools/call'), { 'mcp-method': 'subscriptions/listen' }, false)).toBe(true)
})

test('G36 behind the guard: alice’s session survives a refresh, and another user gets 404', async () => {
  const rs = guardWith({
    first: { sub: 'alice', exp: start + 3600 },
    refreshed: { sub: 'alice', exp: start + 7200 },
    bobs: { sub: 'bob', exp: start + 3600 },
    other: { sub: 'alice', exp: start + 3600, client_id: 'client-2' },
  })
  const seen = vi.fn((inner: Request, auth: AuthInfo) => {
    const id = inner.headers.get('mcp-session-id')
    return Response.json(
      { id, subject: auth.subject },
      id === null ? { headers: { 'mcp-session-id': 'inner' } } : {},
    )
  })
  const sessions = createSessions({ secret: 'thirty-two bytes at the very least!' })
  const handler = rs.protect(sessions.bind(seen))
  const opened = await handler(request('first', { method: 'POST', body: '{}' }))
  const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id')! }
  seen.mockClear()
  for (const method of ['GET', 'POST', 'DELETE']) {
    for (const token of ['bobs', 'other'])
      expect([method, token, (await handler(request(token, { method, headers }))).status]).toEqual([
        method,
        token,
        404,
      ])
    const anonymous = new Request(resource, { method, headers })
    expect((await handler(anonymous)).status).toBe(401)
  }
  expect(seen).not.toHaveBeenCalled()
  const response = await handler(request('refreshed', { headers }))
  expect(await response.json()).toEqual({ id: 'inner', subject: 'alice' })
})

test('T6 introspection without sub and client_id: a stranger does not enter the session of another', async () => {
  const unknown = { sub: undefined, client_id: undefined, exp: start + 3600 }
  const rs = guardWith({ one: unknown, two: unknown })
  const sessions = createSessions({ secret: 'thirty-two bytes at the very least!' })
  const seen = vi.fn(
    (inner: Request) =>
      new Response(
        'done',
        inner.headers.has('mcp-session-id') ? {} : { headers: { 'mcp-session-id': 'inner' } },
      ),
  )
  const handler = rs.protect(sessions.bind(seen))
  const opened = await handler(request('one', { method: 'POST', body: '{}' }))
  const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id')! }
  seen.mockClear()
  expect((await handler(request('two', { method: 'POST', headers }))).status).toBe(404)
  expect(seen).not.toHaveBeenCalled()
  expect((await handler(request('one', { method: 'POST', headers }))).status).toBe(200)
})

test.each([
  [
    'customVerifier, an empty subject',
    customVerifier({ issuer, verify: () => ({ ...nobody, subject: '' }) }),
  ],
  ['customVerifier, null', customVerifier({ issuer, verify: () => ({ ...nobody, subject: null as never }) })],
  [
    'apiKeyVerifier',
    apiKeyVerifier({ prefix: 'k_', keys: (hash) => ({ hash, subject: '', scopes: [] }), issuer }),
  ],
])('T6 %s names no user: two anonymous callers do not share a session', async (_name, server) => {
  const listed = customVerifier({ issuer: `${issuer}/other`, accepts: () => false, verify: () => undefined })
  const rs = createResourceServer({ resource, authorizationServers: [server, listed] })
  const one = (await rs.authenticate(request('k_one'))) as AuthInfo
  const two = (await rs.authenticate(request('k_two'))) as AuthInfo
  expect([one.subject, one.extra?.['subject']]).toEqual([undefined, undefined])
  expect([samePrincipal(one, one), samePrincipal(one, two)]).toEqual([true, false])
  // Whoever makes a principal by hand.
  expect(samePrincipal({ ...one, token: 'a', subject: '' }, { ...one, token: 'b', subject: '' })).toBe(false)
})

test('T5 behind one guard with two resources: the session of one is 404 at the other', async () => {
  const mail = 'https://mcp.test/mail/mcp'
  const rs = createResourceServer({
    resource: [{ resource }, { resource: mail }],
    authorizationServers: [introspectionVerifier(provider)],
    clock: () => Date.now() / 1000,
    fetch: async () =>
      Response.json({ active: true, aud: [resource, mail], client_id: 'c', sub: 'alice', exp: start + 3600 }),
  })
  const sessions = createSessions({ secret: 'thirty-two bytes at the very least!' })
  const handler = rs.protect(
    sessions.bind(() => new Response('done', { headers: { 'mcp-session-id': 'inner' } })),
  )
  const authorization = 'Bearer token'
  const opened = await handler(new Request(resource, { method: 'POST', headers: { authorization } }))
  const headers = { authorization, 'mcp-session-id': opened.headers.get('mcp-session-id')! }
  expect((await handler(new Request(mail, { headers }))).status).toBe(404)
  expect((await handler(new Request(resource, { headers }))).status).toBe(200)
})
