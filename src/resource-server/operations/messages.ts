import { isJsonObject } from '../../lib/json.ts'
import { noStore } from '../../http/cache-control.ts'
import { readText } from '../../http/body.ts'
import { namesTwice } from '../../lib/json.ts'

/** Messages of a batch. */
const maxMessages = 1000

/** A JSON-RPC message; nothing about it is checked. */
export type Message = Readonly<Record<string, unknown>>

export interface Read {
  /** As it was parsed. */
  readonly body: unknown
  readonly messages: readonly Message[]
  /** For the handler: its `json()` is `body`. */
  readonly request: Request
}

export interface Refused {
  readonly refused: Response
  /** Why, for the event. */
  readonly detail: string
}

/**
 * The messages of a request body, which is read and parsed once. Rejects with `invalid_request` (413) above
 * the limit in bytes.
 */
export async function readMessages(request: Request, limit: number): Promise<Read | Refused> {
  const text = await readText(request, limit)
  let body: unknown
  if (text === '' && request.method !== 'POST')
    return { body, messages: [], request: withBody(request, text, body) }
  try {
    body = JSON.parse(text)
  } catch {
    return rpcError(-32700, 'The body is not JSON')
  }
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  // Checked before any work per message (denial of service).
  if (messages.length > maxMessages) return rpcError(-32600, `A batch has at most ${maxMessages} messages`)
  if (messages.length === 0 || !messages.every(isMessage))
    return rpcError(-32600, 'The body is not a JSON-RPC message')
  // This parser keeps the last of two equal keys; another one may keep the first, and see another request.
  if (namesTwice(text, body)) return rpcError(-32600, 'The body has a key twice')
  return { body, messages, request: withBody(request, text, body) }
}

export const isRefused = (read: Read | Refused): read is Refused => 'refused' in read

/** A refusal as a JSON-RPC error (MCP transports: 400). */
export function rpcError(code: number, message: string, to?: Message, status = 400): Refused {
  const id = typeof to?.['id'] === 'string' || typeof to?.['id'] === 'number' ? to['id'] : null
  const refused = Response.json(
    { jsonrpc: '2.0', id, error: { code, message } },
    { status, headers: noStore },
  )
  return { refused, detail: message }
}

/**
 * A method that is not a string is refused: a handler that converts it to a string would run an operation
 * that was not judged.
 */
const isMessage = (value: unknown): value is Message =>
  isJsonObject(value) && ['string', 'undefined'].includes(typeof value['method'])

/**
 * The same request with the body that was read. `json()` returns the object that was judged, `text()` the
 * same bytes.
 */
function withBody(request: Request, text: string, body: unknown): Request {
  const { url, method, headers, signal } = request
  // On Workers, `cf` describes the connection; other runtimes do not have it.
  const { cf } = request as { cf?: unknown }
  const init = { method, headers, signal, body: text, ...(cf === undefined ? {} : { cf }) }
  const copy = new Request(url, init)
  Object.defineProperty(copy, 'json', { value: async () => body })
  return copy
}
