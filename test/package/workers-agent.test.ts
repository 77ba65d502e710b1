// examples/workers-agent in `wrangler dev`, as its user starts it: the official SDK's client signs in and calls tools.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile } from '../support/compile.ts'
import { sdkSession, type SdkSession } from '../../scripts/sdk-session.ts'
import { startWrangler, type Wrangler } from '../../scripts/wrangler.ts'
import { install } from '../support/runtime-next.ts'
import { freePort } from '../support/runtime-port.ts'

const root = join(import.meta.dirname, '../..')
const example = join(root, 'examples/workers-agent')
const state = mkdtempSync(join(tmpdir(), 'tollgate-agent-'))
let worker: Wrangler
let origin = ''
let url: URL

beforeAll(async () => {
  // Compiler, Wrangler and types are the repository's own.
  await install('examples/workers-agent', { dev: false })
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  url = new URL(`${origin}/mcp`)
  worker = startWrangler({
    port,
    config: join(example, 'wrangler.toml'),
    persistTo: state,
    ready: `${origin}/.well-known/oauth-protected-resource/mcp`,
    variables: {
      PUBLIC_URL: origin,
      TOLLGATE_SECRET: 'a deployment secret for tests, of forty bytes',
      TEAM_PLAN: 'ada, grace',
    },
  })
  await worker.ready
}, 300_000)
afterAll(async () => {
  await worker?.close()
  rmSync(state, { recursive: true, force: true })
})

/** A client of its own for a user who agrees to these scopes, or to all. */
async function signIn(name: string, scopes?: readonly string[]): Promise<SdkSession> {
  const session = sdkSession(`A client of ${name}`, undefined, name)
  const transport = new StreamableHTTPClientTransport(url, { authProvider: session.provider })
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(transport)).rejects.toThrow(
    UnauthorizedError,
  )
  await transport.finishAuth(await session.signIn(scopes && { scopes }))
  return session
}

interface Agent {
  /** What the tool says. */
  call(name: string, args?: Record<string, unknown>): Promise<string>
  tools(): Promise<string[]>
  /** As the client knows it. */
  sessionId: string
}

/** A session of its own with the agent. */
async function open({ provider }: SdkSession): Promise<Agent> {
  const transport = new StreamableHTTPClientTransport(url, { authProvider: provider })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport)
  return {
    async call(name, args = {}) {
      const { content } = await client.callTool({ name, arguments: args })
      return (content as unknown as [{ text: string }])[0].text
    },
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    sessionId: transport.sessionId!,
  }
}

interface Sent {
  /** Of the tool. */
  name?: string
  title?: string
  headers?: Record<string, string>
}

/** A request with this user's token, and a session id that may be someone else's. A POST calls a tool. */
function send(
  { provider }: SdkSession,
  method: string,
  sessionId: string,
  { name = 'who_am_i', title, headers = {} }: Sent = {},
): Promise<Response> {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { title } } }
  return fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${provider.tokens()!.access_token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-session-id': sessionId,
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    ...(method === 'POST' ? { body: JSON.stringify(call) } : {}),
  })
}

test('the example compiles as the project that it is', async () => {
  expect(await compile(example)).toBe('')
})

test('the agent knows its user by ctx.props, and keeps state for the session', async () => {
  const ada = await signIn('ada')
  const agent = await open(ada)
  expect(await agent.call('who_am_i')).toBe('You are ada. Your list holds 100 open tasks.')
  expect(await agent.call('add_task', { title: 'Write the report' })).toBe('Added 1. Write the report')
  expect(await agent.call('add_task', { title: 'Send it' })).toBe('Added 2. Send it')
  expect(await agent.call('complete_task', { id: 1 })).toBe('Completed 1. Write the report')

  const another = await open(ada)
  expect(another.sessionId).not.toBe(agent.sessionId)
  expect(await another.call('list_tasks'), 'the list is the user’s').toBe('2. Send it')
  expect(await another.call('undo'), 'changes are the session’s').toBe('This session has changed nothing.')
  expect(await agent.call('undo')).toBe('No longer completed: 1. Write the report')
  expect(await another.call('list_tasks')).toBe('1. Write the report\n2. Send it')
})

test('props of onTokens decide: the free plan ends at three tasks; another user sees another list', async () => {
  const agent = await open(await signIn('bob'))
  expect(await agent.call('list_tasks')).toBe('Nothing to do.')
  for (const title of ['One', 'Two', 'Three']) await agent.call('add_task', { title })
  expect(await agent.call('add_task', { title: 'Four' })).toMatch(/^The list is full: 3 tasks are open/)
})

