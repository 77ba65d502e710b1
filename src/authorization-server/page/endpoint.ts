import { methods } from '../../http/methods.ts'
import type { Context } from '../context.ts'
import { requireTls, wireError } from '../endpoint.ts'
import { errorPage } from './error.ts'
import { emptyPage, look } from './layout.ts'

type Handler = (request: Request) => Promise<Response>

/**
 * An endpoint that answers with pages. HEAD does not run GET: that may set cookies, start a sign-in or
 * issue a code, and a safe method creates nothing (RFC 9110 §9.2.1): scanners of links send it.
 */
export const pageEndpoint = (
  context: Context,
  { GET, POST }: Readonly<Record<'GET' | 'POST', Handler>>,
): Handler =>
  methods({ GET: answering(context, GET), HEAD: () => emptyPage(), POST: answering(context, POST) })

/** Every error becomes a page that a person understands, whatever is unforeseen a bare one. */
function answering(context: Context, handler: Handler): Handler {
  return async (request) => {
    try {
      requireTls(context, request)
      return await handler(request)
    } catch (error) {
      const known = wireError(context, request, error)
      const { code, status, message } = known
      const { issuer, runtime } = context
      if (status < 500)
        runtime.event({
          type: 'page.refused',
          level: 'warning',
          issuer,
          error: code,
          status,
          detail: message,
        })
      return errorPage(look(context), known)
    }
  }
}
