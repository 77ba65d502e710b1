import { fromUtf8 } from '../../lib/bytes.ts'
import type { Message } from './messages.ts'

/**
 * The first revision in which headers repeat the body. Revisions are dates, so their order is that of their
 * text.
 */
const firstWithHeaders = '2026-07-28'
const versionKey = 'io.modelcontextprotocol/protocolVersion'

/** What `Mcp-Name` repeats (MCP 2026-07-28 transports, Standard Request Headers; tasks: SEP-2663). */
const nameSource: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/**
 * How headers and body differ (MCP 2026-07-28 transports, Server Validation): a proxy that routes or judges
 * by the headers would have seen another request than the handler. Earlier revisions need no such headers,
 * but those that they send must be right.
 */
export function headerProblem(
  headers: Headers,
  body: unknown,
  messages: readonly Message[],
): string | undefined {
  const version = headers.get('mcp-protocol-version')
  const claims = messages.map(claimedVersion)
  const isModern = [version, ...claims].some((each) => typeof each === 'string' && each >= firstWithHeaders)
  if (!isModern && !headers.has('mcp-method') && !headers.has('mcp-name')) return undefined
  if (Array.isArray(body)) return 'A batch cannot be named by headers'
  const [message] = messages as [Message]
  const { method, id } = message
  if (typeof method !== 'string') return undefined
  const isRequest = id !== undefined
  if (isModern && isRequest && version === null) return 'MCP-Protocol-Version is missing'
  if (claims[0] !== undefined && version !== null && claims[0] !== version)
    return 'MCP-Protocol-Version is not what the body says'
  const named = headers.get('mcp-method')
  if (named === null ? isModern && isRequest : named.trim() !== method)
    return named === null ? 'Mcp-Method is missing' : 'Mcp-Method is not what the body says'
  return nameProblem(headers.get('mcp-name'), method, message['params'], isModern && isRequest)
}

function claimedVersion({ params }: Message): unknown {
  const meta = (params as { _meta?: Record<string, unknown> | null } | null | undefined)?._meta
  return typeof meta === 'object' && meta !== null ? meta[versionKey] : undefined
}

function nameProblem(
  header: string | null,
  method: string,
  params: unknown,
  isRequired: boolean,
): string | undefined {
  if (!Object.hasOwn(nameSource, method)) return undefined
  const value = (params as Record<string, unknown> | null | undefined)?.[nameSource[method]!]
  if (header === null) return isRequired && value !== undefined ? 'Mcp-Name is missing' : undefined
  return decoded(header.trim()) === value ? undefined : 'Mcp-Name is not what the body says'
}

/** A value that a header cannot hold is sent as `=?base64?…?=`. Undefined if it is not well-formed. */
function decoded(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=') || value.length < 11) return value
  try {
    return fromUtf8(Uint8Array.from(atob(value.slice(9, -2)), (char) => char.charCodeAt(0)))
  } catch {
    return undefined
  }
}
