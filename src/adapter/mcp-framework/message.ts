import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { joinRepeated } from '../node-authorization.ts'

/**
 * The Web request that the guard judges. The URL is the resource, because the framework has chosen the
 * endpoint already and hands over no other URL: a token in the query is not read. A method that is not GET
 * counts as POST: `Request` does not take all of them.
 */
export function toJudged(message: IncomingMessage, resource: string, headerName: string): Request {
  // Two credentials in one request: Node keeps the first `Authorization` or `Host`, and the guard sees both.
  joinRepeated(message)
  const headers = new Headers()
  const copy = (to: string, from = to): void => {
    const value = [message.headers[from]].flat().join(', ')
    if (value !== '') headers.set(to, value)
  }
  copy('authorization', headerName.toLowerCase())
  for (const name of ['host', 'origin', 'mcp-method']) copy(name)
  return new Request(resource, { method: message.method === 'GET' ? 'GET' : 'POST', headers })
}

const responses = new WeakMap<object, ServerResponse>()
let isWatching = false

/**
 * The framework does not hand over the response, whose stream ends with its token. Call it before it is asked
 * for.
 */
export function watchResponses(): void {
  if (isWatching) return
  isWatching = true
  subscribe('http.server.request.start', (started) => {
    const { request, response } = started as { request: IncomingMessage; response: ServerResponse }
    responses.set(request, response)
  })
}

/** The response to a message of Node's server; undefined for one that the framework made of a Web request. */
export function responseTo(message: IncomingMessage): ServerResponse | undefined {
  // Bun does not tell; there the socket knows.
  const { _httpMessage: current } = message.socket as { _httpMessage?: ServerResponse }
  return responses.get(message) ?? (current?.req === message ? current : undefined)
}
