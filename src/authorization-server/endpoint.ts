import { isOAuthError, OAuthError } from '../errors.ts'
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

/** Answers every error with its OAuth response, and an unforeseen one with a 500 that says nothing else. */
export function answering(
  context: Context,
  handler: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await handler(request)
    } catch (error) {
      return errorResponse(context, request, error)
    }
  }
}

/**
 * Rejects with `invalid_request`, before a secret is read, if the request came over plain http (MCP,
 * Communication Security).
 */
export function requireTls({ secure, options }: Context, request: Request): void {
  if (!secure || options.behindProxy || /^https:/i.test(request.url)) return
  throw new OAuthError(
    'invalid_request',
    'This request came over plain http. If a proxy terminates TLS, set behindProxy: true, or behindProxy: ' +
      '{ addressHeader } if the client address is not the last one in X-Forwarded-For',
  )
}

/**
 * The error that the client sees. An unforeseen one becomes `server_error` without details. Every 5xx is
 * reported.
 */
export function wireError(context: Context, request: Request, error: unknown): OAuthError {
  const known = isOAuthError(error)
    ? error
    : new OAuthError('server_error', 'Something went wrong here', { status: 500 })
  if (known.status >= 500) reportFailure(context, error, known, request)
  return known
}

/** Reports what was thrown to `onError`, and which part failed to `onEvent`. */
export function reportFailure(
  { issuer, runtime }: Context,
  error: unknown,
  { status, code, retryAfter }: OAuthError,
  request?: Request,
): void {
  const [type, level] = status === 503 ? (['server.unavailable', 'warning'] as const) : serverError
  const event = { type, level, issuer, error: code, status, duration: retryAfter }
  if (request === undefined) runtime.failed(error, 'authorization', { event })
  else runtime.failed(error, undefined, { event, request })
}

const serverError = ['server.error', 'alert'] as const

function errorResponse(context: Context, request: Request, error: unknown): Response {
  const known = wireError(context, request, error)
  // A 401 says how to authenticate (OAuth 2.1 §3.2.4, RFC 9110 §15.5.2).
  const challenge = known.code === 'invalid_token' ? 'Bearer error="invalid_token"' : 'Basic realm="client"'
  return oauthError(known, known.status === 401 ? { 'www-authenticate': challenge } : {})
}
