import { isOAuthError, OAuthError } from '../../errors.ts'
import { flag, integer, oneOf, readOptions, strings } from '../../lib/options.ts'
import { attribute } from '../../lib/runtime.ts'
import type { AuthInfo, Awaitable } from '../../types.ts'
import { headerProblem } from './headers.ts'
import { listFilter } from './lists.ts'
import { isRefused, readMessages, rpcError, type Message } from './messages.ts'
import type { NamedMethod, NamedPattern, PlainMethod, PlainPattern } from './methods.ts'
import { operationsOf, type Asked } from './names.ts'
import { compileRules } from './rules.ts'
import { wantsAnswers } from '../guard/stream-kind.ts'
import type { OperationJudge, OperationJudgement } from '../types.ts'

export type { OperationJudge } from '../types.ts'
export type { NamedMethod, NamedPattern, PlainMethod, PlainPattern } from './methods.ts'

/** One operation of a request. */
export interface Operation {
  /** For example `tools/call`. */
  readonly method: string
  /** The tool's or prompt's name, the resource's URI; undefined if the method has none. */
  readonly name: string | undefined
  /** The `params` of the request, as the client sent them. */
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * Scopes, or a function for what depends on arguments. What it throws refuses the request: an OAuthError as
 * it is, anything else with 500 and the cause to `onError`.
 */
export type OperationRule =
  readonly string[] | ((operation: Operation, auth: AuthInfo | undefined) => Awaitable<readonly string[]>)

/**
 * One rule for all names of a method, or one for each name. `*` in a name stands for any characters; the most
 * specific key decides.
 *
 * @inline
 */
type NamedRules = OperationRule | Readonly<Record<string, OperationRule>>

/**
 * By method, and by name for the methods that have one: `{ 'tools/call': { write_note: ['notes:write'] } }`.
 * `tools/*` stands for the methods of a family, `*` for all the rest. The most specific key decides.
 */
export type OperationRules<Custom extends string = never> = {
  readonly [Method in NamedMethod | NamedPattern]?: NamedRules
} & { readonly [Method in PlainMethod | PlainPattern | Custom]?: OperationRule }

/**
 * Only `customMethods` says which methods are custom, not the table itself (`NoInfer` of TypeScript 5.4).
 *
 * @inline
 */
type Uninferred<T> = [T][T extends unknown ? 0 : never]

/** Options of {@link operationScopes}. */
export interface OperationOptions<Custom extends string = never> {
  /**
   * For a tool, prompt, resource, completion or unknown method that no rule names. `allow` (default): it only
   * needs the guard's own scopes. `deny`: 403, so that a tool that is added later is closed until a rule
   * opens it. Methods that set up the connection or list names (`initialize`, `ping`, `tools/list`, …) need
   * no rule in both cases. `tasks/*` needs one, because a task holds the result of a tool.
   */
  default?: 'allow' | 'deny'
  /** Methods of your own that rules may name. Default: none. */
  customMethods?: readonly Custom[]
  /**
   * Remove from lists of tools, prompts, resources and resource templates what the token may not use. Names
   * whose rule is a function stay. Default false.
   */
  filterLists?: boolean
  /** The largest body in bytes, 1024–67 108 864. Default 4 194 304. Larger ones are 413. */
  maxBytes?: number
}

/** What {@link operationScopes} returns. */
export interface OperationScopes extends OperationJudge {
  /**
   * Rules that match no name that the server has registered, such as `tools/call delete_nte`: they protect
   * nothing. Lists that are left out are not compared. For a test of your own, or for the start of the
   * server.
   */
  unmatched(names: {
    /** Names of tools. */
    tools?: readonly string[]
    /** Names of prompts. */
    prompts?: readonly string[]
    /** URIs of resources. */
    resources?: readonly string[]
  }): string[]
}

/**
 * Scopes per tool, prompt and resource, for `rs.protect(handler, { operations: operationScopes({ … }) })`.
 *
 * The body is read once and judged; the handler's `request.json()` is the very object that was judged. A
 * batch needs the union of what its messages need. What is missing is one 403 `insufficient_scope` that names
 * all. From revision 2026-07-28 on, `Mcp-Method` and `Mcp-Name` must say what the body says: 400 with
 * JSON-RPC error -32020 otherwise. A name that a peer may read as another one (a URI that is not in normal
 * form, a name with blanks around it) is 400 with -32602. What no rule names is as `default` says.
 *
 * @throws ConfigurationError if a rule or an option is wrong.
 * @see [MCP 2026-07-28, Runtime Insufficient Scope
 * Errors](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization)
 *
 * @example
 * operationScopes({
 *   'tools/call': { delete_note: ['notes:write'], 'read_*': ['notes:read'] },
 *   'resources/read': ['notes:read'],
 * })
 */
export function operationScopes<const Custom extends string = never>(
  rules: OperationRules<Uninferred<Custom>>,
  options: OperationOptions<Custom> = {},
): OperationScopes {
  const read = readOptions('operationScopes', options as OperationOptions<string>, {
    default: oneOf(['allow', 'deny']).default('allow'),
    customMethods: strings().default([]),
    filterLists: flag().default(false),
    maxBytes: integer({ min: 1024, max: 67_108_864 }).default(4_194_304),
  })
  const { customMethods, filterLists, maxBytes } = read
  const compiled = compileRules(rules, customMethods, read.default === 'deny')
  const filtering = filterLists ? { filter: listFilter(compiled) } : {}
  return {
    scopes: compiled.scopes,
    unmatched({ tools, prompts, resources }) {
      const lists = {
        'tools/call': tools,
        'prompts/get': prompts,
        'resources/read': resources,
        'resources/subscribe': resources,
        'resources/unsubscribe': resources,
      }
      const known = Object.entries(lists).filter((each): each is [string, readonly string[]] =>
        Array.isArray(each[1]),
      )
      return compiled.unmatched(new Map(known))
    },
    async judge(request, auth): Promise<OperationJudgement> {
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      // A Request shows no body of these methods, but a framework may hand one to the handler (RFC 9110
      // §9.3.1).
      if (isRead && mayHaveBody(request)) return rpcError(-32600, `A ${request.method} has no body`)
      // Only a POST should carry messages, but not every handler checks the method. Opening a stream and
      // ending a session are not operations.
      if (request.method !== 'POST' && request.body === null)
        // A stream that is resumed may carry the answer to a list request.
        return { scopes: [], request, ...(isRead ? filtering : {}) }
      const read = await readMessages(request, maxBytes)
      if (isRefused(read)) return read
      if (read.messages.length === 0) return { scopes: [], request: read.request }
      const problem = headerProblem(request.headers, read.body, read.messages)
      if (problem !== undefined) return rpcError(-32020, problem, read.messages[0])
      if (
        Array.isArray(read.body) &&
        (request.headers.get('mcp-protocol-version') ?? '') >= firstWithoutBatches
      )
        return rpcError(-32600, 'This revision of MCP has no batches')
      if (hasEqualIds(read.messages)) return rpcError(-32600, 'Two requests of the batch have the same id')
      const asked = operationsOf(read.messages, compiled)
      if (typeof asked === 'string') return rpcError(-32602, asked, read.messages[0])
      const about = {
        operation: asked.map(({ operation: { method, name = '' } }) => `${method} ${name}`.trim()).join(', '),
      }
      const rules: [OperationRule, Operation][] = []
      for (const { operation, key } of asked) {
        const found = compiled.find(operation.method, key)
        if (found === undefined)
          return {
            ...rpcError(-32601, 'No rule allows this operation', read.messages[0], 403),
            ...about,
          }
        for (const rule of found) rules.push([rule, operation])
      }
      // All rules are found before one is called, and each is called in an async function: an unhandled
      // rejection would end a Node process.
      const needs = rules.map(async ([rule, operation]) =>
        typeof rule === 'function' ? callRule(rule, operation, auth) : rule,
      )
      const scopes = (await Promise.all(needs)).flat()
      const answers = wantsAnswers(read.body)
      return { scopes, answers, request: read.request, ...about, ...(asked.some(isList) ? filtering : {}) }
    },
  }
}

/** A rule that throws refuses the request. `onError` gets what it threw, unless that is an OAuthError. */
async function callRule(
  rule: Exclude<OperationRule, readonly string[]>,
  operation: Operation,
  auth: AuthInfo | undefined,
): Promise<readonly string[]> {
  try {
    return await rule(operation, auth)
  } catch (error) {
    if (isOAuthError(error)) throw error
    const failure = new OAuthError('server_error', 'A rule for this operation failed', { status: 500 })
    throw attribute(failure, 'operationScopes', error)
  }
}

/** Revisions are dates, so their order is that of their text. */
const firstWithoutBatches = '2025-06-18'

const mayHaveBody = ({ headers, body }: Request): boolean =>
  body !== null || headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'

function hasEqualIds(messages: readonly Message[]): boolean {
  const ids = messages
    .filter(({ method, id }) => method !== undefined && id !== undefined)
    .map(({ id }) => id)
  return new Set(ids).size !== ids.length
}

const isList = ({ operation }: Asked): boolean => operation.method.endsWith('/list')
