// The real mcp-framework, which is installed first, with the drop-in as its judge.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  authOf,
  OAuthAuthProvider,
  OAuthAuthProviderOptions,
} from '../../src/adapter/mcp-framework/mcp-framework.ts'
import { createTestIssuer, type TestIssuer } from '../../src/testing/index.ts'
import type { TollgateEvent } from '../../src/types.ts'
import { install } from './runtime-next.ts'
import { freePort } from './runtime-port.ts'

export const folder = 'tools/mcp-framework'
const root = join(import.meta.dirname, '../..')

/** The part of the framework that the tests use; its own types are checked with the program of the guide. */
export interface Framework {
  MCPServer: new (options: object) => {
    addTool(tool: unknown): void
    start(): Promise<void>
    stop(): Promise<void>
    handleRequest(request: Request): Promise<Response>
  }
  MCPTool: new () => object
  getRequestContext(): Record<string, unknown> | undefined
  OAuthAuthProvider: new (options: object) => object
}

export interface Loaded {
  framework: Framework
  DropIn: typeof OAuthAuthProvider
  authOf: typeof authOf
}

export async function loadFramework(): Promise<Loaded> {
  await install(folder)
  // The same file as in vitest.config.ts, so that both get one module.
  const framework = (await import(
    join(root, folder, 'node_modules/mcp-framework/dist/index.js')
  )) as unknown as Framework
  const dropIn = await import('../../src/adapter/mcp-framework/mcp-framework.ts')
  return { framework, DropIn: dropIn.OAuthAuthProvider, authOf: dropIn.authOf }
}

export interface FrameworkServer {
  origin: string
  /** What users type into their client. */
  resource: string
  issuer: TestIssuer
  provider: OAuthAuthProvider
  events: TollgateEvent[]
  /** What the tool `who_am_i` found, call by call. */
  contexts: (Record<string, unknown> | undefined)[]
  server: InstanceType<Framework['MCPServer']>
  close(): Promise<void>
}

export interface FrameworkOptions {
  transport?: 'http-stream' | 'sse'
  options?: (issuer: TestIssuer, resource: string) => Partial<OAuthAuthProviderOptions>
  endpoints?: object
  /** `batch`: the HTTP stream answers with JSON. */
  responseMode?: 'stream' | 'batch'
  /** Is awaited by the tool. */
  wait?: (subject: unknown) => Promise<void>
}

/** A server on a free port, with one tool. */
export async function startFramework(
  { framework, DropIn }: Loaded,
  { transport = 'http-stream', options = () => ({}), endpoints, responseMode, wait }: FrameworkOptions = {},
): Promise<FrameworkServer> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const resource = `${origin}/${transport === 'sse' ? 'sse' : 'mcp'}`
  const issuer = createTestIssuer({ resource, scopes: ['notes:read', 'notes:write'] })
  const events: TollgateEvent[] = []
  const contexts: FrameworkServer['contexts'] = []
  const provider = new DropIn({
    authorizationServers: [issuer.issuer],
    resource,
    validation: { type: 'jwt' },
    fetch: issuer.fetch,
    onEvent: (event) => events.push(event),
    ...options(issuer, resource),
  })
  class WhoAmI extends framework.MCPTool {
    name = 'who_am_i'
    description = 'Says who is signed in'
    schema = {}
    async execute(): Promise<string> {
      const context = framework.getRequestContext()
      contexts.push(context)
      await wait?.(context?.['sub'])
      return `You are ${String(context?.['sub'])}.`
    }
  }
  const auth = { provider, ...(endpoints && { endpoints }) }
  const server = new framework.MCPServer({
    name: 'notes',
    version: '1.0.0',
    basePath: mkdtempSync(join(tmpdir(), 'tollgate-mcp-framework-')),
    transport: { type: transport, options: { port, auth, ...(responseMode && { responseMode }) } },
    // For handleRequest.
    auth,
  })
  server.addTool(WhoAmI)
  const started = server.start()
  for (let i = 0; i < 200; i++) {
    if (await fetch(`${origin}/health`).catch(() => undefined)) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    ...{ origin, resource, issuer, provider, events, contexts, server },
    async close() {
      await server.stop()
      await started
    },
  }
}

export const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
})
export const accept = 'application/json, text/event-stream'
export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

export function post(
  { resource }: Pick<FrameworkServer, 'resource'>,
  headers: Record<string, string> = {},
  body = initialize,
): Promise<Response> {
  return fetch(resource, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', accept, ...headers },
  })
}
