import { methods } from '../../http/methods.ts'
import type { Context } from '../context.ts'
import { requireTls, wireError } from '../endpoint.ts'
import { errorPage } from './error.ts'
import { emptyPage, lookOf } from './layout.ts'

type Handler = (request: Request) => Promise<Response>

/**
 * An endpoint that answers with pages. HEAD, which link scanners send, does not run GET: GET may set cookies,
 * start a sign-in or issue a code, and a safe method creates nothing (RFC 9110 §9.2.1).
 */
export const pageEndpoint = (
  context: Context,
  { GET, POST }: Readonly<Record<'GET' | 'POST', Handler>>,
): Handler =>
  methods({ GET: withErrorPages(context, GET), HEAD: emptyPage, POST: withErrorPages(context, POST) })

/** Every error becomes a page for the user. An unforeseen error says nothing about itself. */
function withErrorPages(context: Context, handler: Handler): Handler {
  return async (request) => {
    try {
      requireTls(context, request)
      return await handler(request)
    } catch (error) {
      const known = wireError(context, request, error)
      const { code, status, message: detail } = known
      const { issuer, runtime } = context
      if (status < 500)
        runtime.event({ type: 'page.refused', level: 'warning', issuer, error: code, status, detail })
      return errorPage(lookOf(context), known)
    }
  }
}
