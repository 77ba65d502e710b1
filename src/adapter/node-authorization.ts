import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

/**
 * Makes a second `Authorization` or `Host` header visible to frameworks that read Node's parsed headers,
 * which keep only the first one. The guard then sees both and refuses the request. Call it once per process;
 * for Next, in `register()` of `instrumentation.ts`, if `NEXT_RUNTIME` is `nodejs`. `toNodeHandler` and
 * `tollgate/express` do this for their own requests.
 */
export function joinAuthorizationHeaders(): void {
  subscribe('http.server.request.start', (message) =>
    joinRepeated((message as { request: IncomingMessage }).request),
  )
}

/** Writes a repeated header as a list-valued field would be joined (RFC 9110 §5.3). */
export function joinRepeated({ headers, rawHeaders }: IncomingMessage): void {
  for (const name of ['authorization', 'host'] as const) {
    let first: string | undefined
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (!isNamed(rawHeaders[i]!, name)) continue
      if (first === undefined) first = rawHeaders[i + 1]!
      else headers[name] = first = `${first}, ${rawHeaders[i + 1]!}`
    }
  }
}

/**
 * Removes the credential from every view of a message, in place, because another reader may hold one already.
 * The official SDK's transports read the raw headers, and a log of a request shows its message.
 */
export function stripAuthorization(incoming: IncomingMessage): void {
  const { headers, rawHeaders } = incoming
  delete headers.authorization
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!isNamed(rawHeaders[i]!, 'authorization')) continue
    // Node needs as many raw headers as before. `Connection` may be empty, and no proxy passes it on.
    rawHeaders[i] = 'Connection'
    rawHeaders[i + 1] = ''
  }
  if (mayHaveDistinctView(incoming)) delete incoming.headersDistinct?.['authorization']
}

/**
 * Whether `headersDistinct` may have been read before. Node builds it at the first read, which costs as much
 * as the guard.
 */
function mayHaveDistinctView(incoming: IncomingMessage): boolean {
  let isNode = false
  for (const { description } of Object.getOwnPropertySymbols(incoming)) {
    if (description === 'kHeadersDistinct') return true
    isNode ||= description === 'kHeadersCount'
  }
  return !isNode
}

/** Compares the length first, which is cheaper than a new string for each header. */
const isNamed = (text: string, name: string): boolean =>
  text.length === name.length && text.toLowerCase() === name
