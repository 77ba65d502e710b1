// mcp-remote's step-up, where the first challenge asks for the required scopes alone: the case in which it
// can come to ask for less.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { afterEach, expect, test, vi } from 'vitest'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { createAuthorizationServer } from '../../src/authorization-server/index.ts'
import { dangerouslyDevSignIn } from '../../src/authorization-server/sign-in/development.ts'
import { createResourceServer } from '../../src/index.ts'
import { operationScopes } from '../../src/resource-server/operations/operations.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { connectMcpRemote } from '../support/runtime-clients.ts'

vi.setConfig({ testTimeout: 90_000 })

let server: Server | undefined
afterEach(async () => {
  server?.closeAllConnections()
  await new Promise((resolve) => server?.close(resolve))
})

/** Two tools, a scope for each. */
async function serve(): Promise<URL> {
  server = createServer()
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const resource = `${issuer}/mcp`
  const as = createAuthorizationServer({
    issuer,
    store: memoryStore(),
    signIn: dangerouslyDevSignIn(),
    resources: { [resource]: { scopes: { 'notes:read': 'Read', 'notes:write': 'Write' } } },
  })
  const rs = createResourceServer({
    resource,
    authorizationServers: [as],
    requiredScopes: ['notes:read'],
    firstChallengeScopes: 'required',
  })
  const { fetch: handle } = createMcpHandler(() => {
    const mcp = new McpServer({ name: 'notes', version: '1.0.0' })
    for (const name of ['read', 'write'])
      mcp.registerTool(name, { description: name }, async () => ({ content: [{ type: 'text', text: name }] }))
    return mcp
  })
  const guarded = rs.protect((request, auth) => handle(request, { authInfo: auth }), {
    operations: operationScopes({ 'tools/call': { write: ['notes:write'] } }),
  })
  server.on(
    'request',
    toNodeHandler(async (request) => (await as.handle(request)) ?? guarded(request)),
  )
  return new URL(resource)
}

test('P7 mcp-remote asks for the union, once, and the tool runs', async () => {
  const client = await connectMcpRemote(await serve(), 'mcp-remote')
  expect(await client.call('read')).toBe('read')
  expect(client.asked).toEqual([expect.not.stringContaining('notes:write')])
  expect(await client.call('write')).toBe('write')
  expect(client.asked).toHaveLength(2)
  expect(client.asked[1]!.split(' ')).toEqual(expect.arrayContaining(['notes:read', 'notes:write']))
  expect(await client.call('read')).toBe('read')
  await client.close()
})
