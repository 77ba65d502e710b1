// examples/express as its user starts it, twice: Redis is real, Okta answers as its documentation says.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { toNodeHandler } from '../../src/adapter/node.ts'
import {
  listen,
  startBalancer,
  startExample,
  type Balancer,
  type Closable,
} from '../support/example-program.ts'
import { startProxy } from '../store/fault-proxy.ts'
import { alice, fetchOf, type ImitatedUser } from '../support/providers/imitation.ts'
import { oktaImitation } from '../support/providers/okta.ts'
import { install } from '../support/runtime-next.ts'

const REDIS_URL = process.env['REDIS_URL']!
const domain = 'dev-123.okta.com'
const started = Date.now()
const callback = 'http://127.0.0.1:4567/callback'
const okta = oktaImitation({ callback })
const bob: ImitatedUser = { ...alice, id: '99', login: 'bob', name: 'Bob', email: 'bob@example.com' }
const redis = createClient({ url: REDIS_URL })
const running: Closable[] = []
const clients: Client[] = []
let idp: Closable
let balancer: Balancer
/** What users type: the balancer's. */
let url: URL

beforeAll(async () => {
  await install('examples/express')
  await redis.connect()
  idp = await listen(
    toNodeHandler((request) => {
      const { pathname, search } = new URL(request.url)
      return okta.handle(new Request(`https://${domain}${pathname}${search}`, request))
    }),
  )
  balancer = await startBalancer()
  url = new URL('/mcp', balancer.url)
  running.push(idp, balancer)
  balancer.targets = [await start()]
}, 300_000)
afterAll(async () => {
  for (const each of running.toReversed()) await each.close()
  redis.destroy()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

const SESSION_SECRET = 'a secret for tests, long enough to be one'

async function start(redisUrl = REDIS_URL): Promise<URL> {
  const env = {
    OKTA_DOMAIN: domain,
    OKTA_AUDIENCE: 'api://default',
    REDIS_URL: redisUrl,
    SESSION_SECRET,
    PUBLIC_URL: url.origin,
    OKTA_IMITATION: idp.url.href,
    IMITATION_STARTED: String(started),
  }
  const network = ['--import', join(import.meta.dirname, '../support/okta-network.ts')]
  const instance = await startExample('express/server.ts', 'Notes at ', env, network)
  running.push(instance)
  return instance.url
}

/** The SDK reaches the example directly, and Okta at the imitation. */
const fetchAll = async (input: string | URL, init?: RequestInit): Promise<Response> =>
  String(input).startsWith('http://127.0.0.1') ? fetch(input, init) : fetchOf(okta)(input, init)

/** Okta knows a client only if an administrator has added it. */
async function signIn(user: ImitatedUser): Promise<SdkSession> {
  const session = sdkSession('A client', `${callback}/okta`)
  session.provider.saveClientInformation({
    client_id: okta.client.id,
    client_secret: okta.client.secret,
  } as never)
  const transport = open(session)
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(transport as never)).rejects.toThrow(
    UnauthorizedError,
  )
  okta.user = user
  const answer = await session.signIn({ send: (request) => okta.handle(request) })
  await transport.finishAuth(answer.get('code')!)
  return session
}

const open = ({ provider }: SdkSession): StreamableHTTPClientTransport =>
  new StreamableHTTPClientTransport(url, { authProvider: provider as never, fetch: fetchAll })

async function connect(
  session: SdkSession,
): Promise<{ call(name: string, args?: Record<string, string>): Promise<string>; sessionId: string }> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  clients.push(client)
  const transport = open(session)
  await client.connect(transport as never)
  return {
    sessionId: transport.sessionId!,
    async call(name, args = {}) {
      const { content } = await client.callTool({ name, arguments: args })
      return (content as [{ text: string }])[0].text
    },
  }
}

