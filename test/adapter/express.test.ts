// What is Express's own: raw headers, body parsers, `req.auth`, and the official SDK's transports behind the
// guard.
import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { afterEach, expect, test, vi } from 'vitest'
import { authOf, clientAddress, endpoints, guard } from '../../src/adapter/express.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import {
  createAuthorizationServer,
  ownLogin,
  type AuthorizationServerOptions,
  type EmbeddedAuthorizationServer,
} from '../../src/authorization-server/index.ts'
import type { AuthInfo } from '../../src/index.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { alice, closeExpress, startExpress as start } from '../support/provider-express.ts'
import { adapterApp } from './suite-app.ts'
import { adapterSuite } from './adapter.suite.ts'

adapterSuite(
  'tollgate/express',
  async (url, keys) => {
    const { rs, handler } = adapterApp(url, keys)
    const app = express()
    app.use(endpoints(rs))
    app.all('/mcp', guard(rs), (req, res) =>
      toNodeHandler((request) => handler(request, authOf(req)), { onError: () => undefined })(req, res),
    )
    const server = createServer(app).listen(Number(new URL(url).port), '127.0.0.1')
    await once(server, 'listening')
    return {
      close() {
        server.close()
        server.closeAllConnections()
      },
    }
  },
  { strips: true },
)

afterEach(closeExpress)

/** A request as bytes, for what fetch would not send; the whole answer. */
async function raw(port: number, ...lines: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end([...lines, 'Connection: close', '', ''].join('\r\n'))
  let answer = ''
  socket.setEncoding('utf8')
  for await (const chunk of socket) answer += chunk
  return answer
}

test('G1, G39 the handler gets req.auth as the SDK reads it, and no Authorization header in either view', async () => {
  const { app, origin, rs } = await start()
  const seen = vi.fn((req: express.Request, res: express.Response) => {
    res.json({ headers: req.headers, raw: req.rawHeaders, auth: (req as { auth?: unknown }).auth })
  })
  app.all('/mcp', guard(rs), seen)
  const refused = await fetch(`${origin}/mcp`, { method: 'POST' })
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer .*resource_metadata="http:\/\/127/)
  expect(seen).not.toHaveBeenCalled()
  const response = await fetch(`${origin}/mcp`, { headers: { ...alice, 'x-kept': 'yes' } })
  const {
    headers,
    raw: rawHeaders,
    auth,
  } = (await response.json()) as {
    headers: Record<string, string>
    raw: string[]
    auth: AuthInfo
  }
  expect(headers).toMatchObject({ 'x-kept': 'yes' })
  expect(headers['authorization']).toBeUndefined()
  expect(rawHeaders.map((each) => each.toLowerCase())).toContain('x-kept')
  expect(rawHeaders.join('\n')).not.toMatch(/authorization|key_alice/i)
  expect(auth).toMatchObject({ clientId: 'api-key', scopes: ['notes:read'], subject: 'alice' })
})

test('authOf gives what the guard found, and throws behind no guard', async () => {
  const { app, origin, rs } = await start()
  app.get('/mcp', guard(rs), (req, res) => {
    res.send(authOf(req).subject)
  })
  expect(await (await fetch(`${origin}/mcp`, { headers: alice })).text()).toBe('alice')
  expect(() => authOf({})).toThrow('guard(rs)')
})

test.each([
  ['valid and valid', 'Bearer key_alice', 'Bearer key_bob'],
  ['valid and garbage', 'Bearer key_alice', 'Bearer nonsense'],
  ['garbage and valid', 'nonsense', 'Bearer key_alice'],
  ['Basic and Bearer', 'Basic YTpi', 'Bearer key_alice'],
])('G5 two Authorization headers, %s: refused, and neither is used', async (_name, first, second) => {
  const { app, port, rs } = await start()
  const handler = vi.fn((_req: express.Request, res: express.Response) => void res.send('in'))
  app.all('/mcp', guard(rs), handler)
  const head = [`GET /mcp HTTP/1.1`, `Host: 127.0.0.1:${port}`]
  const answer = await raw(port, ...head, `Authorization: ${first}`, `authorization: ${second}`)
  expect(answer).toMatch(/^HTTP\/1\.1 40[01] /)
  expect(handler).not.toHaveBeenCalled()
})

