import type { NextFunction, Request as Incoming, RequestHandler, Response as Outgoing } from 'express'
import { ConfigurationError } from '../errors.ts'
import type { ProtectNeed, ResourceServer } from '../index.ts'
import type { AuthInfo } from '../types.ts'
import { buildLazily, partsOf, type Lazy, type Parts } from './parts.ts'
import { admitOf } from './route.ts'
import { bodyElsewhere, type OwnRequest } from '../lib/own-request.ts'
import { endWithToken } from './node-end.ts'
import { bodyIsGone, rawBodyOf, toWebRequest, verbatim } from './node-request.ts'
import { copyHeaders, sendWebResponse } from './node-response.ts'
import { hasVerbatimPath, type Incoming as NodeIncoming } from './node-target.ts'

export { clientAddress } from './node-request.ts'

/**
 * Middleware that answers what belongs to Tollgate: metadata, and the endpoints of an embedded authorization
 * server. Mount it at the root and before every body parser. The first request calls a function that returns
 * the servers (`() => [as, rs]`). Behind a proxy that terminates TLS, set `app.set('trust proxy', …)`.
 *
 * @example
 * app.use(endpoints(as, rs))
 */
export function endpoints(...parts: Parts): RequestHandler {
  const partsNow = partsOf(parts)
  return middleware(async (request, incoming, outgoing, next) => {
    const parsed = incoming.method === 'POST' && incoming.readableDidRead && rawBodyOf(incoming) === undefined
    for (const part of partsNow()) {
      const response = await part.handle(request)
      if (response === undefined) continue
      // The form is gone, and its parsed image is not what the client sent.
      if (parsed)
        throw new ConfigurationError(
          'endpoints',
          'must be mounted before express.json() and express.urlencoded()',
        )
      return sendWebResponse(outgoing, response)
    }
    next()
  }, asItCame)
}

/**
 * Middleware that admits only authorized requests, with `req.auth` as the official SDK's transports read it,
 * and answers other requests with 401, 403 or 503. Handlers behind it see no `Authorization` header. A
 * subscription ends with its token. If neither `need.operations` nor a parsed `req.body` tells the method,
 * the header `Mcp-Method` decides whether a stream is a subscription. With `need.operations`, `req.body` is
 * the body that was judged; lists are not filtered. `rs` may be a function, as in {@link endpoints}. With
 * several resources, `need.resource` says which one this route is, because Express ignores case and reads the
 * target as it came.
 *
 * @throws ConfigurationError if `need` is wrong, or does not say which of several resources this route is;
 * with a function, at the first request.
 *
 * @example
 * app.all('/mcp', guard(rs), (req, res) => transport.handleRequest(req, res, req.body))
 */
export function guard<P = unknown>(rs: Lazy<ResourceServer<P>>, need?: ProtectNeed): RequestHandler {
  const admit = buildLazily(rs, (built) => admitOf(built, need))
  const hasOperations = need?.operations !== undefined
  return middleware(async (request, incoming, outgoing, next) => {
    // The body decides whether an event stream outlives its token, and the handler reads it from here.
    request[bodyElsewhere] = () => (verbatim(incoming.body) === undefined ? incoming.body : undefined)
    const admitted = await admit()(request)
    if (admitted instanceof Response) return sendWebResponse(outgoing, admitted)
    const { auth, request: judged } = admitted
    if (hasOperations && judged.body !== null) incoming.body = await judged.json()
    ;(incoming as { auth?: AuthInfo<P> | undefined }).auth = auth
    // The handler's answer gets what the guard adds: CORS, Cache-Control, Deprecation. It may have a body,
    // which
    // must not be cached, and its type is the handler's.
    copyHeaders(outgoing, admitted.finish(new Response(new Uint8Array())).headers)
    setImmediate(endWithToken, outgoing, admitted)
    next()
  }, asParsed)
}

/** What {@link guard} found. Throws if the request did not pass it. */
export function authOf<P = unknown>(request: object): AuthInfo<P> {
  const { auth } = request as { auth?: AuthInfo<P> }
  if (auth === undefined) throw new ConfigurationError('authOf', 'must be called behind guard(rs)')
  return auth
}

/** Express 4 does not handle a rejected promise. */
function middleware(
  work: (request: OwnRequest, incoming: Incoming, outgoing: Outgoing, next: () => void) => Promise<void>,
  bodyOf: typeof asItCame,
): RequestHandler {
  const answer = async (incoming: Incoming, outgoing: Outgoing, next: () => void): Promise<void> => {
    // No endpoint has such a path; the application may.
    if (bodyOf === asItCame && !hasVerbatimPath(incoming)) return next()
    const request = toWebRequest(incoming, outgoing, {
      encrypted: incoming.protocol === 'https',
      address: () => incoming.ip,
      bodyOf,
    })
    if (request === undefined) return void outgoing.status(400).json({ error: 'invalid_request' })
    await work(request, incoming, outgoing, next)
  }
  return (incoming, outgoing, next: NextFunction) => {
    answer(incoming, outgoing, () => next()).catch(next)
  }
}

/** For endpoints: a body that a parser has read is an error only if an endpoint needs it. */
const asItCame = (incoming: NodeIncoming) => (): BodyInit => rawBodyOf(incoming) ?? ''

/** For the guard: the handler acts on what a parser has made of the body, so this is also what is judged. */
function asParsed(incoming: NodeIncoming): () => BodyInit {
  const { body } = incoming
  if (body === undefined && rawBodyOf(incoming) === undefined) throw bodyIsGone()
  return () => (body === undefined ? rawBodyOf(incoming)! : (verbatim(body) ?? JSON.stringify(body)))
}
