import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect as connectHttp2, createSecureServer } from 'node:http2'
import { createServer as createTlsServer, request as tlsRequest } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { clientAddress, nodeFetch, toNodeHandler, type NodeHandlerOptions } from '../../src/adapter/node.ts'
import { createAuthorizationServer, ownLogin } from '../../src/authorization-server/index.ts'
import { ConfigurationError } from '../../src/errors.ts'
import type { AuthInfo } from '../../src/index.ts'
import { createSessions } from '../../src/resource-server/sessions.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { alice, closeExpress, startExpress } from '../support/provider-express.ts'
import { selfSigned } from '../support/runtime-tls.ts'
import { adapterApp } from './suite-app.ts'
import { adapterSuite, raw } from './adapter.suite.ts'

adapterSuite(
  'tollgate/node',
  async (url, keys) => {
    const { rs, handler } = adapterApp(url, keys)
    const server = createServer(toNodeHandler(rs.protect(handler), { onError: () => undefined }))
    server.listen(Number(new URL(url).port), '127.0.0.1')
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

const open: { close(): void; closeAllConnections(): void }[] = []
afterEach(closeExpress)
afterEach(() => {
  for (const server of open.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const show = (request: Request): Response =>
  Response.json({ url: request.url, address: clientAddress(request) ?? null })

test('HT4 plain http to an https server is refused, and the message names behindProxy', async () => {
  const handler = vi.fn(show)
  const url = await serve(toNodeHandler(handler, { publicUrl: 'https://notes.example.com' }))
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { authorization: 'Bearer x', 'x-forwarded-proto': 'https' },
    body: 'x',
  })
  expect(response.status).toBe(400)
  const { error_description: problem } = await response.json()
  expect(problem).toContain('behindProxy: true')
  expect(problem).toContain('X-Forwarded-For')
  expect(handler).not.toHaveBeenCalled()
})

test('HT4 behindProxy: the URL is the public one, the address is the one that the proxy wrote', async () => {
  const options = { publicUrl: 'https://notes.example.com/ignored', behindProxy: true }
  const url = await serve(toNodeHandler(show, options))
  const headers = { 'x-forwarded-for': '6.6.6.6, 9.9.9.9', 'x-forwarded-host': 'evil.example' }
  expect(await (await fetch(`${url}/mcp?a=b`, { headers })).json()).toEqual({
    url: 'https://notes.example.com/mcp?a=b',
    address: '9.9.9.9',
  })
  const other = await serve(toNodeHandler(show, { behindProxy: { addressHeader: 'X-Real-IP' } }))
  const real = { ...headers, 'x-real-ip': '8.8.8.8', 'x-forwarded-proto': 'https' }
  expect(await (await fetch(`${other}/mcp`, { headers: real })).json()).toEqual({
    url: `${other.replace('http', 'https')}/mcp`,
    address: '8.8.8.8',
  })
})

test.each([
  ['9.9.9.9:4711', '9.9.9.9'],
  ['[2001:DB8::1]:443', '2001:db8::1'],
  ['::ffff:9.9.9.9', '9.9.9.9'],
  ['unknown', 'unknown'],
])('T12 an address as proxies write it, %s, is %s', async (written, address) => {
  const url = await serve(toNodeHandler(show, { behindProxy: true }))
  const headers = { 'x-forwarded-for': `6.6.6.6, ${written}` }
  expect(await (await fetch(url, { headers })).json()).toMatchObject({ address })
})

test('RL1 without behindProxy no header makes an address or a scheme', async () => {
  const url = await serve(toNodeHandler(show))
  const headers = { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https', forwarded: 'for=9.9.9.9' }
  expect(await (await fetch(`${url}/mcp`, { headers })).json()).toEqual({
    url: `${url}/mcp`,
    address: '127.0.0.1',
  })
})

test('a request that never passed the adapter has no address', () => {
  expect(clientAddress(new Request('https://notes.example.com'))).toBeUndefined()
})

test('over TLS the URL is https', async () => {
  const { key, cert } = selfSigned
  const server = createTlsServer(
    { key, cert },
    toNodeHandler(show, { publicUrl: 'https://notes.example.com' }),
  )
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const body = await new Promise<string>((resolve, reject) => {
    tlsRequest({ port, host: '127.0.0.1', path: '/mcp', ca: cert, servername: 'localhost' }, (incoming) => {
      let text = ''
      incoming.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })
  expect(JSON.parse(body).url).toBe('https://notes.example.com/mcp')
})

test.each([
  '/mail/mcp/../../notes/mcp',
  '/mail/mcp/%2e%2e/%2E%2e/notes/mcp',
  '/notes/mcp/./admin',
  '/notes\\mcp',
  '/mcp#x',
  '/mcp/"x"',
  'http://127.0.0.1/a/../mcp',
  'http://user@127.0.0.1/mcp',
])('S2 a target whose path the URL parser changes is 400, and reaches no handler: %s', async (target) => {
  const handler = vi.fn(show)
  for (const options of [{}, { publicUrl: 'http://notes.example.com' }]) {
    const url = await serve(toNodeHandler(handler, options))
    expect((await raw(Number(new URL(url).port), [`GET ${target} HTTP/1.1`])).status).toBe(400)
  }
  expect(handler).not.toHaveBeenCalled()
})

test('S2 a target that the URL parser leaves alone arrives byte by byte', async () => {
  const url = await serve(toNodeHandler(show))
  for (const target of ['/', '/?', '//a//b', '/a%20b/caf%C3%A9?x=%2e%2e/../y', "/a;b='c'"]) {
    const { text } = await raw(Number(new URL(url).port), [`GET ${target} HTTP/1.1`])
    expect(text).toContain(JSON.stringify(url + target))
  }
})

test('T20 two Host headers are 400; the host of an absolute target counts, whatever Host says', async () => {
  const handler = vi.fn((request: Request) =>
    Response.json({ url: request.url, host: request.headers.get('host') }),
  )
  for (const options of [{}, { publicUrl: 'http://notes.example.com' }]) {
    const port = Number(new URL(await serve(toNodeHandler(handler, options))).port)
    for (const second of ['b.test', 'a.test'])
      expect((await raw(port, ['GET / HTTP/1.1', 'Host: a.test', `host: ${second}`])).status).toBe(400)
    expect(handler).not.toHaveBeenCalled()
    const { text } = await raw(port, ['GET http://b.test:81?q HTTP/1.1', 'Host: a.test'])
    expect(text).toContain(
      JSON.stringify({
        url: `${'publicUrl' in options ? 'http://notes.example.com' : 'http://b.test:81'}/?q`,
        host: 'b.test:81',
      }),
    )
    handler.mockClear()
  }
})

test('RC16 a body that the platform has read: its bytes, what it has made of JSON, or an error that says so', async () => {
  const onError = vi.fn()
  const listen = toNodeHandler(async (request) => new Response(await request.text()), { onError })
  const url = await serve(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    const kept = { rawBody: { rawBody: bytes }, text: { body: bytes.toString() } }
    const left = incoming.headers['x-left'] as 'rawBody' | 'text' | 'json' | 'form' | 'nothing'
    const parsed = { json: { body: { b: 1 } }, form: { body: { a: ['1', '2'] } }, nothing: {} }
    listen(Object.assign(incoming, { ...kept, ...parsed }[left]), outgoing)
  })
  const post = async (left: string, body: string, type: string): Promise<[number, string]> => {
    const headers = { 'x-left': left, 'content-type': type }
    const response = await fetch(url, { method: 'POST', headers, body })
    return [response.status, await response.text()]
  }
  const form = 'application/x-www-form-urlencoded'
  expect(await post('rawBody', 'a=1&a=2', form)).toEqual([200, 'a=1&a=2'])
  expect(await post('text', 'a=1&a=2', form)).toEqual([200, 'a=1&a=2'])
  expect(await post('json', '{ "b": 1 }', 'application/json')).toEqual([200, '{"b":1}'])
  expect(onError).not.toHaveBeenCalled()
  for (const left of ['form', 'nothing']) {
    expect((await post(left, 'a=1&a=2', form))[0]).toBe(500)
    expect(onError.mock.lastCall![0]).toBeInstanceOf(ConfigurationError)
    expect(onError.mock.lastCall![0].message).toContain('req.rawBody')
  }
})

/** An HTTP/2 server, and a client that sends to it. */
async function http2(handler: (request: Request) => Promise<Response>, options: NodeHandlerOptions = {}) {
  const server = createSecureServer(selfSigned, toNodeHandler(handler, options) as never)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const session = connectHttp2(origin, { ca: selfSigned.cert })
  open.push({ close: () => session.destroy(), closeAllConnections: () => server.close() })
  const send = async (
    headers: Record<string, string>,
    body?: string,
  ): Promise<{ status: number; text: string; headers: Record<string, unknown> }> => {
    const stream = session.request(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    const [answer] = (await once(stream, 'response')) as [Record<string, number>]
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return { status: answer[':status']!, text, headers: answer }
  }
  return { origin, send }
}

test('RC5 HTTP/2: a body without content-length arrives; none is none (RFC 9113 §8.1)', async () => {
  const { send } = await http2(async (request) =>
    Response.json([request.method, request.body === null, await request.text()]),
  )
  expect((await send({ ':method': 'POST', ':path': '/' }, 'hello')).text).toBe('["POST",false,"hello"]')
  expect((await send({ ':method': 'POST', ':path': '/' })).text).toBe('["POST",true,""]')
  expect((await send({ ':method': 'DELETE', ':path': '/' }, 'x')).text).toBe('["DELETE",false,"x"]')
})

test('RC5 HTTP/2: a client registers, and redeems at the token endpoint', async () => {
  let as: ReturnType<typeof createAuthorizationServer> | undefined
  const { origin, send } = await http2(async (request) => (await as!.handle(request))!)
  as = createAuthorizationServer({
    issuer: origin,
    secret: 'thirty-two bytes at the very least!',
    store: memoryStore(),
    signIn: ownLogin({ identify: () => undefined, loginUrl: '/login' }),
    resources: { [`${origin}/mcp`]: { scopes: { 'notes:read': 'Read' } } },
  })
  const post = (path: string, type: string, body: string): ReturnType<typeof send> =>
    send({ ':method': 'POST', ':path': path, 'content-type': type }, body)
  const metadata = { redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' }
  const registered = await post('/register', 'application/json', JSON.stringify(metadata))
  expect([registered.status, registered.text]).toEqual([201, expect.stringContaining('client_id')])
  const { client_id: client } = JSON.parse(registered.text)
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: client,
    code: 'x',
    code_verifier: 'v'.repeat(43),
  })
  const redeemed = await post('/token', 'application/x-www-form-urlencoded', String(form))
  expect([redeemed.status, redeemed.text]).toEqual([400, expect.stringContaining('"invalid_grant"')])
})

test('T20 HTTP/2: a Host that contradicts :authority is 400 (RFC 9113 §8.3.1)', async () => {
  const { origin, send } = await http2(async (request) => new Response(request.url))
  const { host } = new URL(origin)
  expect(await send({ ':path': '/', host })).toMatchObject({ status: 200, text: `${origin}/` })
  expect((await send({ ':path': '/', ':authority': host, host: 'evil.test' })).status).toBe(400)
})

test('HTTP/2: each cookie is a header of its own, and what concerns the connection is left out', async () => {
  const { send } = await http2(async () => {
    const headers = new Headers({ connection: 'x-hop', 'x-end': '1' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    return new Response('answer', { status: 201, headers })
  })
  const { status, text, headers } = await send({ ':path': '/' })
  expect([status, text]).toEqual([201, 'answer'])
  expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'x-end': '1' })
  expect(headers).not.toHaveProperty('connection')
})

test('HTTP/2: a method in lower case, which Fetch would write in upper case, is 400', async () => {
  const { send } = await http2(async (request) => new Response(request.method))
  expect((await send({ ':method': 'post', ':path': '/' }, 'x')).status).toBe(400)
})

test('HTTP/2: pseudo headers become the URL, an event stream streams', async () => {
  const server = createSecureServer(
    selfSigned,
    toNodeHandler((request) => {
      expect([...request.headers.keys()].filter((name) => name.startsWith(':'))).toEqual([])
      const body = new TransformStream<Uint8Array, Uint8Array>()
      const writer = body.writable.getWriter()
      void writer.write(new TextEncoder().encode(`data: ${request.method} ${request.url}\n\n`))
      request.signal.addEventListener('abort', () => void writer.close())
      return new Response(body.readable, { headers: { 'content-type': 'text/event-stream' } })
    }) as never,
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: selfSigned.cert })
  const stream = session.request({ ':path': '/mcp?a=b' })
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  expect([headers[':status'], headers['content-type']]).toEqual([200, 'text/event-stream'])
  const [first] = (await once(stream, 'data')) as [Buffer]
  expect(first.toString()).toBe(`data: GET https://127.0.0.1:${port}/mcp?a=b\n\n`)
  stream.close()
  session.destroy()
  server.close()
})

test('backpressure: the handler makes no more than the client takes', async () => {
  let made = 0
  const chunk = new Uint8Array(65_536)
  const url = await serve(
    toNodeHandler(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              made++
              controller.enqueue(chunk)
            },
          }),
        ),
    ),
  )
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  // It goes on until the buffers in between are full, and then it stands still.
  let before = -1
  await expect
    .poll(
      () => {
        const still = made > 0 && made === before
        before = made
        return still
      },
      { interval: 200, timeout: 10_000 },
    )
    .toBe(true)
  expect(made).toBeLessThan(1000)
  socket.destroy()
})

