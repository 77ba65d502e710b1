// Rules on resources in front of the official SDK, v1 and v2: however a URI is spelt, the SDK reads nothing
// that the rules protect.
import {
  McpServer as McpServerV1,
  ResourceTemplate as TemplateV1,
} from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { operationScopes, type OperationRules } from '../../src/resource-server/operations/operations.ts'
import { post, token, world } from '../support/guard.ts'

const secret = 'the secret'
const rules: OperationRules = {
  'resources/read': { 'file:///private/*': ['files:read'] },
  'completion/complete': { 'file:///private/*': ['files:read'] },
}

/** What a handler may do with the path that the template gave it: it decodes and resolves. */
function read(uri: URL): { contents: { uri: string; text: string }[] } {
  const { pathname } = new URL(decodeURIComponent(uri.pathname), 'file:///')
  const path = pathname.replaceAll(/\/+/g, '/').toLowerCase()
  return { contents: [{ uri: uri.href, text: path === '/private/keys.txt' ? secret : `public ${path}` }] }
}

type Send = (body: object, headers?: Record<string, string>) => Promise<string>

/** A guard in front of this handler; answers with the status and the text. */
async function behind(handler: (request: Request) => Promise<Response>, scope: string): Promise<Send> {
  const it = await world({ need: { operations: operationScopes(rules) }, answer: handler })
  const text = await token({ scope })
  return async (body, headers = {}) => {
    const response = await it.call(
      new Request(post(text), {
        headers: {
          authorization: `Bearer ${text}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
      }),
    )
    return `${response.status} ${await response.text()}`
  }
}

async function v1(scope: string): Promise<Send> {
  return behind(async (request) => {
    const server = new McpServerV1({ name: 'files', version: '1.0.0' })
    server.registerResource('keys', 'file:///private/keys.txt', {}, async (uri) => read(uri))
    server.registerResource('file', new TemplateV1('file:///{+path}', { list: undefined }), {}, async (uri) =>
      read(uri),
    )
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
    await server.connect(transport as never)
    return transport.handleRequest(request)
  }, scope)
}

async function v2(scope: string): Promise<Send> {
  const { fetch } = createMcpHandler(() => {
    const server = new McpServer({ name: 'files', version: '1.0.0' })
    server.registerResource('keys', 'file:///private/keys.txt', {}, async (uri) => read(uri))
    server.registerResource(
      'file',
      new ResourceTemplate('file:///{+path}', { list: undefined }),
      {},
      async (uri) => read(uri),
    )
    return server
  })
  return behind((request) => fetch(request), scope)
}

const spellings = [
  'file:///private/keys.txt',
  'FILE:///private/keys.txt',
  'file:/private/keys.txt',
  'file://localhost/private/keys.txt',
  'file:///public/../private/keys.txt',
  'file:///public/%2e%2e/private/keys.txt',
  'file:///pri\tvate/keys.txt',
  'file:\\\\\\private\\keys.txt',
  'file:///private%2Fkeys.txt',
  'file:///%70rivate/keys.txt',
  'file:////private/keys.txt',
  'file:///public%2F..%2Fprivate/keys.txt',
  'file:///PRIVATE/keys.txt',
  'file:///private/keys.txt?x',
  'file:///private/keys.txt#x',
]

test.each([
  ['v1', v1],
  ['v2', v2],
])('S1 SDK %s: no spelling of a protected URI gets by the rules', async (_version, start) => {
  const send = await start('notes:read')
  const uris: string[] = []
  for (const uri of spellings) {
    const answer = await send({ method: 'resources/read', params: { uri } })
    expect([uri, answer]).toEqual([uri, expect.stringMatching(/^40[03] /)])
    uris.push(answer)
  }
  expect(uris.join()).not.toContain(secret)
  const open = await send({ method: 'resources/read', params: { uri: 'file:///public/a.txt' } })
  expect(open).toMatch(/^200 .*public \/public\/a\.txt/s)
  const granted = await start('files:read')
  expect(await granted({ method: 'resources/read', params: { uri: spellings[0] } })).toContain(secret)
})

test('S1 SDK v2 on 2026-07-28: an equal Mcp-Name opens nothing', async () => {
  const version = 'io.modelcontextprotocol/protocolVersion'
  const capabilities = 'io.modelcontextprotocol/clientCapabilities'
  const read = async (send: Send, uri: string): Promise<string> =>
    send(
      { method: 'resources/read', params: { uri, _meta: { [version]: '2026-07-28', [capabilities]: {} } } },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'resources/read', 'mcp-name': uri },
    )
  const send = await v2('notes:read')
  for (const uri of spellings.filter((each) => !each.includes('\t')))
    expect([uri, await read(send, uri)]).toEqual([uri, expect.stringMatching(/^40[03] /)])
  expect(await read(await v2('files:read'), spellings[0]!)).toContain(secret)
})
