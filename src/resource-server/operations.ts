import { ConfigurationError } from '../errors.ts'
import { checkOptions, requireInteger } from '../lib/options.ts'
import type { AuthInfo, Awaitable } from '../types.ts'
import { headerProblem } from './operation-headers.ts'
import { listFilter } from './operation-lists.ts'
import { isRefused, readMessages, rpcError, type Message } from './operation-messages.ts'
import { compileRules, type Rules } from './operation-rules.ts'
import type { OperationJudge, OperationJudgement } from './types.ts'

export type { OperationJudge } from './types.ts'

/** One thing that a request asks for. */
export interface Operation {
  /** For example `tools/call`. */
  readonly method: string
  /** The tool's or prompt's name, the resource's URI; undefined where the method has none. */
  readonly name: string | undefined
  readonly params: Readonly<Record<string, unknown>>
}

/** Scopes, or a function for what depends on arguments. What it throws refuses the request. */
export type OperationRule =
  readonly string[] | ((operation: Operation, auth: AuthInfo | undefined) => Awaitable<readonly string[]>)

/** By method, or by method and name. `*` in a key stands for any characters; the most specific key decides, and `*` alone is for all the rest. */
export type OperationRules = Readonly<Record<string, OperationRule | Readonly<Record<string, OperationRule>>>>

/** Options of {@link operationScopes}. */
export interface OperationOptions {
  /** Leave out of tool, prompt and resource lists what the token may not use. Names with a function as their rule stay. Default false. */
  filterLists?: boolean
  /** The largest body in bytes, 1024–67 108 864. Default 4 194 304. Larger ones are 413. */
  maxBytes?: number
}

/**
 * Scopes per tool, prompt and resource, for `rs.protect(handler, { operations: operationScopes({ … }) })`.
 *
 * The body is read once and judged; the handler's `request.json()` is the very object that was judged. A batch needs the union of what its
 * messages need. What is missing is one 403 `insufficient_scope` that names all. From revision 2026-07-28 on, `Mcp-Method` and `Mcp-Name` must say what the
 * body says: 400 with JSON-RPC error -32020 otherwise. What no rule names needs nothing beyond the guard's own scopes; `'*'` changes that.
 *
 * @throws ConfigurationError where a rule or an option is wrong.
 * @see [MCP 2026-07-28, Runtime Insufficient Scope Errors](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization)
 *
 * @example
 * operationScopes({
 *   'tools/call': { delete_note: ['notes:write'], 'read_*': ['notes:read'] },
 *   'resources/read': ['notes:read'],
 * })
 */
export function operationScopes(rules: OperationRules, options: OperationOptions = {}): OperationJudge {
  checkOptions('operationScopes', options, ['filterLists', 'maxBytes'])
  const { filterLists = false } = options
  if (typeof filterLists !== 'boolean') throw new ConfigurationError('filterLists', 'pass a boolean')
  const limit = requireInteger('maxBytes', options.maxBytes, {
    min: 1024,
    max: 67_108_864,
    default: 4_194_304,
  })
  const compiled = compileRules(rules)
  return {
    async judge(request, auth): Promise<OperationJudgement> {
      // Only a POST should carry messages, but not every handler looks at the method. Streams and the end of sessions are no operations.
      if (request.method !== 'POST' && request.body === null) return { scopes: [], request }
      const read = await readMessages(request, limit)
      if (isRefused(read)) return read
      if (read.messages.length === 0) return { scopes: [], request: read.request }
      const problem = headerProblem(request.headers, read.body, read.messages)
      if (problem !== undefined) return { refused: rpcError(-32020, problem, read.messages[0]) }
      const operations = operationsOf(read.messages)
      if (operations === undefined)
        return { refused: rpcError(-32602, 'The name is not a string', read.messages[0]) }
      const scopes = await Promise.all(operations.map((each) => needed(compiled, each, auth)))
      const filter = filterLists ? listFilter(read.messages, compiled) : undefined
      return { scopes: scopes.flat(), request: read.request, ...(filter === undefined ? {} : { filter }) }
    },
  }
}

/** Undefined where a name is there and is no string: who knows what it becomes in a handler. */
function operationsOf(messages: readonly Message[]): Operation[] | undefined {
  const operations: Operation[] = []
  for (const { method, params } of messages) {
    // Answers of the client have no method, and ask for nothing.
    if (typeof method !== 'string') continue
    const members = isObject(params) ? params : {}
    const name = nameOf(method, members)
    if (name !== undefined && typeof name !== 'string') return undefined
    operations.push({ method, name, params: members })
  }
  return operations
}

function nameOf(method: string, params: Readonly<Record<string, unknown>>): unknown {
  if (method.startsWith('resources/')) return params['uri']
  if (method !== 'completion/complete') return params['name']
  const { ref } = params
  return isObject(ref) ? (ref['name'] ?? ref['uri']) : undefined
}

async function needed(
  rules: Rules,
  operation: Operation,
  auth: AuthInfo | undefined,
): Promise<readonly string[]> {
  const rule = rules.find(operation.method, operation.name)
  return typeof rule === 'function' ? rule(operation, auth) : (rule ?? [])
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
