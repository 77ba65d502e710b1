import type { Request as ExpressRequest, RequestHandler, Response as ExpressResponse } from 'express'
import type { AuthInfo, Endpoints } from '../types.ts'
import type { Need, ResourceServer } from '../index.ts'
import { ConfigurationError } from '../errors.ts'
import { copyHeaders, sendWebResponse, toWebRequest } from './express-message.ts'

/**
 * Middleware that answers what belongs to Tollgate: metadata, and the endpoints of an embedded authorization server.
 * Mount it at the root and before every body parser: `app.use(endpoints(as, rs))`.
 */
export function endpoints(...parts: readonly Endpoints[]): RequestHandler {
  return handled(async (req, res, next) => {
    const parsed = req.method === 'POST' && req.readableDidRead
    const request = toWebRequest(req, res)
    for (const part of parts) {
      const response = await part.handle(request)
      if (response === undefined) continue
      // The form is gone, and its parsed image is not what the client sent.
      if (parsed)
        throw new ConfigurationError('endpoints', 'mount it before express.json() and express.urlencoded()')
      return sendWebResponse(res, response)
    }
    next()
  })
}

/**
 * Middleware that lets only authorized requests through, with `req.auth` as the official SDK's transports read it. What follows sees no
 * `Authorization` header. Answers with 401, 403 or 503 otherwise. An event stream ends when its token does.
 *
 * `app.all('/mcp', guard(rs), (req, res) => transport.handleRequest(req, res, req.body))`
 */
export function guard<P = unknown>(rs: ResourceServer<P>, need?: Need): RequestHandler {
  const admit = rs.protect(
    (_request, auth, admitted: (auth: AuthInfo<P>) => Response) => admitted(auth),
    need,
  )
  return handled(async (req, res, next) => {
    let auth: AuthInfo<P> | undefined
    const response = await admit(toWebRequest(req, res), (found) => {
      auth = found
      return standIn(res)
    })
    if (auth === undefined) return sendWebResponse(res, response)
    // What the guard adds to an answer (CORS, Deprecation) goes onto the one that the handler will write.
    copyHeaders(res, response.headers, ['content-type'])
    stripAuthorization(req)
    ;(req as { auth?: AuthInfo<P> }).auth = auth
    endWith(res, response)
    next()
  })
}

/** What {@link guard} found. Throws where the request did not pass it. */
export function authOf<P = unknown>(req: object): AuthInfo<P> {
  const { auth } = req as { auth?: AuthInfo<P> }
  if (auth === undefined) throw new ConfigurationError('authOf', 'this route is not behind guard(rs)')
  return auth
}

/** Express 4 knows nothing of promises. */
function handled(
  work: (req: ExpressRequest, res: ExpressResponse, next: () => void) => Promise<void>,
): RequestHandler {
  return (req, res, next) => {
    work(req, res, () => next()).catch(next)
  }
}

/** Stands for the answer to come: an event stream that lasts as long as the connection, so that the guard can end it. */
function standIn(res: ExpressResponse): Response {
  const body = new ReadableStream({
    start: (controller) => {
      res.once('close', () => {
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
function endWith(res: ExpressResponse, { body }: Response): void {
  const over = body?.pipeTo(new WritableStream())
  over
    ?.catch(() => undefined)
    .then(() => {
      if (res.writableEnded || res.closed) return
      // A transport that does not know yet may still write.
      res.on('error', () => undefined)
      res.end(() => res.destroy())
    })
}

/** Both views of the headers: adapters in the official SDK read the raw ones. */
function stripAuthorization(req: ExpressRequest): void {
  delete req.headers.authorization
  const kept: string[] = []
  for (let i = 0; i < req.rawHeaders.length; i += 2)
    if (req.rawHeaders[i]!.toLowerCase() !== 'authorization')
      kept.push(req.rawHeaders[i]!, req.rawHeaders[i + 1]!)
  req.rawHeaders = kept
}