test('G34 whatever the Host says, the challenge names the configured resource', async () => {
  const { app, port, origin, rs } = await start()
  app.all('/mcp', guard(rs), (_req, res) => void res.send('in'))
  for (const host of ['evil.test', 'mcp.test/foo?', 'a"b', `127.0.0.1:${port}`]) {
    const answer = await raw(port, 'GET /mcp HTTP/1.1', `Host: ${host}`, 'X-Forwarded-Host: evil.test')
    expect(answer).toMatch(/^HTTP\/1\.1 4(01|00|03|21) /)
    expect(answer).not.toContain('evil.test')
    if (answer.startsWith('HTTP/1.1 401'))
      expect(answer).toContain(`${origin}/.well-known/oauth-protected-resource/mcp`)
  }
  const absolute = await raw(port, `GET http://evil.test/mcp HTTP/1.1`, `Host: 127.0.0.1:${port}`)
  expect(absolute).toMatch(/^HTTP\/1\.1 421 /)
})

test('RC7 HT1 what a CORS middleware before the guard exposes stays readable; its credentials go with its origin', async () => {
  const { app, origin, rs } = await start()
  app.use((_req, res, next) => {
    res.set('access-control-allow-origin', 'https://other.example').vary('Accept-Encoding')
    res.set({ 'access-control-allow-credentials': 'true', 'access-control-expose-headers': 'X-Total' })
    next()
  })
  app.all('/mcp', guard(rs), (_req, res) => void res.send('in'))
  for (const headers of [alice, {}]) {
    const response = await fetch(`${origin}/mcp`, {
      headers: { ...headers, origin: 'http://localhost:6274' },
    })
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
    expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    expect(response.headers.get('access-control-expose-headers')).toMatch(/X-Total.*WWW-Authenticate/)
    expect(response.headers.get('vary')).toBe('Accept-Encoding, Origin')
  }
})

test('HT5 the answer to a POST is not cached, and its type is the handler’s', async () => {
  const { app, origin, rs } = await start()
  app.post('/mcp', guard(rs), (_req, res) => void res.json({ in: true }))
  const { headers } = await fetch(`${origin}/mcp`, { method: 'POST', headers: alice })
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(headers.get('cache-control')).toBe('no-store')
})

test('cookies of a middleware stay beside those of an endpoint', async () => {
  const { app, origin } = await start()
  app.use((_req, res, next) => {
    res.cookie('session', '1')
    next()
  })
  const answer = new Response('in', {
    headers: [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
  })
  app.use(endpoints({ handle: async () => answer }))
  const cookies = (await fetch(origin)).headers.getSetCookie().map((each) => each.split(';', 1)[0])
  expect(cookies.sort()).toEqual(['a=1', 'b=2', 'session=1'])
})

test('G5 endpoints() see that there is a second Authorization header', async () => {
  const { app, port } = await start()
  app.use(endpoints({ handle: async (request) => new Response(request.headers.get('authorization')) }))
  const head = ['GET / HTTP/1.1', 'Host: 127.0.0.1', 'Authorization: Basic YTpi', 'authorization: Bearer x']
  expect(await raw(port, ...head)).toContain('Basic YTpi, Bearer x')
})

test('U4 endpoints() and guard() take functions, which the first request calls, once', async () => {
  const { app, origin, rs } = await start()
  const make = vi.fn(() => rs)
  app.use(endpoints(() => [make()]))
  app.all('/mcp', guard(make), (_req, res) => void res.send('in'))
  expect(make).not.toHaveBeenCalled()
  for (let i = 0; i < 2; i++)
    expect(await (await fetch(`${origin}/mcp`, { headers: alice })).text()).toBe('in')
  expect(make).toHaveBeenCalledTimes(2)
})

test('G39 with operations the message has no credential either, whether the body was parsed before or not', async () => {
  const { app, origin, rs } = await start()
  const operations = operationScopes({ 'tools/call': [] })
  const show = (req: express.Request, res: express.Response): void => {
    res.json([req.headers, req.headersDistinct, req.rawHeaders, authOf(req).subject])
  }
  app.post('/mcp', guard(rs, { operations }), show)
  app.post('/mcp/parsed', express.json(), guard(rs, { operations }), show)
  for (const path of ['/mcp', '/mcp/parsed']) {
    const response = await fetch(origin + path, {
      method: 'POST',
      headers: { ...alice, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }),
    })
    const text = await response.text()
    expect(text).toContain('"alice"]')
    expect(text).not.toMatch(/authorization|key_alice/i)
  }
})

