import { expect, test, vi } from 'vitest'
import type { AuthInfo } from '../../src/types.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createSessions, samePrincipal } from '../../src/resource-server/sessions.ts'

const secret = 'a secret that has thirty-two bytes or more'
const url = 'https://mcp.test/mcp'

const principal = (over: Partial<AuthInfo> = {}): AuthInfo => ({
  token: 'first token',
  issuer: 'https://as.test',
  subject: 'alice',
  clientId: 'client-1',
  scopes: [],
  expiresAt: 2_000_000_000,
  resource: new URL(url),
  claims: {},
  props: undefined,
  choices: {},
  hasScope: () => false,
  upstream: () => Promise.reject(new Error('none')),
  link: () => Promise.reject(new Error('none')),
  exchange: () => Promise.reject(new Error('none')),
  ...over,
})
const alice = principal()
const bob = principal({ subject: 'bob' })

/** An MCP server that makes its own session ids and answers with what it saw. */
const server = (): ((request: Request) => Response) =>
  vi.fn((request: Request) => {
    const id = request.headers.get('mcp-session-id')
    return Response.json({ saw: id }, { headers: id === null ? { 'mcp-session-id': 'inner-1' } : {} })
  })

async function open(): Promise<{ handler: ReturnType<typeof server>; bound: Bound; id: string }> {
  const handler = server()
  const bound = createSessions({ secret }).bind(handler)
  const response = await bound(new Request(url, { method: 'POST', body: '{}' }), alice)
  const id = response.headers.get('mcp-session-id')!
  expect(await response.json()).toEqual({ saw: null })
  vi.mocked(handler).mockClear()
  return { handler, bound, id }
}
type Bound = (request: Request, auth: AuthInfo) => Promise<Response>

test('G36 the session goes on for its own principal, also after a token refresh', async () => {
  const { bound, id } = await open()
  expect(id).toMatch(/^inner-1\.[A-Za-z0-9_-]{43}$/)
  const request = new Request(url, { headers: { 'mcp-session-id': id } })
  const refreshed = principal({ token: 'second token', expiresAt: 2_000_000_900, scopes: ['more'] })
  expect(await (await bound(request, refreshed)).json()).toEqual({ saw: 'inner-1' })
})

test.each(['GET', 'POST', 'DELETE'])(
  'G36 %s with another principal’s session is 404, and the session lives on',
  async (method) => {
    const { handler, bound, id } = await open()
    const request = (): Request =>
      new Request(url, { method, headers: { 'mcp-session-id': id, 'last-event-id': '1' } })
    for (const thief of [
      bob,
      principal({ clientId: 'client-2' }),
      principal({ issuer: 'https://other.test' }),
      principal({ subject: undefined }),
    ]) {
      const response = await bound(request(), thief)
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({
        jsonrpc: '2.0',
        error: { code: -32001, message: 'Session not found' },
        id: null,
      })
    }
    expect(handler).not.toHaveBeenCalled()
    expect((await bound(request(), alice)).status).toBe(200)
  },
)

test.each(['inner-1', 'inner-1.', '.x', '', 'inner-2.MAC', 'inner-1.x.MAC', 'MAC'])(
  'G36 the made-up session id %j is 404',
  async (made) => {
    const { handler, bound, id } = await open()
    const mac = id.split('.')[1]!
    const headers = { 'mcp-session-id': made.replace('MAC', mac) }
    expect((await bound(new Request(url, { headers }), alice)).status).toBe(404)
    expect(handler).not.toHaveBeenCalled()
  },
)

test('G36 Last-Event-ID without a session is 404: anybody’s events could be asked for', async () => {
  const { handler, bound } = await open()
  const request = new Request(url, { headers: { 'last-event-id': 'stream_of_alice_1' } })
  expect((await bound(request, bob)).status).toBe(404)
  expect(handler).not.toHaveBeenCalled()
})

test('G36 principals whose parts join to the same text are told apart', async () => {
  const sessions = createSessions({ secret })
  const id = await sessions.create(principal({ subject: 'a","b', clientId: 'c' }))
  expect(await sessions.owns(id, principal({ subject: 'a', clientId: 'b","c' }))).toBe(false)
  expect(await sessions.owns(id, principal({ subject: 'a","b', clientId: 'c' }))).toBe(true)
})

