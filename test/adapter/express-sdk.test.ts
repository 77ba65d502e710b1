// The official SDK v1 behind the guard on Express: every way in which an MCP server answers passes through
// untouched.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { afterEach, expect, test } from 'vitest'
import { authOf, guard } from '../../src/adapter/express.ts'
import type { AuthInfo } from '../../src/index.ts'
import { createSessions, samePrincipal } from '../../src/resource-server/sessions.ts'
import { alice, bob, closeExpress, startExpress, type ExpressApp } from '../support/provider-express.ts'

const clients: Client[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  closeExpress()
})

function mcpServer(): McpServer {
  const server = new McpServer({ name: 'who', version: '1.0.0' }, { capabilities: { logging: {} } })
  server.registerTool('whoami', { description: 'Who is calling' }, async (extra) => {
    await extra.sendNotification({
      method: 'notifications/message',
      params: { level: 'info', data: 'working' },
    })
    const { subject } = extra.authInfo as unknown as AuthInfo
    return { content: [{ type: 'text', text: `${subject} with ${extra.authInfo!.scopes.join(' ')}` }] }
  })
  return server
}

async function connect(transport: StreamableHTTPClientTransport | SSEClientTransport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  clients.push(client)
  // The SDK's own classes disagree with its interface under exactOptionalPropertyTypes.
  await client.connect(transport as never)
  return client
}

const textOf = (result: unknown): string => (result as { content: { text: string }[] }).content[0]!.text

/** Streamable HTTP with sessions that are bound to their principal. */
async function streamable(): Promise<ExpressApp & { url: URL }> {
  const started = await startExpress()
  const { app, rs, origin } = started
  const sessions = createSessions({ secret: 'thirty-two bytes at the very least!' })
  const transports = new Map<string, StreamableHTTPServerTransport>()
  app.all('/mcp', guard(rs), express.json(), async (req, res) => {
    const id = req.get('mcp-session-id')
    const known = id && (await sessions.owns(id, authOf(req))) ? transports.get(id) : undefined
    if (known) return known.handleRequest(req, res, req.body)
    if (id !== undefined) return void res.status(404).end()
    const opened = await sessions.create(authOf(req))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => opened })
    transports.set(opened, transport)
    await mcpServer().connect(transport as never)
    await transport.handleRequest(req, res, req.body)
  })
  return { ...started, url: new URL(`${origin}/mcp`) }
}

test('Streamable HTTP: the SDK client connects, calls, listens and ends its session', async () => {
  const { url } = await streamable()
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: alice } })
  const client = await connect(transport)
  expect(textOf(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice with notes:read')
  await transport.terminateSession()
})

test('G36 Streamable HTTP: bob’s token with alice’s session is 404 for GET, POST and DELETE, and her session lives on', async () => {
  const { url } = await streamable()
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: alice } })
  const client = await connect(transport)
  const headers = {
    ...bob,
    'mcp-session-id': transport.sessionId!,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  for (const init of [{ method: 'GET' }, { method: 'POST', body }, { method: 'DELETE' }])
    expect((await fetch(url, { ...init, headers })).status).toBe(404)
  const { authorization: _, ...anonymous } = headers
  expect((await fetch(url, { method: 'POST', body, headers: anonymous })).status).toBe(401)
  expect(textOf(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice with notes:read')
})

test('2025-03-26 batches pass through untouched', async () => {
  const { app, rs, origin } = await startExpress()
  app.post('/mcp', guard(rs), express.json(), async (req, res) => {
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true } as never)
    await mcpServer().connect(transport as never)
    await transport.handleRequest(req, res, req.body)
  })
  const batch = [1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'ping' }))
  const response = await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: { ...alice, accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify(batch),
  })
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toEqual(batch.map(({ id }) => ({ jsonrpc: '2.0', id, result: {} })))
})

/** The transport of 2024-11-05 with its two endpoints. */
async function twoEndpoints(): Promise<{ url: URL; origin: string; sessionIds: string[] }> {
  const { app, rs, origin } = await startExpress()
  const open = new Map<string, { transport: SSEServerTransport; auth: AuthInfo }>()
  const sessionIds: string[] = []
  app.get('/mcp', guard(rs), async (req, res) => {
    const transport = new SSEServerTransport('/mcp/messages', res)
    open.set(transport.sessionId, { transport, auth: authOf(req) })
    sessionIds.push(transport.sessionId)
    await mcpServer().connect(transport)
  })
  app.post('/mcp/messages', guard(rs), async (req, res) => {
    const found = open.get(String(req.query['sessionId']))
    if (!found || !samePrincipal(found.auth, authOf(req))) return void res.status(404).end()
    await found.transport.handlePostMessage(req, res)
  })
  return { url: new URL(`${origin}/mcp`), origin, sessionIds }
}

test('HTTP+SSE with its two endpoints: the SDK client connects and calls', async () => {
  const { url } = await twoEndpoints()
  const eventSourceInit = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) =>
      fetch(input, { ...init, headers: { ...(init?.headers as object), ...alice } }),
  }
  const client = await connect(
    new SSEClientTransport(url, {
      requestInit: { headers: alice },
      eventSourceInit: eventSourceInit as never,
    }),
  )
  expect(textOf(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('alice with notes:read')
})

test('G36 HTTP+SSE: bob’s token with alice’s session id is 404, without a token 401', async () => {
  const { url, origin, sessionIds } = await twoEndpoints()
  const eventSourceInit = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) =>
      fetch(input, { ...init, headers: { ...(init?.headers as object), ...alice } }),
  }
  await connect(
    new SSEClientTransport(url, {
      requestInit: { headers: alice },
      eventSourceInit: eventSourceInit as never,
    }),
  )
  const post = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${origin}/mcp/messages?sessionId=${sessionIds[0]}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'ping' }),
    })
  expect((await post(bob)).status).toBe(404)
  expect((await post({})).status).toBe(401)
  expect((await post(alice)).status).toBe(202)
})