test('RFC 9110 §7.6.1 raw headers behind the guard can be passed on', async () => {
  const { app, origin, rs } = await start()
  const seen: string[][] = []
  app.get('/upstream', (req, res) => {
    seen.push(req.rawHeaders)
    res.send('from upstream')
  })
  app.get('/mcp', guard(rs), (req, res) => {
    request(`${origin}/upstream`, { headers: req.rawHeaders as never }, (answer) => answer.pipe(res)).end()
  })
  const response = await fetch(`${origin}/mcp`, { headers: { ...alice, 'x-kept': 'yes' } })
  expect(await response.text()).toBe('from upstream')
  expect(seen[0]!.filter((each) => each === '')).toEqual([])
  expect(seen[0]!.map((each) => each.toLowerCase())).toContain('x-kept')
})

test.each([
  ['an option that does not exist', { scope: ['x'] }, /need\.scope/],
  ['a scope that is none', { scopes: ['a b'] }, /need\.scopes/],
  ['a resource that is not there', { resource: 'https://other.test/mcp' }, /need\.resource/],
  ['optional', { optional: true }, /need\.optional/],
  ['a judge that is none', { operations: {} }, /operations/],
])('guard() checks the need when it is made: %s', async (_, need, problem) => {
  const { rs } = await start()
  expect(() => guard(rs, need as never)).toThrow(problem)
})

test('G1 a need that is changed later does not open the guard', async () => {
  const { app, origin, rs } = await start()
  const need = { scopes: ['notes:read'] }
  app.get('/mcp', guard(rs, need), (_req, res) => void res.send('in'))
  Object.assign(need, { optional: true, scopes: [] })
  expect((await fetch(`${origin}/mcp`)).status).toBe(401)
})

test('T17, G39 views of the headers that were read before the guard have no credential after it', async () => {
  const { app, origin, rs } = await start()
  const before = (req: express.Request, res: express.Response, next: express.NextFunction): void => {
    const { headers, headersDistinct, rawHeaders } = req
    expect(headersDistinct['authorization']).toEqual([alice.authorization])
    res.locals = { headers, headersDistinct, rawHeaders }
    next()
  }
  app.all('/mcp', before, guard(rs), (req, res) => {
    const { headers, headersDistinct, rawHeaders } = req
    res.json([res.locals, headers, headersDistinct, rawHeaders])
  })
  const text = await (await fetch(`${origin}/mcp`, { headers: { ...alice, 'x-kept': 'yes' } })).text()
  expect(text).toContain('x-kept')
  expect(text).not.toMatch(/authorization|key_alice/i)
})

test('RC16 a body that was read before the guard and left no trace is an error, and not an empty body', async () => {
  const { app, origin, rs } = await start()
  const problem = vi.fn()
  const operations = operationScopes({ 'tools/call': { write: ['notes:write'] } })
  const handler = vi.fn((_req: express.Request, res: express.Response) => void res.end())
  app.use(async (req, _res, next) => {
    for await (const _ of req);
    next()
  })
  app.post('/mcp', guard(rs, { operations }), handler)
  app.use(((error: Error, _req, res, _next) => {
    problem(error.message)
    res.status(500).end()
  }) as express.ErrorRequestHandler)
  const response = await fetch(`${origin}/mcp`, { method: 'POST', headers: alice, body: '{}' })
  expect(response.status).toBe(500)
  expect(problem.mock.calls[0]![0]).toContain('req.rawBody')
  expect(handler).not.toHaveBeenCalled()
})

