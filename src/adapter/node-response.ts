import type { ServerResponse } from 'node:http'
import { sendNodeResponse, type NodeResponse } from 'srvx/node'
import { mergeNames } from '../http/cors.ts'

/**
 * Writes the answer, no faster than the client reads. A client that goes away cancels the answer's body.
 * Rejects if the body breaks off; the connection is then closed, because half an answer must not look like a
 * whole one.
 */
export async function sendWebResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  const { status, statusText, body } = response
  const headers = headersFor(outgoing, response.headers)
  // How srvx takes a response whose headers are a list already.
  const prepared = { _toNodeResponse: () => ({ status, statusText, headers, body }) } as unknown
  const sent = sendNodeResponse(outgoing, prepared as NodeResponse)
  // A stream whose first event comes later announces itself; srvx waits for the event.
  if (!outgoing.writableEnded) setImmediate(announce, outgoing)
  await sent
  if (outgoing.errored) throw outgoing.errored
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
