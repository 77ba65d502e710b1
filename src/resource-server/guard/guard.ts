import { InsufficientScopeError, OAuthError } from '../../errors.ts'
import { applyCors } from '../../http/cors.ts'
import type { NewEvent } from '../../lib/runtime.ts'
import { readBearer } from '../../protocol/bearer.ts'
import type { Entrance } from './locate.ts'
import { ProtectedResource } from '../protected-resource.ts'
import { missingTokenHeaders, refusal } from './refusal.ts'
import { unmet, type Plan, type Requirement } from './need.ts'
import type { Verified } from './token-cache.ts'
import type { OperationJudge, OperationJudgement } from '../types.ts'
import type { TollgateEventType } from '../../types.ts'

type Judged = Exclude<OperationJudgement, { refused: Response }>

/** Whoever got through. */
export interface Admission {
  readonly place: ProtectedResource
  /** Undefined: nobody, where nobody is welcome. */
  readonly verified: Verified | undefined
  /** What the handler gets. */
  readonly request: Request
  readonly filter?: Judged['filter']
  /** Whether the body, as it was judged, asks for nothing but answers. */
  readonly answers?: Judged['answers']
}

export interface AdmitOptions {
  /** Whether a request without a token gets through. */
  anonymous: boolean
  operations?: OperationJudge | undefined
}

/** Lets a request through or answers it; at once where there is nothing to wait for: a token that is known, or none at all. */
export type Admit = (
  request: Request,
  required: Requirement,
  options: AdmitOptions,
) => Admission | Response | Promise<Admission | Response>

/** The one place that decides whether a request gets through. */
export function createGate(entrance: Entrance, audited: boolean): Admit {
  return (request, required, options) => {
    const place = entrance.enter(request, required.resource)
    if (!(place instanceof ProtectedResource)) return place
    if (options.operations !== undefined || audited) return judge(request, place, required, options, audited)
    const authorization = request.headers.get('authorization')
    if (authorization === null)
      return options.anonymous ? { place, verified: undefined, request } : noToken(request, place, required)
    const verified = place.recall(authorization)
    if (verified === undefined) return judge(request, place, required, options, audited)
    const pending = ask(verified)
    if (pending !== undefined) return judge(request, place, required, options, audited, pending)
    const plan = planOf(required, place)
    const problem = unmet(plan.scopes, required, verified, place.runtime.clock)
    return problem === undefined
      ? { place, verified, request }
      : refusal(request, place, problem, plan, required)
  }
}

/** Asks whether a token that is known is still good. Undefined: it is, and nobody had to be asked. */
function ask({ revalidate }: Verified): Promise<void> | undefined {
  if (revalidate === undefined) return undefined
  let pending: Promise<void> | undefined
  try {
    pending = revalidate() ?? undefined
  } catch (error) {
    pending = Promise.reject(error as Error)
  }
  // Whoever judges the request awaits it; until then a rejection is nobody's.
  pending?.catch(() => undefined)
  return pending
}

async function judge(
  request: Request,
  place: ProtectedResource,
  required: Requirement,
  { anonymous, operations }: AdmitOptions,
  audited: boolean,
  pending?: Promise<void>,
): Promise<Admission | Response> {
  const plan = planOf(required, place)
  let { scopes } = plan
  let verified: Verified | undefined
  let operation: string | undefined
  try {
    const token = readBearer(request, place.maxTokenLength)
    if (token === undefined && !anonymous) return noToken(request, place, required)
    if (token !== undefined) {
      verified = await place.verify(token, pending)
      const problem = unmet(scopes, required, verified, place.runtime.clock)
      if (problem !== undefined) throw problem
    }
    if (audited && verified !== undefined) report(place, verified)
    if (operations === undefined) return { place, verified, request }
    const judgement = await operations.judge(request, verified?.auth)
    operation = judgement.operation
    if ('refused' in judgement) {
      const { refused, detail = 'refused by the operation rules' } = judgement
      const why = { status: refused.status, operation, detail }
      if (audited)
        place.runtime.event(eventOf(place, verified, { type: 'request.refused', level: 'warning', ...why }))
      return applyCors(request, refused, place.cors)
    }
    const { scopes: also, ...judged } = judgement
    scopes = [...new Set([...scopes, ...also])]
    if (also.some((scope) => verified?.granted.has(scope) !== true)) {
      if (verified === undefined) return noToken(request, place, { ...required, scopes, plans: [] })
      throw new InsufficientScopeError(scopes)
    }
    return { place, verified, ...judged }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    report(place, verified, error, { request, operation })
    return refusal(request, place, error, { scopes, first: plan.first }, required)
  }
}

function planOf(required: Requirement, place: ProtectedResource): Plan {
  const known = required.plans[place.index]
  if (known !== undefined) return known
  const scopes = [...new Set([...place.resource.requiredScopes, ...required.scopes])]
  const first = [...new Set([...scopes, ...place.resource.firstScopes])]
  return (required.plans[place.index] = { scopes, first, missing: missingTokenHeaders(place, first) })
}

function noToken(request: Request, place: ProtectedResource, required: Requirement): Response {
  const { runtime, resource } = place
  runtime.event({ type: 'token.missing', level: 'info', resource: resource.resource, status: 401 })
  const headers = planOf(required, place).missing
  return applyCors(request, new Response(null, { status: 401, headers }), place.cors)
}

function report(
  place: ProtectedResource,
  verified: Verified | undefined,
  error?: OAuthError,
  about: { request?: Request; operation?: string | undefined } = {},
): void {
  const { runtime } = place
  if (error === undefined)
    return runtime.event(eventOf(place, verified, { type: 'token.accepted', level: 'info' }))
  const { code, status, message, expected, received, retryAfter } = error
  const { operation, request } = about
  const missingScopes =
    error instanceof InsufficientScopeError
      ? error.scopes.filter((scope) => verified?.granted.has(scope) !== true)
      : undefined
  const event = eventOf(place, verified, {
    type: typeOf(error),
    level: 'warning',
    error: code,
    status,
    detail: message,
    operation,
    missingScopes,
    expected,
    received,
    duration: retryAfter,
  })
  if (status < 500) runtime.event(event)
  else runtime.failed(error, 'verifier', { event, ...(request && { request }) })
}

/** With what is known about the caller. */
function eventOf({ resource }: ProtectedResource, verified: Verified | undefined, event: NewEvent): NewEvent {
  const { issuer, clientId, subject } = verified?.auth ?? {}
  return { ...event, resource: resource.resource, issuer, clientId, subject }
}

function typeOf({ code, status }: OAuthError): TollgateEventType {
  if (code === 'insufficient_scope') return 'scope.insufficient'
  if (code === 'insufficient_user_authentication') return 'authentication.insufficient'
  if (status === 503) return 'verifier.unavailable'
  return code === 'invalid_token' ? 'token.rejected' : 'request.refused'
}
