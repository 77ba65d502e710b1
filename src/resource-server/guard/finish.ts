import { InvalidTokenError } from '../../errors.ts'
import { applyCors } from '../../http/cors.ts'
import type { ProtectedResource } from '../protected-resource.ts'
import { streamKind } from './stream-kind.ts'
import { isEventStream, limitStream, longestAnswer } from './stream.ts'
import type { Verified } from './token-cache.ts'

/**
 * The handler's answer as it goes out: ended in time, not for shared caches, readable for browsers. `judged`: whether the body, as it was
 * judged, asks for nothing but answers.
 */
export function finish(
  request: Request,
  response: Response,
  place: ProtectedResource,
  verified: Verified | undefined,
  judged?: boolean,
): Response {
  if (verified === undefined) return applyCors(request, response, place.cors)
  const { responseHeaders } = verified.auth
  // Nobody keeps the answer to a POST that does not ask for it (RFC 9110 §9.3.3), least of all an empty one.
  if (response.body === null && responseHeaders === undefined && request.method === 'POST')
    return applyCors(request, response, place.cors)
  const answer = isEventStream(response) ? limited(request, response, place, verified, judged) : response
  const control = uncached(answer.headers.get('cache-control'))
  return applyCors(request, withHeaders(answer, control, responseHeaders), place.cors)
}

/** A subscription ends with its token (OAuth 2.1 §5.2); the answer to one request, which was authorized when it began, runs to its end. */
function limited(
  request: Request,
  response: Response,
  place: ProtectedResource,
  { auth }: Verified,
  judged: boolean | undefined,
): Response {
  const { clock } = place.runtime
  const alive = async (): Promise<boolean> => {
    try {
      await place.verify(auth.token)
      return true
    } catch (error) {
      if (error instanceof InvalidTokenError) return false
      // An outage of the issuer says nothing about the token.
      const event = {
        type: 'verifier.unavailable',
        level: 'warning',
        resource: place.resource.resource,
      } as const
      place.runtime.failed(error, 'verifier', { request, event })
      return true
    }
  }
  const limit = { clock, until: auth.expiresAt, alive }
  if (request.method !== 'POST') return limitStream(response, limit)
  const longest = clock() + longestAnswer
  return limitStream(response, { ...limit, longest, kind: streamKind(request, judged) })
}

/** What keeps an authorized answer out of shared caches (RFC 9111 §3.5), unless the handler has said so itself; undefined: nothing to add. */
function uncached(control: string | null): string | undefined {
  if (control === null) return 'no-store'
  return /\b(?:no-store|private|public)\b/i.test(control) ? undefined : `${control}, private`
}

function withHeaders(
  response: Response,
  control: string | undefined,
  also: Readonly<Record<string, string>> = {},
): Response {
  try {
    return set(response, control, also)
  } catch {
    // The response came from a fetch: its headers are immutable.
    return set(new Response(response.body, response), control, also)
  }
}

function set(
  response: Response,
  control: string | undefined,
  also: Readonly<Record<string, string>>,
): Response {
  if (control !== undefined) response.headers.set('cache-control', control)
  for (const name of Object.keys(also)) response.headers.set(name, also[name]!)
  return response
}