test('RFC 6750 §3.1 scopes per tool: a token that may only read changes nothing', async () => {
  const reader = await signIn('grace', ['tasks:read'])
  const agent = await open(reader)
  expect(await agent.call('list_tasks')).toBe('Nothing to do.')
  const refused = await send(reader, 'POST', agent.sessionId, { name: 'add_task', title: 'No' })
  expect(refused.status).toBe(403)
  expect(refused.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*tasks:write/)
  expect(await agent.call('list_tasks')).toBe('Nothing to do.')

  const writer = await open(await signIn('grace'))
  expect(await writer.call('add_task', { title: 'Yes' })).toBe('Added 1. Yes')
  expect(await agent.call('list_tasks')).toBe('1. Yes')
})

test('session hijacking: the session of another user, or of another client of the user, is 404', async () => {
  const owner = await signIn('grace')
  const agent = await open(owner)
  const [inner] = agent.sessionId.split('.') as [string]
  expect((await send(owner, 'POST', agent.sessionId)).status).toBe(200)
  for (const thief of [await signIn('mallory'), await signIn('grace')])
    for (const id of [agent.sessionId, inner, `${inner}.AAAA`])
      for (const method of ['POST', 'GET', 'DELETE']) {
        const response = await send(thief, method, id)
        expect(response.status, `${method} ${id}`).toBe(404)
        await response.body?.cancel()
      }
  // The id that the agent itself made is not enough for its owner either: nothing goes around the binding.
  expect((await send(owner, 'POST', inner)).status).toBe(404)
  // A session with HTTP+SSE, whose id would be in the URL, does not exist.
  const sse = new URL(`?sessionId=${inner}`, url)
  const token = owner.provider.tokens()!.access_token
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
  expect((await fetch(sse, { headers })).status).toBe(400)
  expect(await agent.call('who_am_i'), 'the session is untouched').toMatch(/^You are grace\./)
})

test('confused deputy: headers by which the library talks to its agents are not taken from a caller', async () => {
  const mallory = await signIn('mallory')
  const { sessionId } = await open(mallory)
  const props = { user: JSON.stringify([origin, 'grace']), name: 'grace', limit: 100 }
  const internal: Record<string, string>[] = [
    { 'x-agents-lifecycle-props': btoa(JSON.stringify(props)) },
    { 'X-Agents-Lifecycle-Props': '{' },
    { 'x-partykit-props': JSON.stringify(props), 'x-partykit-room': 'streamable-http:another' },
    { 'cf-mcp-method': 'GET', 'cf-mcp-message': '{', 'x-cf-agents-subagent-url': `${origin}/sub/x/y` },
  ]
  for (const headers of internal) {
    const answer = await send(mallory, 'POST', sessionId, { headers })
    expect(await answer.text(), JSON.stringify(headers)).toContain('You are mallory.')
  }
})

test('RFC 6750 §2 without a token nothing reaches an agent', async () => {
  const response = await fetch(url, { method: 'POST', body: '{}' })
  expect(response.status).toBe(401)
  await response.body?.cancel()
})

test('Fetch §3.2: CORS is the guard’s, not the agent’s `*`', async () => {
  const ada = await signIn('ada')
  const { sessionId } = await open(ada)
  const answer = await send(ada, 'POST', sessionId, {
    headers: { origin: 'http://localhost:6274' },
  })
  expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:6274')
  await answer.body?.cancel()
  const foreign = await send(ada, 'POST', sessionId, { headers: { origin: 'https://evil.example' } })
  expect(foreign.status).toBe(403)
  await foreign.body?.cancel()
})

test('RFC 7009 §2 a revoked grant ends access at the next request', async () => {
  const ada = await signIn('ada')
  const { sessionId } = await open(ada)
  const tokens = ada.provider.tokens()!
  expect((await send(ada, 'POST', sessionId)).status).toBe(200)
  const revoked = await fetch(`${origin}/revoke`, {
    method: 'POST',
    body: new URLSearchParams({
      token: tokens.refresh_token!,
      client_id: ada.provider.clientInformation()!.client_id,
    }),
  })
  expect(revoked.status).toBe(200)
  const refused = await send(ada, 'POST', sessionId)
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
})