test('an answer that breaks off does not look whole', async () => {
  const onError = vi.fn()
  const url = await serve(
    toNodeHandler(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(new Uint8Array(10)),
            pull: (controller) => controller.error(new Error('broke off')),
          }),
        ),
      { onError },
    ),
  )
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
  expect(onError).toHaveBeenCalledOnce()
})

test.each([undefined, null, 0, '', false])(
  'an answer that breaks off for the reason %j is closed and reported like any other',
  async (reason) => {
    const onError = vi.fn()
    const broken = (): Response =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(10)),
          pull: (controller) => controller.error(reason),
        }),
      )
    const url = await serve(toNodeHandler(broken, { onError }))
    const read = fetch(url, { signal: AbortSignal.timeout(3000) }).then((response) => response.text())
    await expect(read).rejects.toThrow(TypeError)
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.calls[0]![0]).toBeInstanceOf(Error)
  },
)

test('HTTP/2: an answer that breaks off is reported', async () => {
  const onError = vi.fn()
  const body = (): BodyInit => new ReadableStream({ pull: (each) => each.error(new Error('broke off')) })
  const { send } = await http2(async () => new Response(body()), { onError })
  await send({ ':path': '/' }).catch(() => undefined)
  await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
})

test('an answer that breaks off because the client has gone is not reported', async () => {
  const onError = vi.fn()
  let aborted = 0
  const answer = async (request: Request): Promise<Response> => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(10))
        request.signal.addEventListener('abort', () => {
          aborted++
          controller.error(new Error('aborted'))
        })
      },
    })
    return request.url.endsWith('/whole') ? new Response('whole') : new Response(body)
  }
  const url = await serve(toNodeHandler(answer, { onError }))
  const controller = new AbortController()
  await fetch(url, { signal: controller.signal })
  controller.abort()
  await vi.waitFor(() => expect(aborted).toBe(1))
  expect(await (await fetch(`${url}/whole`)).text()).toBe('whole')
  const { origin, send } = await http2(answer, { onError })
  const session = connectHttp2(origin, { ca: selfSigned.cert })
  const stream = session.request({ ':path': '/' })
  await once(stream, 'data')
  session.destroy()
  await vi.waitFor(() => expect(aborted).toBe(2))
  expect((await send({ ':path': '/whole' })).text).toBe('whole')
  expect(onError).not.toHaveBeenCalled()
})

