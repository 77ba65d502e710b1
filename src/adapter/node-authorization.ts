import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

/**
 * Makes a second `Authorization` or `Host` header visible to frameworks that read Node's parsed headers, which keep
 * only the first one. The guard then sees both and refuses the request. Call it once per process; for Next, in
 * `register()` of `instrumentation.ts`, if `NEXT_RUNTIME` is `nodejs`. `toNodeHandler` and `tollgate/express` do this
 * for their own requests.
 */
export function joinAuthorizationHeaders(): void {
  subscribe('http.server.request.start', (message) =>
    joinRepeated((message as { request: IncomingMessage }).request),
  )
}

/** Writes a repeated header as a list-valued field would be joined (RFC 9110 §5.3). */
export function joinRepeated({ headers, rawHeaders }: IncomingMessage): void {
  const authorization = valuesOf(rawHeaders, 'authorization')
  if (authorization.length > 1) headers.authorization = authorization.join(', ')
  const host = valuesOf(rawHeaders, 'host')
  if (host.length > 1) headers.host = host.join(', ')
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const each = rawHeaders[i]!
    if (each.length === name.length && each.toLowerCase() === name) values.push(rawHeaders[i + 1]!)
  }
  return values
}

/**
 * Removes the credential from every view of a message, in place, because another reader may hold one already. The
 * official SDK's transports read the raw headers.
 */
export function stripAuthorization(incoming: IncomingMessage): void {
  const { headers, rawHeaders } = incoming
  // Built from the raw headers when it is read first, which fails once they are shorter. Not every runtime has it.
  const distinct: Record<string, unknown> | undefined = incoming.headersDistinct
  delete headers.authorization
  delete distinct?.['authorization']
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2)
    if (rawHeaders[i]!.toLowerCase() === 'authorization') rawHeaders.splice(i, 2)
}
