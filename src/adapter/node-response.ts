import type { ServerResponse } from 'node:http'
import { sendNodeResponse } from 'srvx/node'
import { mergeNames } from '../http/cors.ts'

/**
 * Writes the answer, no faster than the client reads. A client that goes away cancels the answer's body. Rejects if the
 * body breaks off; the connection is then closed, because half an answer must not look like a whole one.
 */
export async function sendWebResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  const sent = sendNodeResponse(outgoing, fitted(outgoing, response))
  // A stream whose first event comes later announces itself; srvx waits for the event.
  if (!outgoing.writableEnded) setImmediate(announce, outgoing)
  await sent
  if (outgoing.errored) throw outgoing.errored
}

function announce(outgoing: ServerResponse): void {
  if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.flushHeaders()
}

/** The response without what concerns its own connection, with what a middleware has set on the answer before. */
function fitted(outgoing: ServerResponse, response: Response): Response {
  const { headers } = response
  const hops = hopByHop.filter((name) => headers.has(name))
  const shared = outgoing.getHeaderNames().filter((name) => lists.includes(name) && headers.has(name))
  if (headers.has('access-control-allow-origin')) outgoing.removeHeader('access-control-allow-credentials')
  if (hops.length === 0 && shared.length === 0) return response
  const own = new Headers(headers)
  for (const name of hops) own.delete(name)
  for (const name of shared) {
    const before = outgoing.getHeader(name)
    if (name !== 'set-cookie') own.set(name, mergeNames(String(before), headers.get(name)!))
    else for (const cookie of [before].flat()) own.append(name, String(cookie))
  }
  const { status, statusText, body } = response
  return new Response(body, { status, statusText, headers: own })
}

/** Of one connection only (RFC 9110 §7.6.1): Node writes these itself, and a contradiction breaks the connection. */
const hopByHop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']

/** Headers of which both the middleware's values and the answer's own stay. */
const lists = ['access-control-expose-headers', 'vary', 'set-cookie']

/** Sets headers on an answer that a framework's handler will write. */
export function copyHeaders(outgoing: ServerResponse, headers: Headers): void {
  for (const [name, value] of headers) {
    if (name === 'access-control-allow-origin') outgoing.removeHeader('access-control-allow-credentials')
    const before = lists.includes(name) ? outgoing.getHeader(name) : undefined
    outgoing.setHeader(name, before === undefined ? value : mergeNames(String(before), value))
  }
}
