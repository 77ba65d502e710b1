import { OAuthError } from '../errors.ts'
import { oauthError } from '../http/responses.ts'
import type { Context } from './context.ts'

/** An endpoint that reads secrets and answers with JSON. */
export function jsonEndpoint(
  context: Context,
  handler: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return answering(context, async (request) => {
    requireTls(context, request)
    return handler(request)
  })
}

/** Every error becomes its OAuth response, whatever is unforeseen a bare 500. */
export function answering(
  context: Context,
  handler: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await handler(request)
    } catch (error) {
      return errorResponse(context, error)
    }
  }
}

/** Secrets are not even read where they came over plain http (MCP, Communication Security). Rejects with `invalid_request`. */
export function requireTls({ secure, options }: Context, request: Request): void {
  if (!secure || options.behindProxy || new URL(request.url).protocol === 'https:') return
  throw new OAuthError(
    'invalid_request',
    'This request came over plain http. Where a proxy terminates TLS, set behindProxy: true',
  )
}

function errorResponse({ issuer, runtime }: Context, error: unknown): Response {
  const known =
    error instanceof OAuthError
      ? error
      : new OAuthError('server_error', 'Something went wrong here', { status: 500 })
  if (known !== error)
    // The name alone: a message may quote what it choked on.
    runtime.event({
      type: 'server.error',
      level: 'alert',
      issuer,
      status: 500,
      detail: error instanceof Error ? error.name : typeof error,
    })
  // Whoever came with the wrong credentials is told how to come (OAuth 2.1 §3.2.4, RFC 9110 §15.5.2).
  const challenge = known.code === 'invalid_token' ? 'Bearer error="invalid_token"' : 'Basic realm="client"'
  return oauthError(known, known.status === 401 ? { 'www-authenticate': challenge } : {})
}
