import { STATUS_CODES, type ServerResponse } from 'node:http'
import { sendNodeResponse, type NodeResponse } from 'srvx/node'
import { mergeNames } from '../http/cors.ts'

/**
 * Writes the answer, no faster than the client reads. A client that goes away cancels the answer's body.
 * Rejects if the body breaks off; the connection is then closed, because half an answer must not look like a
 * whole one.
 */
export async function sendWebResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  const { status } = response
  // srvx would write an empty phrase, and none over HTTP/2.
  const statusText = response.statusText || (STATUS_CODES[status] ?? '')
  const headers = headersFor(outgoing, response.headers)
  let failed: unknown
  const onFail = (reason: unknown): void => {
    // If the client went away first, this is the consequence.
    if (!isGone(outgoing)) failed = reason
  }
  const body = response.body && withReason(response.body, onFail)
  // How srvx takes a response whose headers are a list already.
  const prepared = { _toNodeResponse: () => ({ status, statusText, headers, body }) } as unknown
  const sent = sendNodeResponse(outgoing, prepared as NodeResponse)
  // A stream whose first event comes later announces itself; srvx waits for the event.
  if (!outgoing.writableEnded) setImmediate(announce, outgoing)
  await sent
  // Over HTTP/2 there is no `errored`.
  const problem = outgoing.errored ?? failed
  if (problem) throw problem
}

const isGone = (outgoing: ServerResponse & { stream?: { destroyed: boolean } }): boolean =>
  outgoing.destroyed || outgoing.stream?.destroyed === true

/** srvx takes a falsy reason for none, and would leave the answer open for ever. */
function withReason(body: ReadableStream<Uint8Array>, onFail: (reason: unknown) => void): typeof body {
  const getReader = (): ReadableStreamDefaultReader<Uint8Array> => {
    const reader = ReadableStream.prototype.getReader.call(body) as ReadableStreamDefaultReader<Uint8Array>
    const closed = reader.closed.catch((thrown: unknown) => {
      const reason = thrown || new Error('The body of the answer broke off', { cause: thrown })
      onFail(reason)
      throw reason
    })
    return Object.defineProperty(reader, 'closed', { value: closed })
  }
  return Object.defineProperty(body, 'getReader', { value: getReader })
}

function announce(outgoing: ServerResponse): void {
  if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.flushHeaders()
}

/** Names and values in turn: the answer's own, and the cookies that a middleware has set before. */
function headersFor(outgoing: ServerResponse, headers: Headers): string[] {
  const list: string[] = []
  let hasCookies = false
  for (const [name, value] of headers) {
    if (hopByHop.has(name)) continue
    list.push(name, merged(outgoing, name, value))
    hasCookies ||= name === 'set-cookie'
  }
  if (hasCookies)
    for (const cookie of [outgoing.getHeader('set-cookie') ?? []].flat())
      list.push('set-cookie', String(cookie))
  return list
}

/** Sets headers on an answer that a framework's handler will write. */
export function copyHeaders(outgoing: ServerResponse, headers: Headers): void {
  for (const [name, value] of headers)
    if (name === 'set-cookie') outgoing.appendHeader(name, value)
    else outgoing.setHeader(name, merged(outgoing, name, value))
}

/**
 * The value together with what a middleware has set. CORS origin and credentials are one decision, which is
 * ours.
 */
function merged(outgoing: ServerResponse, name: string, value: string): string {
  if (name === 'access-control-allow-origin') outgoing.removeHeader('access-control-allow-credentials')
  const before = lists.has(name) ? outgoing.getHeader(name) : undefined
  return before === undefined ? value : mergeNames(String(before), value)
}

/**
 * Of one connection only (RFC 9110 §7.6.1): Node writes these itself, and a contradiction breaks the
 * connection.
 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

const lists = new Set(['access-control-expose-headers', 'vary'])