test('RFC 9112 §4 the status line has a reason phrase: the handler’s, or the usual one', async () => {
  const url = await serve(
    toNodeHandler((request) =>
      request.url.endsWith('/own')
        ? new Response('x', { status: 404, statusText: 'Gone Fishing' })
        : new Response('x', { status: Number(request.url.slice(-3)) }),
    ),
  )
  const lineOf = async (path: string): Promise<string> => {
    const { text } = await raw(Number(new URL(url).port), [`GET ${path} HTTP/1.1`])
    return text.split('\r\n', 1)[0]!
  }
  expect(await lineOf('/200')).toBe('HTTP/1.1 200 OK')
  expect(await lineOf('/404')).toBe('HTTP/1.1 404 Not Found')
  expect(await lineOf('/own')).toBe('HTTP/1.1 404 Gone Fishing')
})

test('S2 a request has one URL, also for frameworks that read the one of srvx', async () => {
  const listener = toNodeHandler(
    (request) => {
      const { _url } = request as unknown as { _url: URL }
      return Response.json([request.url, _url.href, _url instanceof URL])
    },
    { publicUrl: 'http://notes.example.com' },
  )
  const port = Number(new URL(await serve(listener)).port)
  for (const [target, host] of [
    ['/a?x=1', 'evil.test'],
    ['/a?x=1', '127.0.0.1:1'],
    ['http://abs.test/a?x=1', 'evil.test'],
  ]) {
    const { text } = await raw(port, [`GET ${target} HTTP/1.1`, `Host: ${host}`])
    const url = 'http://notes.example.com/a?x=1'
    expect(text).toContain(JSON.stringify([url, url, true]))
  }
})

