import { InsufficientScopeError, isOAuthError, OAuthError } from '../../errors.ts'
import { applyCors } from '../../http/cors.ts'
import { isOwn, removeCredential } from '../../lib/own-request.ts'
import { readBearer } from '../../protocol/bearer.ts'
import type { AuthInfo, Awaitable, Clock } from '../../types.ts'
import type { AdmittedRequest, OperationJudge } from '../types.ts'
import { finishResponse, watchToken, type JudgedOperations } from './finish.ts'
import type { Locate } from './locate.ts'
import type { Plan, Requirement } from './need.ts'
import { ProtectedResource } from './protected-resource.ts'
import { missingTokenHeaders, refusal } from './refusal.ts'
import { callerEvent, reportRefusal } from './report.ts'
import { compareScopes } from './scopes.ts'
import type { Verified } from './token-cache.ts'

export interface AdmitOptions {
  /** Whether a request without a token is admitted. */
  anonymous: boolean
  operations?: OperationJudge | undefined
  /** Whether only the caller is asked for: there is no handler, so the request keeps its token. */
  authOnly?: boolean | undefined
}

/** Admits a request or answers it; without a promise if there is nothing to wait for. */
export type Admit = (
  request: Request,
  required: Requirement,
  options: AdmitOptions,
) => Awaitable<Admission | Response>

/**
 * The only place that decides whether a request is admitted: locate, authenticate, decide, then the rules for
 * operations.
 */
export function createGuard(locate: Locate): Admit {
  return (request, required, { anonymous, operations, authOnly }) => {
    const target = locate(request, required.resource)
    if (!(target instanceof ProtectedResource)) return target
    const plan = planFor(required, target)
    const attempt = { request, target, required, plan, anonymous, operations, authOnly }
    const header = request.headers.get('authorization')
    if (header === null) return conclude(attempt, undefined)
    const now = target.runtime.clock()
    // Only a whole token that was verified before is found, so its grammar needs no check. The decision is
    // the same either way.
    const known = header.startsWith('Bearer ') ? target.findVerified(header.slice(7), now) : undefined
    return known !== undefined && known.revalidate === undefined
      ? conclude(attempt, known, now)
      : authenticate(attempt, known)
  }
}

/** One request on its way through the guard. */
interface Attempt extends AdmitOptions {
  readonly request: Request
  readonly target: ProtectedResource
  readonly required: Requirement
  readonly plan: Plan
}

/**
 * Reads and verifies the token, or asks whether a known one is still good; at once if there is nothing to
 * wait for.
 */
function authenticate(attempt: Attempt, known: Verified | undefined): Awaitable<Admission | Response> {
  const { request, target } = attempt
  try {
    const token = known === undefined ? readBearer(request, target.maxTokenLength) : known.token
    if (token === undefined) return conclude(attempt, undefined)
    const verified = known === undefined ? target.verify(token) : target.revalidate(known)
    if (!(verified instanceof Promise)) return conclude(attempt, verified)
    return verified.then(
      (each) => conclude(attempt, each),
      (error: unknown) => refuse(attempt, undefined, error),
    )
  } catch (error) {
    return refuse(attempt, undefined, error)
  }
}

/**
 * The decision, the same for a token that is known and for one that was just verified: why the request is
 * refused; undefined if it is admitted. Audience, issuer, expiry and type are the verifier's part, which has
 * passed.
 */
export function decide(
  verified: Verified | undefined,
  scopes: readonly string[],
  anonymous: boolean,
  { acrValues, maxAge }: Pick<Requirement, 'acrValues' | 'maxAge'>,
  clock: Clock,
): OAuthError | 'missing token' | undefined {
  if (verified === undefined) return anonymous ? undefined : 'missing token'
  if (!compareScopes(verified.carried, scopes).sufficient) return new InsufficientScopeError(scopes)
  if (acrValues === undefined && maxAge === undefined) return undefined
  const { acr, auth_time: authTime } = verified.auth.claims
  const weak = acrValues !== undefined && !(typeof acr === 'string' && acrValues.includes(acr))
  const old = maxAge !== undefined && !(typeof authTime === 'number' && authTime + maxAge >= clock())
  return weak || old
    ? new OAuthError('insufficient_user_authentication', 'This needs a stronger or more recent sign-in', {
        status: 401,
      })
    : undefined
}

