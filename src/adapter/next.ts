import { ConfigurationError } from '../errors.ts'
import type { ProtectNeed, ResourceServer } from '../index.ts'
import type { AuthInfo, Awaitable } from '../types.ts'
import { buildLazily, partsOf, type Lazy, type Parts } from './parts.ts'
import { checkRoute } from './route.ts'

/** The exports of a catch-all route. */
export interface Routes {
  GET: Route
  HEAD: Route
  POST: Route
  OPTIONS: Route
}

/** The exports of the MCP server's route. */
export interface GuardedRoutes {
  GET: Route
  POST: Route
  DELETE: Route
  OPTIONS: Route
}

/** @inline */
type Route = (request: Request) => Promise<Response>

/**
 * The exports of an App Router catch-all route: `export const { GET, HEAD, POST, OPTIONS } = routes(() =>
 * [as, rs])` in `app/.well-known/[...path]/route.ts`, and in `app/<issuer's path>/[...path]/route.ts` if the
 * authorization server is embedded (with `behindProxy: true`, since Next itself serves plain http).
 *
 * Pass the servers, or a function that returns them. The first request calls it, so `next build`, which loads
 * every route, needs neither a secret nor any other environment variable.
 */
export function routes(...parts: Parts): Routes {
  const partsNow = partsOf(parts)
  const route: Route = async (request) => {
    const received = asReceived(request)
    for (const part of partsNow()) {
      const response = await part.handle(received)
      if (response !== undefined) return response
    }
    return new Response(null, { status: 404 })
  }
  return { GET: route, HEAD: route, POST: route, OPTIONS: route }
}

/**
 * The exports of the MCP server's route, `app/mcp/route.ts`. `rs` may be a function, as in {@link routes}.
 * With several resources `need.resource` says which one this route is.
 *
 * @throws ConfigurationError if this route does not say which of several resources it is; with a function, at
 * the first request.
 *
 * @example
 * export const { GET, POST, DELETE, OPTIONS } = guard(
 *   () => servers().rs,
 *   (request, auth) => mcp(request, { authInfo: auth }),
 * )
 */
export function guard<P = unknown>(
  rs: Lazy<ResourceServer<P>>,
  handler: (request: Request, auth: AuthInfo<P>) => Awaitable<Response>,
  need?: ProtectNeed,
): GuardedRoutes {
  if (typeof handler !== 'function') throw new ConfigurationError('handler', 'must be a function')
  const guarded = buildLazily(rs, (built) => {
    checkRoute(built, need)
    return built.protect((request, auth) => handler(request, auth), need)
  })
  const route: Route = async (request) => guarded()(request)
  return { GET: route, POST: route, DELETE: route, OPTIONS: route }
}

/**
 * Next takes the scheme from `X-Forwarded-Proto`, which any client can send. Only `behindProxy` says that a
 * proxy terminates TLS.
 */
function asReceived(request: Request): Request {
  if (!request.url.startsWith('https:')) return request
  const { method, headers, body, signal, url } = request
  const init = { method, headers, signal, ...(body === null ? {} : { body, duplex: 'half' }) }
  return new Request(`http${url.slice(5)}`, init as RequestInit)
}
