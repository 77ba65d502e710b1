import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { withAuth, withoutAgentHeaders, worker } from '../../src/adapter/workers.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createAuthInfo } from '../../src/resource-server/guard/auth-info.ts'
import { bundle, compatibility, startWorkerd } from '../support/runtime-workerd.ts'
import { adapterSuite } from './adapter.suite.ts'

adapterSuite(
  'tollgate/workers, in workerd',
  async (url, keys) => {
    const miniflare = await startWorkerd({
      ...compatibility,
      script: await bundle(join(import.meta.dirname, 'workers-host.ts')),
      bindings: { URL: url, KEYS: JSON.stringify(keys) },
      port: Number(new URL(url).port),
    })
    return { close: () => miniflare.dispose() }
  },
  { malformedHosts: false, closesUploads: true },
)

test('the parts are built once, by the first request', async () => {
  const build = vi.fn((env: { name: string }) => () => new Response(env.name))
  const { fetch } = worker(build)
  expect(build).not.toHaveBeenCalled()
  const request = new Request('https://notes.example.com')
  const texts = await Promise.all(
    [1, 2, 3].map(async () => (await fetch(request, { name: 'notes' }, undefined)).text()),
  )
  expect(texts).toEqual(['notes', 'notes', 'notes'])
  expect(build).toHaveBeenCalledOnce()
})

test('the handler gets what the platform gives, each time anew', async () => {
  const { fetch } = worker<string, number>(() => (_request, env, context) => Response.json([env, context]))
  const request = new Request('https://notes.example.com')
  expect(await (await fetch(request, 'a', 1)).json()).toEqual(['a', 1])
  expect(await (await fetch(request, 'b', 2)).json()).toEqual(['b', 2])
})

test('building failed: this request fails, the next one tries again', async () => {
  let broken = true
  const { fetch } = worker(() => {
    if (broken) throw new Error('not now')
    return () => new Response('fine')
  })
  const request = new Request('https://notes.example.com')
  await expect(fetch(request, {}, {})).rejects.toThrow('not now')
  broken = false
  expect(await (await fetch(request, {}, {})).text()).toBe('fine')
})

test('rule 9: a promise of a handler is refused, because it would belong to one request', async () => {
  const { fetch } = worker((async () => () => new Response()) as never)
  await expect(fetch(new Request('https://notes.example.com'), {}, {})).rejects.toThrow(ConfigurationError)
  expect(() => worker(undefined as never)).toThrow(ConfigurationError)
})

/** Of the guard, for a user `ada` who may read. */
const authOf = (props: unknown, subject: string | undefined = 'ada') =>
  createAuthInfo(
    'a-token',
    { issuer: 'https://a.example', subject, clientId: 'c1', expiresAt: 100, scopes: [], claims: {}, props },
    'https://notes.example.com/mcp',
    new Set(['notes:read']),
  )

test('withAuth: the context gets `props` and `auth` as workers-oauth-provider sets them, and stays itself', () => {
  const context = { waitUntil: () => 'waits' }
  const given = withAuth(context, authOf({ name: 'Ada' }))
  expect(given).toBe(context)
  expect(given.waitUntil()).toBe('waits')
  expect(given.props).toEqual({ name: 'Ada' })
  const { token, ...rest } = given.auth
  expect({ token, ...rest }).toEqual({
    token: 'a-token',
    audience: 'https://notes.example.com/mcp',
    clientId: 'c1',
    expiresAt: 100,
    scope: ['notes:read'],
    userId: 'ada',
  })
  expect(JSON.stringify(given), 'the token is not logged by accident').not.toContain('a-token')
})

test('withAuth: props of your own; without any, an empty object and never those of another request', () => {
  expect(withAuth({}, authOf({ name: 'Ada' }), { user: 'ada' }).props).toEqual({ user: 'ada' })
  const { props, auth } = withAuth({ props: { name: 'Bob' } }, authOf(undefined, ''))
  expect(props).toEqual({})
  expect(auth).not.toHaveProperty('userId')
})

test('withAuth: a handler cannot change the scopes that the guard keeps for other requests', () => {
  const auth = authOf({})
  withAuth({}, auth).auth.scope.push('notes:write')
  expect(auth.scopes).toEqual(['notes:read'])
})

test('withoutAgentHeaders: confused deputy: no caller tells an agent its props; the rest stays', async () => {
  const inner = ['x-agents-lifecycle-props', 'X-CF-Agents-Subagent-Url', 'x-partykit-props', 'cf-mcp-message']
  const kept = { accept: 'text/event-stream', 'mcp-session-id': 'one', 'cf-connecting-ip': '192.0.2.1' }
  const request = new Request('https://notes.example.com/mcp?a=b', {
    method: 'POST',
    headers: {
      ...kept,
      ...Object.fromEntries(inner.map((name) => [name, 'evil'])),
      'content-type': 'text/plain',
    },
    body: 'a message',
  })
  const { url, method, headers } = withoutAgentHeaders(request)
  expect([url, method]).toEqual(['https://notes.example.com/mcp?a=b', 'POST'])
  expect(Object.fromEntries(headers)).toEqual({ ...kept, 'content-type': 'text/plain' })
  const plain = new Request('https://notes.example.com/mcp', {
    method: 'POST',
    headers: kept,
    body: 'a message',
  })
  const same = withoutAgentHeaders(plain)
  expect(same).toBe(plain)
  expect(await same.text()).toBe('a message')
})

describe('in workerd, outside and across requests', () => {
  let miniflare: Awaited<ReturnType<typeof startWorkerd>>
  let url: URL
  beforeAll(async () => {
    const script = await bundle(join(import.meta.dirname, 'workers-global.ts'))
    miniflare = await startWorkerd({ ...compatibility, script })
    url = await miniflare.ready
  })
  afterAll(() => miniflare.dispose())

  test('F12 in the global scope every part can be made; without a secret the error says what to do', async () => {
    expect(await (await fetch(url)).json()).toEqual({
      withoutSecret: expect.stringMatching(/^ConfigurationError: `secret` must be .*openssl rand -base64 32/),
      withSecret: 'made',
      sessions: 'made',
      client: 'made',
    })
  })

  test('withAuth sets what the real context has as read-only, for an object and for a WorkerEntrypoint', async () => {
    const ada = { props: { name: 'Ada' }, scope: ['notes:read'], waited: true }
    expect(await (await fetch(new URL('/context', url))).json()).toEqual({ object: ada, entrypoint: ada })
  })

  test.each([
    ['seal', 'text'],
    ['mac', expect.stringMatching(/^[\w-]{43}$/)],
    ['dpop', expect.stringMatching(/^[\w-]{43}$/)],
    ['store', null],
    ['timer', 'hung'],
  ])('rule 9: what a request that has ended began, %s, is for the next one: %s', async (what, expected) => {
    expect(await (await fetch(new URL(`/lead?what=${what}`, url))).text()).toBe('gone')
    for (let i = 0; i < 2; i++) {
      const { found } = (await (await fetch(new URL(`/follow?what=${what}`, url))).json()) as {
        found: unknown
      }
      expect(found).toEqual(expected)
    }
  })
})