/** `now`: if the clock was read already. */
function conclude(
  attempt: Attempt,
  verified: Verified | undefined,
  now?: number,
): Awaitable<Admission | Response> {
  const { target, required, plan, anonymous, operations } = attempt
  const problem = decide(verified, plan.scopes, anonymous, required, target.runtime.clock)
  if (problem !== undefined) return refuse(attempt, verified, problem)
  verified?.reportAccepted(now)
  return operations === undefined
    ? new Admission(attempt, verified)
    : concludeOperations(attempt, verified, operations)
}

/** Decides once more, with all scopes that the request's operations need. */
async function concludeOperations(
  attempt: Attempt,
  verified: Verified | undefined,
  operations: OperationJudge,
): Promise<Admission | Response> {
  const { request, target, required, plan, anonymous } = attempt
  let scopes = plan.scopes
  let operation: string | undefined
  try {
    const judgement = await operations.judge(request, verified?.auth)
    operation = judgement.operation
    if ('refused' in judgement) {
      const { refused, detail = 'refused by the operation rules' } = judgement
      const why = { status: refused.status, operation, detail }
      target.runtime.event(
        callerEvent(target, verified, { type: 'request.refused', level: 'warning', ...why }),
      )
      return applyCors(request, refused, target.cors)
    }
    scopes = [...new Set([...plan.scopes, ...judgement.scopes])]
    const mayBeAnonymous = anonymous && judgement.scopes.length === 0
    const problem = decide(verified, scopes, mayBeAnonymous, required, target.runtime.clock)
    if (problem !== undefined) return refuse(attempt, verified, problem, { scopes, operation })
    return new Admission(attempt, verified, judgement)
  } catch (error) {
    return refuse(attempt, verified, error, { scopes, operation })
  }
}

/** An admitted request, and what becomes of the handler's answer. */
export class Admission implements AdmittedRequest<never> {
  readonly auth: AuthInfo<never> | undefined
  readonly request: Request
  readonly #attempt: Attempt
  readonly #verified: Verified | undefined
  readonly #operations: JudgedOperations | undefined

  constructor(attempt: Attempt, verified: Verified | undefined, operations?: JudgedOperations) {
    const { request, target, authOnly } = attempt
    const judged = operations === undefined ? request : operations.request
    this.auth = verified === undefined ? undefined : verified.auth
    this.request =
      verified !== undefined && authOnly !== true && (target.stripAuthorization || isOwn(request))
        ? withoutCredential(request, judged)
        : judged
    this.#attempt = attempt
    this.#verified = verified
    this.#operations = operations
  }

  finish(response: Response): Response {
    const { request, target } = this.#attempt
    return finishResponse(request, response, target, this.#verified, this.#operations)
  }

  onEnd(end: () => void): () => void {
    const { request, target } = this.#attempt
    return watchToken(request, target, this.#verified, this.#operations, end)
  }
}

/**
 * The handler's request, in place if it allows that, which costs nothing; otherwise (Workers) a copy. The
 * request that came loses its credential as well: what made it, such as Node's message, may be in the
 * handler's hands.
 */
function withoutCredential(received: Request, judged: Request): Request {
  if (isOwn(received)) received[removeCredential]()
  for (const { headers } of [received, judged])
    if (headers.has('authorization'))
      try {
        headers.delete('authorization')
      } catch {
        // Immutable (Workers).
      }
  if (!judged.headers.has('authorization')) return judged
  const headers = new Headers(judged.headers)
  headers.delete('authorization')
  return new Request(judged, { headers })
}

function planFor(required: Requirement, target: ProtectedResource): Plan {
  const known = required.plans[target.index]
  if (known !== undefined) return known
  const scopes = [...new Set([...target.resource.requiredScopes, ...required.scopes])]
  const first = [...new Set([...scopes, ...target.resource.firstScopes])]
  return (required.plans[target.index] = { scopes, first, missing: missingTokenHeaders(target, first) })
}

/**
 * Reports and answers what is not admitted. An error that is not an OAuthError is the application's, and
 * thrown.
 */
function refuse(
  { request, target, required, plan }: Attempt,
  verified: Verified | undefined,
  problem: unknown,
  { scopes = plan.scopes, operation }: { scopes?: readonly string[]; operation?: string | undefined } = {},
): Response {
  if (problem === 'missing token') {
    target.reportMissingToken()
    const headers =
      scopes === plan.scopes
        ? plan.missing
        : missingTokenHeaders(target, [...new Set([...scopes, ...plan.first])])
    return applyCors(request, new Response(null, { status: 401, headers }), target.cors)
  }
  if (!isOAuthError(problem)) throw problem
  reportRefusal(target, verified, problem, request, operation)
  return refusal(request, target, problem, { scopes, first: plan.first }, required)
}
