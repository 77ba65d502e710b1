import { privately } from '../../http/cache-control.ts'
import { isInvalidTokenError } from '../../errors.ts'
import { applyCors } from '../../http/cors.ts'
import { compareScopes } from './scopes.ts'
import type { OperationJudgement } from '../types.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { streamKind } from './stream-kind.ts'
import { isEventStream, limitStream, longestAnswer, watchEnd, type StreamLimit } from './stream.ts'
import type { Verified } from './token-cache.ts'

/** What the rules for operations made of an admitted request. */
export type JudgedOperations = Exclude<OperationJudgement, { refused: Response }>

/**
 * The handler's answer as it goes out: lists filtered, ended with its token, not for shared caches, readable
 * for browsers.
 */
export function finishResponse(
  request: Request,
  response: Response,
  target: ProtectedResource,
  verified: Verified | undefined,
  operations: JudgedOperations | undefined,
): Response {
  const answer = operations?.filter === undefined ? response : filtered(response, verified, operations.filter)
  if (verified === undefined) return applyCors(request, answer, target.cors)
  const { responseHeaders } = verified.auth
  // Caches do not store the answer to a POST that does not ask for it (RFC 9110 §9.3.3), so an empty one
  // needs no `no-store`.
  if (answer.body === null && responseHeaders === undefined && request.method === 'POST')
    return applyCors(request, answer, target.cors)
  const ending = isEventStream(answer)
    ? limitStream(answer, limitFor(request, target, verified, operations))
    : answer
  const control = privately(ending.headers.get('cache-control'))
  return applyCors(request, withHeaders(ending, control, responseHeaders), target.cors)
}

/** Calls `end` when an answer to this request has to end. Returns what stops the watch. */
export function watchToken(
  request: Request,
  target: ProtectedResource,
  verified: Verified | undefined,
  operations: JudgedOperations | undefined,
  end: () => void,
): () => void {
  if (verified === undefined) return () => undefined
  return watchEnd(limitFor(request, target, verified, operations), end)
}

function filtered(
  response: Response,
  verified: Verified | undefined,
  filter: NonNullable<JudgedOperations['filter']>,
): Response {
  return filter(
    response,
    (scopes) => verified !== undefined && compareScopes(verified.carried, scopes).sufficient,
  )
}

/**
 * A subscription ends with its token (OAuth 2.1 §5.2). The answer to one request, which was authorized when
 * it began, runs to its end.
 */
function limitFor(
  request: Request,
  target: ProtectedResource,
  { auth }: Verified,
  operations: JudgedOperations | undefined,
): StreamLimit {
  const { clock } = target.runtime
  const alive = async (): Promise<boolean> => {
    try {
      await target.verify(auth.token)
      return true
    } catch (error) {
      if (isInvalidTokenError(error)) return false
      // An outage of the issuer says nothing about the token.
      const event = {
        type: 'verifier.unavailable',
        level: 'warning',
        resource: target.resource.resource,
      } as const
      target.runtime.failed(error, 'verifier', { request, event })
      return true
    }
  }
  const limit = { clock, until: auth.expiresAt, alive }
  if (request.method !== 'POST') return limit
  return { ...limit, longest: clock() + longestAnswer, kind: streamKind(request, operations?.answers) }
}

function withHeaders(
  response: Response,
  control: string | undefined,
  also: Readonly<Record<string, string>> = {},
): Response {
  try {
    return setHeaders(response, control, also)
  } catch {
    // The response came from a fetch: its headers are immutable.
    return setHeaders(new Response(response.body, response), control, also)
  }
}

function setHeaders(
  response: Response,
  control: string | undefined,
  also: Readonly<Record<string, string>>,
): Response {
  if (control !== undefined) response.headers.set('cache-control', control)
  for (const name of Object.keys(also)) response.headers.set(name, also[name]!)
  return response
}
