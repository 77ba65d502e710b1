import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { endpoints, guard } from '../../src/adapter/hono.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { createResourceServer } from '../../src/index.ts'
import { apiKeyVerifier, hashApiKey } from '../../src/resource-server/verify/api-keys.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { adapterApp } from './suite-app.ts'
import { adapterSuite } from './adapter.suite.ts'

adapterSuite(
  'tollgate/hono, on @hono/node-server',
  async (url, keys) => {
    const { rs, handler } = adapterApp(url, keys)
    const app = new Hono()
      .use(endpoints(rs))
      .all('/mcp', guard(rs), (c) => handler(c.req.raw, c.var.auth))
      .onError((_error, c) => c.text('Internal Server Error', 500))
    const server = createServer(getRequestListener(app.fetch))
    server.listen(Number(new URL(url).port), '127.0.0.1')
    await once(server, 'listening')
    return {
      close() {
        server.close()
        server.closeAllConnections()
      },
    }
  },
  { drains: false },
)

async function guarded(options: { stripAuthorization?: boolean } = {}) {
  const keys = apiKeyVerifier({
    prefix: 'key_',
    keys: [{ hash: await hashApiKey('key_alice'), subject: 'alice', scopes: ['notes:read'] }],
    deprecation: { since: 1_800_000_000 },
  })
  return createResourceServer({
    resource: 'https://notes.example.com/api/mcp',
    authorizationServers: ['https://as.example.com', keys],
    ...options,
  })
}
const alice = { headers: { authorization: 'Bearer key_alice', origin: 'https://app.example.com' } }

test('c.var.auth is there behind the guard, also below a base path, and typed', async () => {
  const app = new Hono()
    .basePath('/api')
    .all('/mcp', guard<{ plan: string }>((await guarded()) as never), (c) => {
      const plan: string | undefined = c.var.auth.props?.plan
      return c.json({ subject: c.var.auth.subject, plan: plan ?? null })
    })
  const response = await app.request('https://notes.example.com/api/mcp', alice)
  expect(await response.json()).toEqual({ subject: 'alice', plan: null })
})

test('what the guard adds to the answer is there once, and what the handler set stays', async () => {
  const app = new Hono().use(endpoints(await guarded())).all('/api/mcp', guard(await guarded()), (c) => {
    c.header('x-own', '1')
    return c.json({})
  })
  const response = await app.request('https://notes.example.com/api/mcp', alice)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('deprecation')).toMatch(/^@\d+$/)
  expect(response.headers.get('x-own')).toBe('1')
  expect(response.headers.get('content-type')).toBe('application/json')
})

test('G39 with stripAuthorization the handler sees no credential', async () => {
  const app = new Hono().all('/api/mcp', guard(await guarded({ stripAuthorization: true })), (c) =>
    c.json({ authorization: c.req.header('authorization') ?? null }),
  )
  const response = await app.request('https://notes.example.com/api/mcp', alice)
  expect(await response.json()).toEqual({ authorization: null })
})

test('a body that was read before the guard is judged, and is there for the handler', async () => {
  const operations = operationScopes({ 'tools/call': { read: ['notes:read'], write: ['notes:write'] } })
  const app = new Hono()
    .use(async (c, next) => {
      await c.req.json()
      await next()
    })
    .all('/api/mcp', guard(await guarded(), { operations }), async (c) => c.text(await c.req.raw.text()))
  const send = (name: string): Response | Promise<Response> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
    return app.request('https://notes.example.com/api/mcp', { ...alice, method: 'POST', body })
  }
  expect((await send('write')).status).toBe(403)
  expect(JSON.parse(await (await send('read')).text())).toMatchObject({ params: { name: 'read' } })
})

test('what is not guarded stays open, and the guard opens nothing else', async () => {
  const app = new Hono()
    .use(endpoints(await guarded()))
    .get('/', (c) => c.text('open'))
    .all('/api/mcp', guard(await guarded()), (c) => c.text('guarded'))
  expect(await (await app.request('https://notes.example.com/')).text()).toBe('open')
  expect((await app.request('https://notes.example.com/api/mcp')).status).toBe(401)
  expect((await app.request('https://notes.example.com/other')).status).toBe(404)
})

test('U4 endpoints() and guard() take functions, which the first request calls, once', async () => {
  const rs = await guarded()
  const make = vi.fn(() => rs)
  const app = new Hono().use(endpoints(() => [make()])).all('/api/mcp', guard(make), (c) => c.text('in'))
  expect(make).not.toHaveBeenCalled()
  for (let i = 0; i < 2; i++)
    expect(await (await app.request('https://notes.example.com/api/mcp', alice)).text()).toBe('in')
  expect(make).toHaveBeenCalledTimes(2)
})

test('G39 on toNodeHandler neither the handler nor the message sees the credential, also after a body was read', async () => {
  const operations = operationScopes({ 'tools/call': [] })
  const rs = await guarded()
  const app = new Hono()
    .post('/api/mcp/read', async (c, next) => {
      await c.req.json()
      await next()
    })
    .on('POST', ['/api/mcp', '/api/mcp/read'], guard(rs), (c) => c.json(seenBy(c.req.raw, c.env)))
    .on('POST', ['/api/mcp/ops'], guard(rs, { operations }), (c) => c.json(seenBy(c.req.raw, c.env)))
  const server = createServer((incoming, outgoing) =>
    toNodeHandler((request) => app.fetch(request, incoming))(incoming, outgoing),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } })
  for (const path of ['/api/mcp', '/api/mcp/read', '/api/mcp/ops']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...alice, method: 'POST', body })
    const text = await response.text()
    expect(text).toContain('"origin"')
    expect(text).not.toMatch(/"authorization|key_alice/i)
  }
  server.closeAllConnections()
  server.close()
})

/** The headers of a handler's request and of Node's message. */
const seenBy = (request: Request, message: unknown): unknown => {
  const { headers, rawHeaders } = message as IncomingMessage
  return [[...request.headers], headers, rawHeaders]
}

test.each([
  ['an option that does not exist', { scope: ['x'] }, /need\.scope/],
  ['a scope that is none', { scopes: ['a b'] }, /need\.scopes/],
  ['a resource that is not there', { resource: 'https://other.test/mcp' }, /need\.resource/],
  ['optional', { optional: true }, /need\.optional/],
])('guard() checks the need when it is made: %s', async (_, need, problem) => {
  const rs = await guarded()
  expect(() => guard(rs, need as never)).toThrow(problem)
})
