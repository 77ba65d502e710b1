import { OAuthError } from '../errors.ts'
import type { Context } from './context.ts'
import { requireTls } from './endpoint.ts'
import { errorPage } from './error-page.ts'
import { look } from './page.ts'

/** Runs an endpoint that answers with pages: every error becomes a page that a person understands, whatever is unforeseen a bare one. */
export function pageEndpoint(
  context: Context,
  handler: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      requireTls(context, request)
      return await handler(request)
    } catch (error) {
      const known =
        error instanceof OAuthError
          ? error
          : new OAuthError('server_error', 'Something went wrong here', { status: 500 })
      context.runtime.event({
        type: known === error ? 'page.refused' : 'server.error',
        level: known === error ? 'warning' : 'alert',
        issuer: context.issuer,
        error: known.code,
        status: known.status,
        // The name alone, where it is not ours: a message may quote what it choked on.
        detail: known === error ? known.message : error instanceof Error ? error.name : typeof error,
      })
      return errorPage(look(context), known)
    }
  }
}
