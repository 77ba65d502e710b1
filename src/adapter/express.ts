import type { NextFunction, Request as Incoming, RequestHandler, Response as Outgoing } from 'express'
import { ConfigurationError } from '../errors.ts'
import type { ProtectNeed, ResourceServer } from '../index.ts'
import type { AuthInfo } from '../types.ts'
import { buildLazily, partsOf, type Lazy, type Parts } from './parts.ts'
import { checkRoute } from './route.ts'
import {
  bodyIsGone,
  copyHeaders,
  hasVerbatimPath,
  lazily,
  originOf,
  putBodyElsewhere,
  rawBodyOf,
  sendWebResponse,
  toWebRequest,
  verbatim,
  type Incoming as NodeIncoming,
} from './node-message.ts'

/**
 * Middleware that answers what belongs to Tollgate: metadata, and the endpoints of an embedded authorization server. Mount it at the
 * root and before every body parser. A function that returns the servers (`() => [as, rs]`) is called by the first request. Behind a proxy that ends TLS, `app.set('trust proxy', …)` says so.
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
        throw new ConfigurationError('endpoints', 'mount it before express.json() and express.urlencoded()')
      return sendWebResponse(outgoing, response)
    }
    next()
  }, asItCame)
}

/**
 * Middleware that lets only authorized requests through, with `req.auth` as the official SDK's transports read it. What follows sees no
 * `Authorization` header. Answers with 401, 403 or 503 otherwise. A subscription ends when its token does, and so
 * does a stream of which neither `need.operations` nor a parsed `req.body` tells the method, if its header says so. With `need.operations`, what was
 * judged is in `req.body`; lists are not filtered. `rs` may be a function, as in {@link endpoints}. With several resources
 * `need.resource` says which one this route is: Express ignores case, and reads the target as it came.
 *
 * @throws ConfigurationError if this route does not say which of several resources it is.
 *
 * @example
 * app.all('/mcp', guard(rs), (req, res) => transport.handleRequest(req, res, req.body))
 */
export function guard<P = unknown>(rs: Lazy<ResourceServer<P>>, need?: ProtectNeed): RequestHandler {
  const admit = buildLazily(rs, (built) => {
    checkRoute(built, need)
    return built.protect(
      async (request, auth, incoming: Incoming, outgoing: Outgoing, admitted: () => void) => {
        if (need?.operations !== undefined && request.body !== null) incoming.body = await request.json()
        ;(incoming as { auth?: AuthInfo<P> }).auth = auth
        admitted()
        return standIn(outgoing)
      },
      need,
    )
  })
  return middleware(async (request, incoming, outgoing, next) => {
    let inside = false
    // The body decides whether an event stream outlives its token, and the handler reads it from here.
    putBodyElsewhere(request, () => (verbatim(incoming.body) === undefined ? incoming.body : undefined))
    const response = await admit()(request, incoming, outgoing, () => {
      inside = true
    })
    if (!inside) return sendWebResponse(outgoing, response)
    // What the guard adds to an answer (CORS, Deprecation) goes onto the one that the handler will write.
    copyHeaders(outgoing, response.headers, ['content-type'])
    stripAuthorization(incoming)
    endWith(outgoing, response)
    next()
  }, asParsed)
}

/** What {@link guard} found. Throws where the request did not pass it. */
export function authOf<P = unknown>(request: object): AuthInfo<P> {
  const { auth } = request as { auth?: AuthInfo<P> }
  if (auth === undefined) throw new ConfigurationError('authOf', 'this route is not behind guard(rs)')
  return auth
}

/** The client's address as Express knows it (`req.ip`, with `trust proxy`), for the option `clientAddress`. */
export function clientAddress(request: Request): string | undefined {
  return addresses.get(request)
}

const addresses = new WeakMap<Request, string | undefined>()

/** Express 4 knows nothing of promises. */
function middleware(
  work: (request: Request, incoming: Incoming, outgoing: Outgoing, next: () => void) => Promise<void>,
  bodyOf: typeof asItCame,
): RequestHandler {
  const answer = async (incoming: Incoming, outgoing: Outgoing, next: () => void): Promise<void> => {
    // No endpoint has such a path; the application may.
    if (bodyOf === asItCame && !hasVerbatimPath(incoming)) return next()
    const origin = originOf(incoming, incoming.protocol === 'https')
    const request = toWebRequest(incoming, outgoing, origin, bodyOf)
    if (request === undefined) return void outgoing.status(400).json({ error: 'invalid_request' })
    addresses.set(request, incoming.ip)
    await work(request, incoming, outgoing, next)
  }
  return (incoming, outgoing, next: NextFunction) => {
    answer(incoming, outgoing, () => next()).catch(next)
  }
}

/** For endpoints: a body that a parser has read is an error only where it is needed. */
const asItCame = (incoming: NodeIncoming): BodyInit => rawBodyOf(incoming) ?? lazily(incoming)

/** For the guard: what a parser has made of the body is what the handler will act on, so it is also what is judged. */
function asParsed(incoming: NodeIncoming): BodyInit {
  if (!incoming.readableDidRead) return lazily(incoming)
  const { body } = incoming
  const known = body === undefined ? rawBodyOf(incoming) : (verbatim(body) ?? JSON.stringify(body))
  if (known === undefined) throw bodyIsGone()
  return known
}

/** Stands for the answer to come: an event stream that lasts as long as the connection, so that the guard can end it. */
function standIn(outgoing: Outgoing): Response {
  const body = new ReadableStream({
    start: (controller) => {
      outgoing.once('close', () => {
        try {
          controller.close()
        } catch {
          // The guard has ended it.
        }
      })
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** Ends the real answer when the guard ends the one that stands for it. */
function endWith(outgoing: Outgoing, { body }: Response): void {
  const over = (): void => {
    if (outgoing.writableEnded || outgoing.closed) return
    // A transport that does not know yet may still write.
    outgoing.on('error', () => undefined)
    outgoing.end(() => outgoing.destroy())
  }
  body?.pipeTo(new WritableStream()).then(over, over)
}

/** In every view, in place: whoever has read one before holds the same object (G39). The official SDK's transports read the raw one. */
function stripAuthorization(incoming: Incoming): void {
  const { headers, rawHeaders } = incoming
  // Not every runtime that has `node:http` has it.
  const distinct: Record<string, unknown> | undefined = incoming.headersDistinct
  delete headers.authorization
  delete distinct?.['authorization']
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2)
    if (rawHeaders[i]!.toLowerCase() === 'authorization') rawHeaders.splice(i, 2)
}
