// A guard that judges operations, and messages to send to it.
import {
  operationScopes,
  type OperationOptions,
  type OperationRules,
} from '../../src/resource-server/operations/operations.ts'
import { post, token, world, type World } from './guard.ts'

interface Setup {
  rules: OperationRules
  options?: OperationOptions
  scope?: string
  implies?: Record<string, string[]>
  reply?: (request: Request) => Response | Promise<Response>
}

/** Sends a body with a token of this scope; `seen` is what the handler's `json()` gave. */
export async function operations(setup: Setup): Promise<{
  it: World
  seen: unknown[]
  send: (body: unknown, headers?: Record<string, string>) => Promise<Response>
}> {
  const seen: unknown[] = []
  const it = await world({
    options: { ...(setup.implies ? { scopeImplies: setup.implies } : {}) },
    need: { operations: operationScopes(setup.rules, setup.options) },
    answer: async (request) => {
      if (setup.reply) return setup.reply(request)
      seen.push(await request.json())
      return new Response('done')
    },
  })
  const text = await token({ scope: setup.scope ?? 'notes:read' })
  const send = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    it.call(
      new Request(post(text), {
        headers: { authorization: `Bearer ${text}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    )
  return { it, seen, send }
}

export const call = (name: unknown, args: unknown = {}, id: unknown = 1): Record<string, unknown> => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})
const modernParams = (params: object): object => ({
  ...params,
  _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' },
})
export const modern = (method: string, params: object): Record<string, unknown> => ({
  jsonrpc: '2.0',
  id: 7,
  method,
  params: modernParams(params),
})
export const modernHeaders = (method: string, name?: string): Record<string, string> => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name === undefined ? {} : { 'mcp-name': name }),
})
export const code = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error?: { code: number } }).error?.code