test('U2 what the handler throws is told with its request, and not to the client', async () => {
  const onError = vi.fn()
  const broken = new Error('a secret of the application')
  const url = await serve(toNodeHandler(() => Promise.reject(broken), { onError }))
  const response = await fetch(`${url}/mcp`)
  expect([response.status, await response.text()]).toEqual([500, '{"error":"server_error"}'])
  const request = expect.objectContaining({ method: 'GET' }) as Request
  expect(onError.mock.calls).toEqual([[broken, { where: 'handler', request }]])
})

// The official SDK's transport says `connection: keep-alive` of its event streams; a client that had asked
// for the end then used a dead connection.
test('RFC 9110 §7.6.1 what a handler says of the connection is not passed on', async () => {
  const headers = {
    connection: 'keep-alive, x-hop',
    'keep-alive': 'timeout=5',
    upgrade: 'x',
    te: 'x',
    'x-end': '1',
  }
  const url = await serve(toNodeHandler(() => new Response('answer', { headers })))
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  const lines = answer.split('\r\n\r\n', 1)[0]!.toLowerCase().split('\r\n')
  expect(lines.filter((line) => line.startsWith('connection:'))).toEqual(['connection: close'])
  expect(lines.filter((line) => /^(keep-alive|upgrade|te):/.test(line))).toEqual([])
  expect(lines).toContain('x-end: 1')
})

