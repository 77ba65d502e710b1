// The drop-in for mcp-framework against the real package, on its HTTP stream and SSE transports.
import { request as send, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { refusedTokenNames } from '../../src/testing/index.ts'
import {
  accept,
  bearer,
  initialize,
  loadFramework,
  post,
  startFramework,
  type FrameworkOptions,
  type FrameworkServer,
  type Loaded,
} from '../support/mcp-framework.ts'

// It is installed first, where that has not been done.
vi.setConfig({ hookTimeout: 300_000 })

let loaded: Loaded
beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => Boolean(log.push(String(chunk))))
  loaded = await loadFramework()
})

/** What the framework has logged. */
const log: string[] = []
const running: FrameworkServer[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

async function start(options: FrameworkOptions = {}): Promise<FrameworkServer> {
  const server = await startFramework(loaded, options)
  running.push(server)
  return server
}

/** `fetch` keeps one header of a name, and writes `Host` itself. */
async function raw(url: string, headers: string[]): Promise<number> {
  const given = ['content-type', 'application/json', 'accept', accept, ...headers]
  const host = given.includes('host') ? [] : ['host', new URL(url).host]
  const outgoing = send(url, { method: 'POST', headers: [...host, ...given] })
  outgoing.end(initialize)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode!
}

const challengeOf = (response: Response): string | null => response.headers.get('www-authenticate')

async function connect(
  { resource }: FrameworkServer,
  token: string,
  transport: 'http-stream' | 'sse' = 'http-stream',
): Promise<Client> {
  const Transport = transport === 'sse' ? SSEClientTransport : StreamableHTTPClientTransport
  const client = new Client({ name: 'test', version: '1.0.0' })
  const init: RequestInit = { headers: bearer(token) }
  await client.connect(
    new Transport(new URL(resource), {
      requestInit: init,
      ...(transport === 'sse' && {
        eventSourceInit: {
          fetch: (url, options) => fetch(url as string, { ...(options as RequestInit), ...init }),
        },
      }),
    }) as never,
  )
  return client
}

/** What a slow tool waits for. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

const textOf = (result: unknown): string => (result as { content: { text: string }[] }).content[0]!.text

describe('a request on the HTTP stream', () => {
  test('G1 no token: 401 without error, with the address at which the framework serves the metadata', async () => {
    const server = await start({ options: () => ({ requiredScopes: ['notes:read'] }) })
    const response = await post(server)
    const metadataUrl = `${server.origin}/.well-known/oauth-protected-resource`
    expect(response.status).toBe(401)
    expect(challengeOf(response)).toBe(`Bearer scope="notes:read", resource_metadata="${metadataUrl}"`)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ error: 'Unauthorized', status: 401 })
    const metadata = { resource: server.resource, authorization_servers: [server.issuer.issuer] }
    expect(await (await fetch(metadataUrl)).json()).toEqual(metadata)
    expect(server.provider.getProtectedResourceMetadata()).toMatchObject(metadata)
    expect(server.provider.getResource()).toBe(server.resource)
    expect(server.provider.getAuthorizationServers()).toEqual([server.issuer.issuer])
    expect(server.provider).toBeInstanceOf(loaded.framework.OAuthAuthProvider)
  })

  test.each(refusedTokenNames)(
    'G8 G9 G15 G16 G17 G18 a token that is %s: 401 invalid_token',
    async (name) => {
      const server = await start()
      const token = await server.issuer.refusedToken(name)
      const response = await post(server, bearer(token))
      expect(response.status).toBe(401)
      expect(challengeOf(response)).toMatch(/^Bearer error="invalid_token", resource_metadata="/)
      expect(await response.text()).not.toContain(token)
      expect(JSON.stringify(server.events)).not.toContain(token)
    },
  )

  test('G16 the token of another path of the same origin: 401', async () => {
    const server = await start()
    const paths = ['', '/', '/mcp/', '/mcp/x', '/MCP', '/b/mcp'].map((path) => server.origin + path)
    for (const resource of paths) {
      const response = await post(server, bearer(await server.issuer.tokenFor({ resource })))
      expect([resource, response.status]).toEqual([resource, 401])
    }
  })

  test('G2 G3 the scheme in any case; another scheme is no token', async () => {
    const server = await start()
    const token = await server.issuer.tokenFor()
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer '])
      expect((await post(server, { authorization: `${scheme} ${token}` })).status).toBe(200)
    for (const authorization of [`Token ${token}`, `Basic ${token}`, `DPoP ${token}`, token]) {
      const response = await post(server, { authorization })
      expect(response.status).toBe(401)
      expect(challengeOf(response)).not.toContain('error=')
    }
  })

  test('G5 two Authorization headers: 400, whichever comes first', async () => {
    const server = await start()
    const [alice, bob] = [
      await server.issuer.tokenFor({ subject: 'alice' }),
      await server.issuer.tokenFor({ subject: 'bob' }),
    ]
    for (const second of [`Bearer ${bob}`, 'Bearer x', 'Basic eDp5']) {
      for (const pair of [
        [`Bearer ${alice}`, second],
        [second, `Bearer ${alice}`],
      ]) {
        const status = await raw(
          server.resource,
          pair.flatMap((each) => ['authorization', each]),
        )
        expect(status).toBe(400)
      }
    }
    expect(server.events.map(({ type }) => type)).not.toContain('token.accepted')
  })

  test('G6 a token in the query, a cookie or another header: 401', async () => {
    const server = await start()
    const token = await server.issuer.tokenFor()
    const places: [query: string, headers: Record<string, string>][] = [
      [`?access_token=${token}&token=${token}`, {}],
      ['', { cookie: `token=${token}; Authorization=Bearer ${token}` }],
      ['', { 'x-access-token': `Bearer ${token}`, 'proxy-authorization': `Bearer ${token}` }],
    ]
    for (const [query, headers] of places)
      expect((await post({ resource: server.resource + query }, headers)).status).toBe(401)
    expect(JSON.stringify(server.events)).not.toContain(token)
  })

  test('G31 each method is judged', async () => {
    const server = await start()
    for (const method of ['GET', 'HEAD', 'DELETE', 'PUT', 'PATCH'])
      expect([method, (await fetch(server.resource, { method })).status]).toEqual([method, 401])
  })

  test('G27 a scope is missing: 403 with what the request needs', async () => {
    const server = await start({ options: () => ({ requiredScopes: ['notes:read', 'notes:write'] }) })
    const response = await post(server, bearer(await server.issuer.tokenFor({ scopes: ['notes:read'] })))
    expect(response.status).toBe(403)
    expect(challengeOf(response)).toContain('error="insufficient_scope", scope="notes:read notes:write"')
  })

  test('G22 the issuer is out of reach: 503 with Retry-After, and nothing about the token', async () => {
    const server = await start({
      options: () => ({
        fetch: async () => new Response(null, { status: 500 }),
        onError: () => undefined,
      }),
    })
    const response = await post(server, bearer(await server.issuer.tokenFor()))
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(challengeOf(response)).not.toContain('error')
    expect(await response.json()).toMatchObject({ error: 'The token cannot be judged at the moment' })
  })

  test('G34 G38 DNS rebinding: another host or origin is refused on this machine', async () => {
    const server = await start()
    const token = await server.issuer.tokenFor()
    const authorization = ['authorization', `Bearer ${token}`]
    expect(await raw(server.resource, authorization)).toBe(200)
    expect(await raw(server.resource, ['host', 'evil.test', ...authorization])).toBe(421)
    expect((await post(server, { ...bearer(token), origin: 'https://evil.test' })).status).toBe(403)
    expect((await post(server, { ...bearer(token), origin: server.origin })).status).toBe(200)
  })

  test('each request gets the reason of its own refusal, also in parallel', async () => {
    const server = await start({ options: () => ({ requiredScopes: ['notes:write'] }) })
    const weak = await server.issuer.tokenFor({ scopes: ['notes:read'] })
    const expired = await server.issuer.refusedToken('expired')
    const good = await server.issuer.tokenFor()
    const kinds: [headers: Record<string, string>, status: number, challenge: RegExp][] = [
      [{}, 401, /^Bearer scope=/],
      [bearer(weak), 403, /error="insufficient_scope"/],
      [bearer(expired), 401, /error="invalid_token".*expired/],
      [bearer(good), 200, /^null$/],
    ]
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const [headers, status, challenge] = kinds[i % kinds.length]!
        const response = await post(server, headers)
        expect(response.status).toBe(status)
        expect(String(challengeOf(response))).toMatch(challenge)
      }),
    )
  })

  test('G36 session hijacking: the session of another user does not exist, and goes on for its own', async () => {
    const server = await start()
    const tokenOf = (subject: string): Promise<string> => server.issuer.tokenFor({ subject })
    const client = await connect(server, await tokenOf('alice'))
    await client.listTools()
    const { sessionId } = client.transport as StreamableHTTPClientTransport
    const body = JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/list', params: {} })
    const headers = { 'mcp-session-id': sessionId!, 'mcp-protocol-version': '2025-06-18' }
    for (const method of ['GET', 'POST', 'DELETE']) {
      const response = await fetch(server.resource, {
        ...{
          method,
          headers: {
            ...headers,
            accept,
            'content-type': 'application/json',
            ...bearer(await tokenOf('bob')),
          },
        },
        ...(method === 'POST' && { body }),
      })
      expect([method, response.status]).toEqual([method, 404])
    }
    expect((await post(server, headers, body)).status).toBe(401)
    expect(server.events.at(-2)).toMatchObject({ type: 'request.refused', subject: 'bob', status: 404 })
    // A refreshed token of the same user and client.
    expect((await post(server, { ...headers, ...bearer(await tokenOf('alice')) }, body)).status).toBe(200)
    expect((await client.listTools()).tools).toHaveLength(1)
    await client.close()
  })

  test('G37 a stream ends with its token', async () => {
    const server = await start()
    const client = await connect(server, await server.issuer.tokenFor({ expiresIn: 2 }))
    const { sessionId } = client.transport as StreamableHTTPClientTransport
    const headers = {
      ...bearer(await server.issuer.tokenFor({ expiresIn: 1 })),
      'mcp-session-id': sessionId!,
    }
    await client.close()
    const stream = await fetch(server.resource, { headers: { ...headers, accept: 'text/event-stream' } })
    expect(stream.status).toBe(200)
    await stream.body!.pipeTo(new WritableStream()).catch(() => undefined)
  })

  test('LG1 a tool finds the claims and the caller; the token is not enumerable, and in no log', async () => {
    const server = await start()
    const token = await server.issuer.tokenFor({ subject: 'ada', scopes: ['notes:read'] })
    const client = await connect(server, token)
    expect(textOf(await client.callTool({ name: 'who_am_i', arguments: {} }))).toContain('You are ada.')
    await client.close()
    const [context] = server.contexts
    expect(context).toMatchObject({
      sub: 'ada',
      scope: 'notes:read',
      auth: { subject: 'ada', scopes: ['notes:read'] },
    })
    expect(loaded.authOf(context)).toBe(context!['auth'])
    expect(() => loaded.authOf({})).toThrow(/`authOf` must get getRequestContext/)
    expect(context!['token']).toBe(token)
    expect(JSON.stringify(context)).not.toContain(token)
    expect(log.join('')).toContain('notes')
    expect(log.join('')).not.toContain(token.slice(0, 40))
  })
})

describe('a request on SSE', () => {
  const guarded = { transport: 'sse', endpoints: { sse: true } } as const

  test('the official client connects and calls the tool', async () => {
    const server = await start(guarded)
    const client = await connect(server, await server.issuer.tokenFor({ subject: 'ada' }), 'sse')
    expect(textOf(await client.callTool({ name: 'who_am_i', arguments: {} }))).toContain('You are ada.')
    await client.close()
  })

  test('G1 G36 the stream and the message endpoint need a token; the session of another user does not exist', async () => {
    const server = await start(guarded)
    const stream = await fetch(server.resource, { headers: { accept: 'text/event-stream' } })
    expect(stream.status).toBe(401)
    expect(challengeOf(stream)).toBe(
      `Bearer resource_metadata="${server.origin}/.well-known/oauth-protected-resource"`,
    )

    const alice = await server.issuer.tokenFor({ subject: 'alice' })
    const opened = await fetch(server.resource, {
      headers: { accept: 'text/event-stream', ...bearer(alice) },
    })
    const reader = opened.body!.getReader()
    const [, path] = /data: (\S+)/.exec(new TextDecoder().decode((await reader.read()).value))!
    const endpoint = { resource: server.origin + path! }
    expect((await post(endpoint)).status).toBe(401)
    expect((await post(endpoint, bearer(alice))).status).toBe(202)
    const bob = await server.issuer.tokenFor({ subject: 'bob' })
    expect((await post(endpoint, bearer(bob))).status).toBe(404)
    expect((await post(endpoint, bearer(alice))).status).toBe(202)
    await reader.cancel()
  })

  test('G37 a stream ends with its token', async () => {
    const server = await start(guarded)
    const stream = await fetch(server.resource, {
      headers: { accept: 'text/event-stream', ...bearer(await server.issuer.tokenFor({ expiresIn: 1 })) },
    })
    expect(stream.status).toBe(200)
    await stream.body!.pipeTo(new WritableStream()).catch(() => undefined)
  })
})

describe('without a transport of the framework', () => {
  test('handleRequest: the same judge, whose reason goes out', async () => {
    const server = await start()
    const ask = (headers: Record<string, string>): Promise<Response> =>
      server.server.handleRequest(
        new Request(server.resource, {
          ...{ method: 'POST', body: initialize },
          headers: {
            'content-type': 'application/json',
            accept,
            host: new URL(server.origin).host,
            ...headers,
          },
        }),
      )
    expect((await ask({})).status).toBe(401)
    expect(challengeOf(await ask({}))).not.toContain('error=')
    expect((await ask(bearer(await server.issuer.tokenFor()))).status).toBe(200)
    const both = `Bearer ${await server.issuer.tokenFor()}, Bearer ${await server.issuer.tokenFor()}`
    expect((await ask({ authorization: both })).status).toBe(400)
  })
})

describe('what the page warns of is still so', () => {
  test('the HTTP stream of the framework gives one user the answer of another', async () => {
    const { promise, resolve } = gate()
    const server = await start({ wait: async (subject) => (subject === 'bob' ? promise : undefined) })
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (subject) => connect(server, await server.issuer.tokenFor({ subject }))),
    )
    const slow = bob!.callTool({ name: 'who_am_i', arguments: {} })
    await vi.waitFor(() => expect(server.contexts).toHaveLength(1))
    await alice!.callTool({ name: 'who_am_i', arguments: {} })
    expect(textOf(await slow)).toContain('You are alice.')
    resolve()
    await Promise.all([alice!.close(), bob!.close()])
  })

  test('SSE does not', async () => {
    const { promise, resolve } = gate()
    const server = await start({
      ...{ transport: 'sse', endpoints: { sse: true } },
      wait: async (subject) => (subject === 'bob' ? promise : undefined),
    })
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (subject) =>
        connect(server, await server.issuer.tokenFor({ subject }), 'sse'),
      ),
    )
    const slow = bob!.callTool({ name: 'who_am_i', arguments: {} })
    await vi.waitFor(() => expect(server.contexts).toHaveLength(1))
    expect(textOf(await alice!.callTool({ name: 'who_am_i', arguments: {} }))).toContain('You are alice.')
    resolve()
    expect(textOf(await slow)).toContain('You are bob.')
    await Promise.all([alice!.close(), bob!.close()])
  })
})