test('RC16 endpoints() takes the bytes that a platform has kept as req.rawBody', async () => {
  const { app, origin } = await start()
  const keep = (req: unknown, _res: unknown, bytes: Buffer): void =>
    void ((req as { rawBody: Buffer }).rawBody = bytes)
  app.use(express.urlencoded({ extended: true, verify: keep }))
  app.use(endpoints({ handle: async (request) => new Response(await request.text()) }))
  const response = await fetch(origin, { method: 'POST', body: new URLSearchParams('a=1&a=2') })
  expect(await response.text()).toBe('a=1&a=2')
})

test('S2 endpoints() leaves paths that are not its own to the application, however they are written', async () => {
  const { app, port, rs } = await start()
  app.use(endpoints(rs), (req, res) => void res.send(`next: ${req.path}`))
  for (const path of ['/wiki/{page}', '/a/../b', '/caf%65'])
    expect(await raw(port, `GET ${path} HTTP/1.1`, 'Host: 127.0.0.1')).toContain(`next: ${path}`)
})

test('G31 a preflight is answered, and reaches nobody', async () => {
  const { app, origin, rs } = await start()
  const handler = vi.fn()
  app.all('/mcp', guard(rs), handler)
  const headers = { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' }
  const response = await fetch(`${origin}/mcp`, { method: 'OPTIONS', headers })
  expect(response.status).toBe(204)
  expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
  expect(handler).not.toHaveBeenCalled()
})

test('what the guard adds to an answer stands on the handler’s own: CORS, Deprecation', async () => {
  const { app, origin, rs } = await start({ deprecation: { since: 1_700_000_000 } })
  app.all('/mcp', guard(rs), (_req, res) => void res.type('text/plain').send('in'))
  const headers = { ...alice, origin: 'http://localhost:6274' }
  const response = await fetch(`${origin}/mcp`, { headers })
  expect(await response.text()).toBe('in')
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'access-control-allow-origin': 'http://localhost:6274',
    deprecation: '@1700000000',
  })
})

test('HT5 the answer to a POST is not for shared caches either, unless the handler decides', async () => {
  const { app, origin, rs } = await start()
  app.all('/mcp', guard(rs), (_req, res) => void res.json({ mail: 1 }))
  const response = await fetch(`${origin}/mcp`, { method: 'POST', headers: alice })
  expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
})

test('a body parser behind the guard finds the body, one before it does no harm', async () => {
  for (const before of [true, false]) {
    const { app, origin, rs } = await start()
    if (before) app.use(express.json())
    app.post('/mcp', guard(rs))
    if (!before) app.use(express.json())
    app.post('/mcp', (req, res) => void res.json({ got: req.body }))
    const response = await fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { ...alice, 'content-type': 'application/json' },
      body: '{"a":"\u{1F600}"}',
    })
    expect(await response.json()).toEqual({ got: { a: '\u{1F600}' } })
  }
})

test('with operations a body parser behind the guard finds the body that was judged, announced or not', async () => {
  const { app, origin, rs } = await start()
  const operations = operationScopes({ 'tools/call': [] })
  app.post('/mcp', guard(rs, { operations }), express.json(), (req, res) => void res.json(req.body))
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }
  const text = JSON.stringify(message)
  for (const body of [text, new Blob([text]).stream()]) {
    const response = await fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { ...alice, 'content-type': 'application/json' },
      body,
      duplex: 'half',
      signal: AbortSignal.timeout(3000),
    } as RequestInit)
    expect(await response.json()).toEqual(message)
  }
})

test('G31 with operations a message is judged whatever its method, and what was judged is in req.body', async () => {
  const { app, origin, rs } = await start()
  const operations = operationScopes({ 'tools/call': { read: ['notes:read'], write: ['notes:write'] } })
  app.all('/mcp', guard(rs, { operations }), (req, res) => void res.json({ got: req.body }))
  const send = async (method: string, name: string): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })
    const response = await fetch(`${origin}/mcp`, { method, headers: alice, body })
    return response.status === 200 ? ((await response.json()) as { got: unknown }).got : response.status
  }
  for (const method of ['POST', 'PUT', 'DELETE']) {
    expect([method, await send(method, 'write')]).toEqual([method, 403])
    expect(await send(method, 'read')).toMatchObject({ method: 'tools/call', params: { name: 'read' } })
  }
  expect((await fetch(`${origin}/mcp`, { method: 'DELETE', headers: alice })).status).toBe(200)
})