test('G5 any handler sees that there is a second Authorization header', async () => {
  const url = await serve(toNodeHandler((request) => new Response(request.headers.get('authorization'))))
  const lines = ['GET / HTTP/1.1', 'Authorization: Basic YTpi', 'authorization: Bearer x']
  expect((await raw(Number(new URL(url).port), lines)).text).toContain('Basic YTpi, Bearer x')
})

test('G39 behind the guard the message has no credential either, in no view of its headers', async () => {
  const { app, origin, rs } = await startExpress()
  app.use(toNodeHandler(rs.protect((request) => Response.json(messageOf(request)))))
  const headers = { ...alice, 'x-kept': 'yes' }
  const text = await (await fetch(`${origin}/mcp`, { headers })).text()
  expect(text.match(/x-kept/g)).toHaveLength(3)
  expect(text).not.toMatch(/authorization|key_alice/i)
})

test('authenticate changes nothing: it can be asked twice, and a guard after it still knows who calls', async () => {
  const { app, origin, rs } = await startExpress()
  const subject = (auth: AuthInfo | undefined): Response => new Response(auth?.subject ?? 'anonymous')
  const ways: ((request: Request) => Promise<Response>)[] = [
    async (request) => {
      const auth = await rs.authenticate(request, { scopes: ['notes:read'] })
      return auth instanceof Response ? auth : subject(auth)
    },
    rs.protect((_request, auth) => subject(auth)),
    rs.optional((_request, auth) => subject(auth)),
  ]
  app.use(
    toNodeHandler(async (request) => {
      await rs.authenticate(request)
      return ways[Number(request.headers.get('x-way'))]!(request)
    }),
  )
  for (const way of ['0', '1', '2']) {
    const response = await fetch(`${origin}/mcp`, { headers: { ...alice, 'x-way': way } })
    expect(await response.text()).toBe('alice')
  }
})

test.each(['', 'Connection: keep-alive', 'Connection: close'])(
  'RFC 9110 §7.6.1 a guarded handler can pass its headers on, with %j',
  async (connection) => {
    const { app, origin, port, rs } = await startExpress()
    app.get('/upstream', (_req, res) => void res.send('from upstream'))
    const forward = async (request: Request): Promise<Response> => {
      const headers = new Headers(request.headers)
      headers.delete('host')
      return new Response(await (await fetch(`${origin}/upstream`, { headers })).text())
    }
    app.use(toNodeHandler(rs.protect(forward), { onError: () => undefined }))
    const lines = ['GET /mcp HTTP/1.1', 'Authorization: Bearer key_alice', 'X-Kept: yes', connection]
    const { text } = await raw(port, lines.filter(Boolean))
    expect(text).toContain('from upstream')
  },
)

