import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

/**
 * Makes a second `Authorization` or `Host` header visible to frameworks that read Node's parsed headers, which keep only the first one: the guard
 * then sees both, and refuses. Call it once per process; for Next, in `register()` of `instrumentation.ts`, if `NEXT_RUNTIME` is `nodejs`.
 * `toNodeHandler` and `tollgate/express` need nothing.
 */
export function joinAuthorizationHeaders(): void {
  subscribe('http.server.request.start', (message) => {
    const { headers, rawHeaders } = (message as { request: IncomingMessage }).request
    for (const name of ['authorization', 'host'] as const) {
      const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)
      // RFC 9110 §5.3: what a list-valued field would mean.
      if (values.length > 1) headers[name] = values.join(', ')
    }
  })
}