test.each(['GET', 'HEAD'])(
  'S8 with operations a body on %s is 400, whether it was parsed before the guard or not',
  async (method) => {
    for (const before of [[express.json()], []]) {
      const { app, port, rs } = await start()
      let calls = 0
      const operations = operationScopes({ 'tools/call': { write: ['notes:write'] } })
      app.all('/mcp', ...before, guard(rs, { operations }), (_req, res) => {
        calls++
        res.end()
      })
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'write' } })
      // Unlike fetch, node:http sends a body with any method.
      const send = async (text: string, headers: Record<string, string>): Promise<number | undefined> => {
        const type = { 'content-type': 'application/json' }
        const options = {
          method,
          port,
          path: '/mcp',
          agent: false,
          headers: { ...alice, ...type, ...headers },
        }
        const outgoing = request({ host: '127.0.0.1', ...options }).end(text)
        const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
        incoming.resume()
        return incoming.statusCode
      }
      expect(await send(body, { 'content-length': String(body.length) })).toBe(400)
      expect(await send(body, { 'transfer-encoding': 'chunked' })).toBe(400)
      expect(calls).toBe(0)
      expect(await send('', {})).toBe(200)
      expect(await send('', { 'content-length': '0' })).toBe(200)
    }
  },
)

test('endpoints() answers the metadata, and leaves everything else and its body to the next one', async () => {
  const { app, origin, rs } = await start()
  app.use(endpoints(rs), express.text())
  app.all('/{*any}', (req, res) => void res.send(`next: ${req.body as string}`))
  const url = `${origin}/.well-known/oauth-protected-resource/mcp`
  const document = await fetch(url)
  expect(await document.json()).toMatchObject({ resource: `${origin}/mcp` })
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
  const post = await fetch(url, { method: 'POST' })
  expect([post.status, post.headers.get('allow')]).toEqual([405, expect.stringContaining('GET')])
  const other = await fetch(`${origin}/other`, {
    method: 'POST',
    body: 'x'.repeat(200_000),
    headers: { 'content-type': 'text/plain' },
  })
  expect(other.status).toBe(413)
  const small = await fetch(`${origin}/other`, {
    method: 'POST',
    body: 'hello',
    headers: { 'content-type': 'text/plain' },
  })
  expect(await small.text()).toBe('next: hello')
})

test('endpoints() below a mounted router still sees the whole path', async () => {
  const { app, origin, rs } = await start()
  const router = express.Router().use(endpoints(rs))
  app.use('/.well-known', router)
  expect((await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)).status).toBe(200)
})

test('endpoints() gets forms byte by byte, and says so when a parser has eaten them', async () => {
  const token = {
    handle: async (request: Request) =>
      new Response(await request.text(), {
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      }),
  }
  const form = { method: 'POST', body: new URLSearchParams('a=1&a=2&b=%20') }
  const right = await start()
  right.app.use(endpoints(token))
  const answer = await fetch(right.origin, form)
  expect(await answer.text()).toBe('a=1&a=2&b=+')
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])

  const wrong = await start()
  const problem = vi.fn()
  wrong.app.use(express.urlencoded({ extended: true }), endpoints(token))
  wrong.app.use(((error: Error, _req, res, _next) => {
    problem(error.message)
    res.status(500).end()
  }) as express.ErrorRequestHandler)
  expect((await fetch(wrong.origin, form)).status).toBe(500)
  expect(problem.mock.calls[0]![0]).toContain('before express.json()')
})

test('an error of the handler is Express’s to answer', async () => {
  const { app, origin, rs } = await start()
  app.get('/mcp', guard(rs), () => {
    throw new Error('broken')
  })
  app.use(
    ((error: Error, _req, res, _next) =>
      void res.status(418).send(error.message)) as express.ErrorRequestHandler,
  )
  const response = await fetch(`${origin}/mcp`, { headers: alice })
  expect([response.status, await response.text()]).toEqual([418, 'broken'])
})

