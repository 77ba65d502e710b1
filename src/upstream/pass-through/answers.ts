import { isOAuthError, OAuthError } from '../../errors.ts'
import { createCallers } from '../../http/caller.ts'
import { noStore } from '../../http/cache-control.ts'
import { oauthError, printable } from '../../http/responses.ts'
import { sha256 } from '../../lib/hash.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import type { Context } from './context.ts'
import type { Settings } from './options.ts'

type Handler = (request: Request) => Promise<Response>

/** An endpoint that answers every error with JSON (OAuth 2.1 §3.2.4). */
export const answeringJson = (context: Context, work: Handler): Handler =>
  answering(context, work, (error) =>
    oauthError(error, error.status === 401 ? { 'www-authenticate': 'Basic realm="client"' } : {}),
  )

/** An endpoint that a user's browser visits: errors are plain text. */
export const answeringText = (context: Context, work: Handler): Handler =>
  answering(context, work, ({ code, message, status, retryAfter }) => {
    const headers: Record<string, string> = {
      ...noStore,
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    }
    if (retryAfter !== undefined) headers['retry-after'] = String(Math.ceil(retryAfter))
    const text = `${printable(message)}.\nNothing was shared. Go back to the app and try again.\n(${code})\n`
    return new Response(text, { status, headers })
  })

function answering(context: Context, work: Handler, write: (error: OAuthError) => Response): Handler {
  const { issuer, runtime } = context
  return async (request) => {
    try {
      return await work(request)
    } catch (error) {
      const known = isOAuthError(error)
        ? error
        : new OAuthError('server_error', 'Something went wrong here', { status: 500 })
      const { status, code, retryAfter } = known
      const isOutage = status === 503
      if (status >= 500)
        runtime.failed(error, undefined, {
          request,
          event: {
            type: isOutage ? 'server.unavailable' : 'server.error',
            level: isOutage ? 'warning' : 'alert',
            issuer,
            error: code,
            status,
            duration: retryAfter,
          },
        })
      else if (request.method === 'POST' && code !== 'invalid_redirect_uri' && status !== 429)
        runtime.event({ type: 'token.refused', level: 'warning', issuer, error: code, status })
      return write(known)
    }
  }
}

/** Seconds that a refusal lasts. */
const period = 60

/** Brute force, and a provider that shuts this server out: limits what one caller can make it send. */
export function createLimit({ issuer, rateLimit }: Settings, runtime: ResolvedRuntime): Context['attempt'] {
  const findCaller = createCallers(runtime)
  return async (kind, request) => {
    const caller = findCaller(request)
    if (rateLimit === undefined || caller === undefined) return
    try {
      const key = `${kind}:${await sha256(`${issuer}\n${caller.network}`)}`
      if ((await rateLimit.limit({ key })).success) return
    } catch (error) {
      // A limiter that is down does not stop the server.
      runtime.failed(error, 'rateLimit.limit', {
        event: { type: 'rate.unavailable', level: 'warning', issuer },
      })
      return
    }
    const event = { type: 'rate.limited', level: 'warning', issuer, status: 429, detail: kind } as const
    runtime.event({ ...event, duration: period, address: runtime.clientAddress(request) })
    throw new OAuthError('temporarily_unavailable', 'Too many attempts; try again later', {
      status: 429,
      retryAfter: period,
    })
  }
}