test('a session id made here is long, and unlike any other', async () => {
  const sessions = createSessions({ secret })
  const ids = await Promise.all(Array.from({ length: 50 }, () => sessions.create(alice)))
  expect(new Set(ids).size).toBe(50)
  for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{60,}$/)
})

test('sessions survive a change of the secret, and another deployment’s are worth nothing', async () => {
  const old = createSessions({ secret })
  const id = await old.create(alice)
  const next = 'another secret of thirty-two bytes or more'
  expect(await createSessions({ secret: [next, secret] }).owns(id, alice)).toBe(true)
  expect(await createSessions({ secret: next }).owns(id, alice)).toBe(false)
})

test('a handler without sessions is left alone', async () => {
  const bound = createSessions({ secret }).bind(() => new Response('ok', { status: 202 }))
  const response = await bound(new Request(url, { method: 'POST' }), alice)
  expect([response.status, await response.text(), response.headers.has('mcp-session-id')]).toEqual([
    202,
    'ok',
    false,
  ])
})

test('the body and its stream reach the handler, and its own stream the client', async () => {
  const bound = createSessions({ secret }).bind(
    async (request) => new Response(`got ${await request.text()}`),
  )
  const sessions = createSessions({ secret })
  const headers = { 'mcp-session-id': await sessions.create(alice) }
  const response = await bound(new Request(url, { method: 'POST', body: 'hello', headers }), alice)
  expect(await response.text()).toBe('got hello')
})

test('T5 a session id of one resource is 404 at another, for the same user and client', async () => {
  const { handler, bound, id } = await open()
  const elsewhere = principal({ resource: new URL('https://mcp.test/mail/mcp') })
  const headers = { 'mcp-session-id': id }
  for (const method of ['GET', 'POST', 'DELETE'])
    expect((await bound(new Request(url, { method, headers }), elsewhere)).status).toBe(404)
  expect(handler).not.toHaveBeenCalled()
  expect(samePrincipal(alice, elsewhere)).toBe(false)
  expect((await bound(new Request(url, { headers }), alice)).status).toBe(200)
})

test.each([
  ['neither user nor client', { subject: undefined, clientId: '' }],
  ['no user', { subject: undefined }],
])('T6 if the issuer names %s, the session belongs to the token', async (_, unknown) => {
  const sessions = createSessions({ secret })
  const first = principal({ ...unknown, token: 'one' })
  const stranger = principal({ ...unknown, token: 'two' })
  const id = await sessions.create(first)
  expect(await sessions.owns(id, first)).toBe(true)
  expect(await sessions.owns(id, stranger)).toBe(false)
  expect(samePrincipal(first, principal({ ...unknown, token: 'one' }))).toBe(true)
  expect(samePrincipal(first, stranger)).toBe(false)
  // A copy of `auth` has lost its token, which is not enumerable.
  const { token: _token, ...copy } = first
  expect(samePrincipal(copy as AuthInfo, copy as AuthInfo)).toBe(false)
})

test('T6 no user is called as a token is', async () => {
  const sessions = createSessions({ secret })
  const id = await sessions.create(principal({ subject: undefined, token: 'one' }))
  expect(await sessions.owns(id, principal({ subject: 'one', clientId: '' }))).toBe(false)
})

test('samePrincipal compares issuer, subject, client and resource, and not the token', () => {
  expect(samePrincipal(alice, principal({ token: 'other', scopes: ['x'] }))).toBe(true)
  expect(samePrincipal(alice, bob)).toBe(false)
  expect(samePrincipal(alice, principal({ clientId: 'x' }))).toBe(false)
  expect(samePrincipal(alice, principal({ issuer: 'x' }))).toBe(false)
})

test.each([[undefined], ['short'], [[]], [[secret, 'short']]])(
  'the secret %j is refused at construction',
  (bad) => {
    expect(() => createSessions({ secret: bad as string })).toThrow(ConfigurationError)
  },
)

test('an unknown option is refused at construction', () => {
  expect(() => createSessions({ secret, store: 1 } as never)).toThrow('store')
})