test('a stream: the first event comes before the handler ends, and a client that goes away is noticed', async () => {
  const { app, origin, rs } = await start()
  let gone!: () => void
  const noticed = new Promise<void>((resolve) => (gone = resolve))
  app.get('/mcp', guard(rs), (_req, res) => {
    res.on('close', gone)
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write('data: first\n\n')
  })
  const abort = new AbortController()
  const response = await fetch(`${origin}/mcp`, { headers: alice, signal: abort.signal })
  const reader = response.body!.getReader()
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: first\n\n')
  abort.abort()
  await noticed
})

test('G37 a GET stream ends with the token; writing on is harmless', async () => {
  const { app, origin, rs } = await start({ expiresAt: Date.now() / 1000 + 1 })
  let timer: NodeJS.Timeout | undefined
  const closed = new Promise<void>((resolve) => {
    app.get('/mcp', guard(rs), (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      timer = setInterval(() => res.write('data: tick\n\n'), 100)
      res.on('close', () => resolve())
    })
  })
  const response = await fetch(`${origin}/mcp`, { headers: alice })
  expect(await response.text()).toMatch(/^(data: tick\n\n)+$/)
  await closed
  clearInterval(timer)
})

test('S18 the parsed body says whether the stream of a POST outlives its token', async () => {
  const { app, origin, rs } = await start({ expiresAt: Date.now() / 1000 + 1 })
  const open = new Map<string, express.Response>()
  app.post('/mcp', guard(rs), express.json(), (req, res) => {
    const { method } = req.body as { method: string }
    res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    open.set(method, res)
  })
  const post = (method: string): Promise<Response> =>
    fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { ...alice, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method }),
    })
  const call = await post('tools/call')
  const listen = await post('subscriptions/listen')
  expect(await listen.text()).toBe('data: 1\n\n')
  open.get('tools/call')!.end('data: 2\n\n')
  expect(await call.text()).toBe('data: 1\n\ndata: 2\n\n')
})

function embedded(options: Partial<AuthorizationServerOptions> = {}): EmbeddedAuthorizationServer {
  return createAuthorizationServer({
    issuer: 'https://notes.example.com',
    secret: 'thirty-two bytes at the very least!',
    store: memoryStore(),
    signIn: ownLogin({ identify: () => undefined, loginUrl: '/login' }),
    resources: { 'https://notes.example.com/mcp': { scopes: { 'notes:read': 'Read' } } },
    ...options,
  })
}
const redeem = {
  method: 'POST',
  body: new URLSearchParams({ grant_type: 'authorization_code', code: 'x', client_id: 'y' }),
}
const overTls = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '6.6.6.6, 9.9.9.9' }

test('HT4 plain http to an https issuer is refused, and the message names behindProxy', async () => {
  const { app, origin } = await start()
  app.use(endpoints(embedded()))
  // Anybody can write this header where no proxy is trusted.
  for (const headers of [{}, overTls]) {
    const response = await fetch(`${origin}/token`, { ...redeem, headers })
    expect(response.status).toBe(400)
    const { error_description: problem } = (await response.json()) as { error_description: string }
    expect(problem).toContain('behindProxy: true')
    expect(problem).toContain('X-Forwarded-For')
  }
})

test('HT4, RL1 `trust proxy` is believed: scheme and address are what the proxy says', async () => {
  const { app, origin } = await start()
  app.set('trust proxy', 1)
  const address = {
    handle: async (request: Request) =>
      request.url.endsWith('/address') ? new Response(clientAddress(request)) : undefined,
  }
  app.use(endpoints(embedded(), address))
  const response = await fetch(`${origin}/token`, { ...redeem, headers: overTls })
  expect(await response.json()).toMatchObject({ error: 'invalid_client' })
  expect(await (await fetch(`${origin}/address`, { headers: overTls })).text()).toBe('9.9.9.9')
})

test('RL1 without `trust proxy` no header makes an address', async () => {
  const { app, origin } = await start()
  app.use(endpoints({ handle: async (request) => new Response(clientAddress(request)) }))
  const headers = { 'x-forwarded-for': '9.9.9.9', forwarded: 'for=9.9.9.9' }
  expect(await (await fetch(origin, { headers })).text()).toBe('127.0.0.1')
})
