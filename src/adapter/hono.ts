import type { HonoRequest, MiddlewareHandler } from 'hono'
import { inheritOwner } from '../lib/own-request.ts'
import type { ProtectNeed, ResourceServer } from '../index.ts'
import type { AuthInfo } from '../types.ts'
import { buildLazily, partsOf, type Lazy, type Parts } from './parts.ts'
import { admitOf } from './route.ts'

/** The variables that {@link guard} sets. */
export interface AuthVariables<P = unknown> {
  /** Who is calling. */
  auth: AuthInfo<P>
}

/**
 * Middleware that answers what belongs to Tollgate: metadata, and the endpoints of an embedded authorization
 * server. The first request calls a function that returns the servers (`() => [as, rs]`).
 *
 * @example
 * app.use(endpoints(as, rs))
 */
export function endpoints(...parts: Parts): MiddlewareHandler {
  const partsNow = partsOf(parts)
  return async (c, next) => {
    for (const part of partsNow()) {
      const response = await part.handle(c.req.raw)
      if (response !== undefined) return response
    }
    await next()
    return undefined
  }
}

/**
 * Middleware that admits only authorized requests, with `c.var.auth`, and answers other requests with 401,
 * 403 or 503. `rs` may be a function, as in {@link endpoints}. With several resources, `need.resource` says
 * which one this route is, because a route may ignore case or lie below a mount point.
 *
 * @throws ConfigurationError if `need` is wrong, or does not say which of several resources this route is;
 * with a function, at the first request.
 *
 * @example
 * app.all('/mcp', guard(rs), (c) => mcp(c.req.raw, { authInfo: c.var.auth }))
 */
export function guard<P = unknown>(
  rs: Lazy<ResourceServer<P>>,
  need?: ProtectNeed,
): MiddlewareHandler<{ Variables: AuthVariables<P> }> {
  const admit = buildLazily(rs, (built) => admitOf(built, need))
  return async (c, next) => {
    const admitted = await admit()(await unread(c.req))
    if (admitted instanceof Response) return admitted
    c.req.raw = admitted.request
    // Only `optional` admits a request without a token, and a guard has no such option.
    c.set('auth', admitted.auth!)
    await next()
    const response = admitted.finish(c.res)
    // Without this, Hono would merge the two answers' headers.
    c.res = undefined
    c.res = response
    return undefined
  }
}

/** Hono keeps a body that was read before the guard. The handler acts on it, so it is also what is judged. */
async function unread(req: HonoRequest): Promise<Request> {
  if (!req.raw.bodyUsed) return req.raw
  const { url, method, headers, signal } = req.raw
  const copy = new Request(url, { method, headers, signal, body: await req.arrayBuffer() })
  return inheritOwner(copy, req.raw)
}
