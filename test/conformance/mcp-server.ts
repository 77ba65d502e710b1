// An MCP server for the official suite's server scenarios, on the official SDK: as it is on one port, behind the guard on another.
import { createServer } from 'node:http'
import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { createResourceServer } from '../../src/index.ts'
import { apiKeyVerifier, createApiKey } from '../../src/resource-server/verify/api-keys.ts'

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const wave = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='

function mcp(): McpServer {
  const server = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    { capabilities: { logging: {}, completions: {}, resources: { subscribe: true } } },
  )
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  server.registerTool('test_simple_text', { description: 'Text' }, async () =>
    text('This is a simple text response for testing.'),
  )
  server.registerTool('test_image_content', { description: 'An image' }, async () => ({
    content: [{ type: 'image', data: pixel, mimeType: 'image/png' }],
  }))
  server.registerTool('test_audio_content', { description: 'Audio' }, async () => ({
    content: [{ type: 'audio', data: wave, mimeType: 'audio/wav' }],
  }))
  server.registerTool('test_embedded_resource', { description: 'A resource' }, async () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }))
  server.registerTool('test_multiple_content_types', { description: 'All of it' }, async () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: pixel, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{}' },
      },
    ],
  }))
  server.registerTool('test_error_handling', { description: 'Fails' }, async () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Logs, then answers' },
    async (context: { mcpReq?: { log?: (level: 'info', data: unknown) => Promise<void> } }) => {
      for (const step of ['started', 'processing', 'completed'])
        await context.mcpReq?.log?.('info', `Tool execution ${step}`)
      return text('Logged.')
    },
  )
  server.registerResource(
    'static-text',
    'test://static-text',
    { mimeType: 'text/plain' },
    async (uri: URL) => ({
      contents: [
        { uri: uri.href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
      ],
    }),
  )
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { mimeType: 'image/png' },
    async (uri: URL) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: pixel }] }),
  )
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { mimeType: 'application/json' },
    async (uri: URL, { id }) => ({
      contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id }) }],
    }),
  )
  server.registerPrompt('test_simple_prompt', { description: 'A prompt' }, async () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'This is a simple prompt for testing.' } }],
  }))
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'With arguments', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    async ({ arg1, arg2 }) => ({
      messages: [
        {
          role: 'user',
          content: { type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` },
        },
      ],
    }),
  )
  return server
}

export interface TwoServers {
  readonly bare: string
  readonly guarded: string
  close(): Promise<void>
}

/** The same server twice. Nobody authenticates in the suite, so the token is put in front of the guard. */
export async function startServers(): Promise<TwoServers> {
  const { fetch: handle } = createMcpHandler(mcp)
  const { key, hash } = await createApiKey('key_')
  const listen = async (
    make: (origin: string) => (request: Request) => Promise<Response>,
  ): Promise<{ url: string; close: () => Promise<void> }> => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    server.on('request', toNodeHandler(make(origin)))
    const close = async (): Promise<void> => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    return { url: `${origin}/mcp`, close }
  }
  const bare = await listen(() => (request) => handle(request))
  const guarded = await listen((origin) => {
    const protect = createResourceServer({
      resource: `${origin}/mcp`,
      authorizationServers: [
        'http://127.0.0.1:1',
        apiKeyVerifier({ prefix: 'key_', keys: [{ hash, subject: 'suite', scopes: [] }] }),
      ],
    }).protect((request, auth) => handle(request, { authInfo: auth }))
    return (request) => {
      const headers = new Headers(request.headers)
      headers.set('authorization', `Bearer ${key}`)
      // The host's request is a light one, which only its members can be copied from.
      return protect(new Request(new Request(request.url, request), { headers }))
    }
  })
  return {
    bare: bare.url,
    guarded: guarded.url,
    close: async () => {
      await Promise.all([bare.close(), guarded.close()])
    },
  }
}
