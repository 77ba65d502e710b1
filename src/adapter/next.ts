import type { Endpoints } from '../types.ts'

/** The exports of a catch-all route. */
export interface Routes {
  GET: Route
  HEAD: Route
  POST: Route
  OPTIONS: Route
}

type Route = (request: Request) => Promise<Response>

/**
 * The exports of an App Router catch-all route: `export const { GET, HEAD, POST, OPTIONS } = routes(as, rs)` in
 * `app/.well-known/[...path]/route.ts`, and in `app/<issuer's path>/[...path]/route.ts` where the authorization server is embedded (with
 * `behindProxy: true`, since Next itself serves plain http).
 *
 * The protected handler needs no adapter: `const handler = rs.protect(…)`, then
 * `export { handler as GET, handler as POST, handler as DELETE, handler as OPTIONS }` in `app/mcp/route.ts`.
 */
export function routes(...parts: readonly Endpoints[]): Routes {
  const route: Route = async (request) => {
    const received = asReceived(request)
    for (const part of parts) {
      const response = await part.handle(received)
      if (response !== undefined) return response
    }
    return new Response(null, { status: 404 })
  }
  return { GET: route, HEAD: route, POST: route, OPTIONS: route }
}

/** Next takes the scheme from `X-Forwarded-Proto`, which anybody can send; that a proxy ends TLS is for `behindProxy` to say (HT4). */
function asReceived(request: Request): Request {
  if (!request.url.startsWith('https:')) return request
  const { method, headers, body, signal, url } = request
  const init = { method, headers, signal, ...(body === null ? {} : { body, duplex: 'half' }) }
  return new Request(`http${url.slice(5)}`, init as RequestInit)
}
