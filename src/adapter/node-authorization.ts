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
  // `headers` is built at its first read, from the raw headers.
  const { headers, rawHeaders } = incoming
  delete headers.authorization
  const { distinctIsBuilt, count } = internalsOf(incoming)
  // Node builds this view at its first read, which costs as much as the guard. It reads as many raw headers
  // as it has counted; where the count is not known, the view is built before the raw headers are fewer.
  if (distinctIsBuilt || count === undefined) delete incoming.headersDistinct?.['authorization']
  const counted = incoming as unknown as { [symbol: symbol]: number | undefined }
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (!isNamed(rawHeaders[i]!, 'authorization')) continue
    rawHeaders.splice(i, 2)
    if (count !== undefined && i < counted[count]!) counted[count]! -= 2
  }
}

/** What Node keeps of a message below symbols; nothing on Deno, on Bun and over HTTP/2. */
function internalsOf(incoming: IncomingMessage): { distinctIsBuilt: boolean; count: symbol | undefined } {
  let distinctIsBuilt = false
  let count: symbol | undefined
  for (const symbol of Object.getOwnPropertySymbols(incoming)) {
    if (symbol.description === 'kHeadersDistinct') distinctIsBuilt = true
    else if (symbol.description === 'kHeadersCount') count = symbol
  }
  return { distinctIsBuilt, count }
}

/** Compares the length first, which is cheaper than a new string for each header. */
const isNamed = (text: string, name: string): boolean =>
  text.length === name.length && text.toLowerCase() === name