test('G39 headersDistinct is right whether it was read before the guard or not', async () => {
  const { app, origin, rs } = await startExpress()
  const guarded = toNodeHandler(rs.protect((request) => Response.json(messageOf(request))))
  app.get('/mcp', guarded)
  app.get('/mcp/before', (req, _res, next) => (void req.headersDistinct, next()), guarded)
  for (const path of ['/mcp', '/mcp/before']) {
    const response = await fetch(origin + path, { headers: { 'x-first': '1', ...alice, 'x-last': '2' } })
    const { headersDistinct, headers } = (await response.json()) as ReturnType<typeof messageOf>
    expect(headersDistinct).toMatchObject({ 'x-first': ['1'], 'x-last': ['2'] })
    expect(Object.keys(headersDistinct).sort()).toEqual(Object.keys(headers).sort())
    expect(headersDistinct).not.toHaveProperty('authorization')
  }
})

/** What the adapter's request tells about Node's message. */
function messageOf(request: Request): Pick<IncomingMessage, 'headers' | 'headersDistinct' | 'rawHeaders'> {
  const { req } = (request as unknown as { runtime: { node: { req: IncomingMessage } } }).runtime.node
  const { headers, headersDistinct, rawHeaders } = req
  return { headers, headersDistinct, rawHeaders }
}

test('a request goes on where the platform wants one of its own', async () => {
  let arrived = 0
  const sessions = createSessions({ secret: 'thirty-two bytes at the very least!' })
  const resource = new URL('https://notes.example.com/mcp')
  const auth = { issuer: 'https://as.example.com', subject: 'alice', clientId: 'c', resource } as AuthInfo
  const bound = sessions.bind(async (request) => new Response(request.headers.get('mcp-session-id')))
  const url = await serve(
    toNodeHandler(async (request) => {
      if (arrived++ === 0) return nodeFetch(request)
      if (request.headers.has('mcp-session-id')) return bound(request, auth)
      const copy = new Request(request.url, request)
      return Response.json([copy.url, copy.method, copy.headers.get('x-kept'), await copy.text()])
    }),
  )
  const post = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/a?b`, { method: 'POST', headers, body: 'hello' })
  expect(await (await post({ 'x-kept': 'yes' })).json()).toEqual([`${url}/a?b`, 'POST', 'yes', 'hello'])
  const id = await sessions.create(auth)
  expect(await (await post({ 'mcp-session-id': id })).text()).not.toBe(id)
})

test('a stream announces itself before its first event', async () => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({ start: (each) => void (controller = each) })
  const headers = { 'content-type': 'text/event-stream' }
  const url = await serve(toNodeHandler(() => new Response(body, { headers })))
  const response = await fetch(url)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  controller!.close()
  expect(await response.text()).toBe('')
})

test('RL1 the address is known after the client has closed its connection', async () => {
  const address = vi.fn()
  const url = await serve(
    toNodeHandler(async (request) => {
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
      address(clientAddress(request))
      return new Response()
    }),
  )
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', () => socket.destroy())
  await expect.poll(() => address.mock.calls).toEqual([['127.0.0.1']])
})

test('a method that no Request can have is 400', async () => {
  const handler = vi.fn(show)
  const url = await serve(toNodeHandler(handler))
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toContain('HTTP/1.1 400')
  expect(handler).not.toHaveBeenCalled()
  socket.destroy()
})

test.each([
  ['publicUrl', { publicUrl: 'notes.example.com' }],
  ['publicUrl', { publicUrl: 'ftp://notes.example.com' }],
  ['behindProxy', { behindProxy: 'yes' }],
  ['behindProxy', { behindProxy: { addressHeader: '' } }],
  ['publicUrl', { publicURL: 'https://notes.example.com' }],
])('a wrong option throws and names it: %s %j', (option, options) => {
  expect(() => toNodeHandler(show, options as never)).toThrow(ConfigurationError)
  expect(() => toNodeHandler(show, options as never)).toThrow(option)
})