/** One request of another make. */
const send = ({ provider }: SdkSession, method: string, headers: Record<string, string>) =>
  fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${provider.tokens()!.access_token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    ...(method === 'POST' ? { body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/list' }) } : {}),
  })

test('ST5 a note of one instance is read at another; Okta’s keys are fetched once', async () => {
  const title = randomUUID()
  const one = await connect(await signIn(alice))
  expect(await one.call('write_note', { title, text: 'Kept in Redis' })).toBe(`Wrote "${title}".`)
  const asked = () => okta.requests.filter(({ url }) => url.endsWith('/v1/keys')).length
  expect(asked()).toBe(1)

  balancer.targets = [await start()]
  // The transport of a session is at its own instance.
  await expect(one.call('list_notes')).rejects.toThrow('Session not found')
  const two = await connect(await signIn(alice))
  expect(await two.call('read_note', { title })).toBe('Kept in Redis')
  const stranger = await connect(await signIn(bob))
  expect(await stranger.call('read_note', { title })).toBe(`There is no note "${title}".`)
  expect(asked()).toBe(1)
})

test('G36 a session belongs to its user: 404 for another one, and it goes on after a refresh', async () => {
  const hers = await signIn(alice)
  const his = await signIn(bob)
  const { sessionId, call } = await connect(hers)
  for (const method of ['POST', 'GET', 'DELETE'])
    expect((await send(his, method, { 'mcp-session-id': sessionId })).status).toBe(404)
  const old = hers.provider.tokens()!.access_token
  hers.provider.saveTokens((await signIn(alice)).provider.tokens()!)
  expect(hers.provider.tokens()!.access_token).not.toBe(old)
  expect(await call('read_note', { title: 'None' })).toBe('There is no note "None".')
})

test('G36 an event id brings events to its own session only', async () => {
  const hers = await signIn(alice)
  const { sessionId } = await connect(hers)
  const answer = await (await send(hers, 'POST', { 'mcp-session-id': sessionId })).text()
  const [, event = ''] = /^id: (\S+)$/m.exec(answer)!
  const resume = async (session: SdkSession, id: string, from = event): Promise<string> => {
    const response = await send(session, 'GET', { 'mcp-session-id': id, 'last-event-id': from })
    if (!response.ok) return String(response.status)
    const { value } = await response.body!.getReader().read()
    return new TextDecoder().decode(value)
  }
  // What she missed is sent to her again.
  expect(await resume(hers, sessionId)).toContain('write_note')
  const his = await signIn(bob)
  const another = await connect(his)
  expect(await resume(his, sessionId)).toBe('404')
  expect(await resume(his, another.sessionId)).toBe('500')
  // Redis would read it as "from the beginning".
  expect(await resume(hers, sessionId, '-')).toBe('500')
})

test('LG1 no token lies in Redis, and what is kept of Okta and of sessions has an end', async () => {
  const session = await signIn(alice)
  await connect(session)
  const { access_token } = session.provider.tokens()!
  const kept = async (pattern: string): Promise<string[]> => redis.keys(pattern)
  const cached = await kept('cache:*')
  const events = await kept('events:*')
  for (const keys of [cached, events]) expect(keys).not.toEqual([])
  for (const key of [...cached, ...events]) expect(await redis.ttl(key)).toBeGreaterThan(0)
  const values = await Promise.all([
    ...cached.map((key) => redis.get(key)),
    ...events.map(async (key) => JSON.stringify(await redis.xRange(key, '-', '+'))),
  ])
  expect([...cached, ...events, ...values].join('\n')).not.toContain(access_token)
})

test('ST5 without Redis the answer is 503 and never 401, and shows nothing of the program', async () => {
  const proxy = await startProxy(new URL(REDIS_URL))
  balancer.targets = [await start(`redis://127.0.0.1:${proxy.port}`)]
  const session = await signIn(alice)
  const { sessionId } = await connect(session)
  expect((await send(session, 'POST', { 'mcp-session-id': sessionId })).status).toBe(200)
  await proxy.close()
  const answers = [
    await send(session, 'POST', { 'mcp-session-id': sessionId }),
    await send(session, 'GET', { 'mcp-session-id': sessionId, 'last-event-id': '1-1' }),
  ]
  for (const answer of answers) {
    const text = await answer.text()
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    expect(text).not.toMatch(/node_modules|examples|127\.0\.0\.1/)
  }
})
