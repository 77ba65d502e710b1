import { InsufficientScopeError, OAuthError } from '../errors.ts'
import { applyCors } from '../http/cors.ts'
import { readBearer } from '../protocol/bearer.ts'
import type { Entrance } from './entrance.ts'
import { ProtectedResource } from './protected-resource.ts'
import { missingTokenHeaders, refusal } from './refusal.ts'
import { unmet, type Plan, type Requirement } from './requirement.ts'
import type { Verified } from './token-cache.ts'
import type { OperationJudge, OperationJudgement } from './types.ts'

/** Whoever got through. */
export interface Admission {
  readonly place: ProtectedResource
  /** Undefined: nobody, where nobody is welcome. */
  readonly verified: Verified | undefined
  /** What the handler gets. */
  readonly request: Request
  readonly filter?: Exclude<OperationJudgement, { refused: Response }>['filter']
}

export interface JudgeOptions {
  /** Whether a request without a token gets through. */
  anonymous: boolean
  operations?: OperationJudge | undefined
}

export interface Gate {
  /** The answer to what needs no waiting: a token that is known, or none at all. Undefined: ask `judge`. */
  pass(request: Request, required: Requirement, anonymous: boolean): Admission | Response | undefined
  judge(request: Request, required: Requirement, options: JudgeOptions): Promise<Admission | Response>
}

/** The one place that decides whether a request gets through. */
export function createGate(entrance: Entrance, audited: boolean): Gate {
  return {
    pass(request, required, anonymous) {
      const place = entrance.enter(request, required.resource)
      if (!(place instanceof ProtectedResource)) return place instanceof Response ? place : undefined
      const authorization = request.headers.get('authorization')
      if (authorization === null) {
        return anonymous
          ? { place, verified: undefined, request }
          : noToken(request, place, required, audited)
      }
      const verified = place.recall(authorization)
      // What has to be asked is asked by judge(), which also knows what to answer.
      if (verified === undefined || audited || !stillGood(verified)) return undefined
      const { scopes } = planOf(required, place)
      return unmet(scopes, required, verified, place.runtime.clock) === undefined
        ? { place, verified, request }
        : undefined
    },

    async judge(request, required, { anonymous, operations }) {
      const place = await entrance.enter(request, required.resource)
      if (!(place instanceof ProtectedResource)) return place
      let { scopes } = planOf(required, place)
      let verified: Verified | undefined
      try {
        const token = readBearer(request)
        if (token === undefined && !anonymous) return noToken(request, place, required, audited)
        if (token !== undefined) {
          verified = await place.verify(token)
          const problem = unmet(scopes, required, verified, place.runtime.clock)
          if (problem !== undefined) throw problem
        }
        if (operations === undefined) return admitted(place, verified, request, audited)
        const judgement = await operations.judge(request, verified?.auth)
        if ('refused' in judgement) return applyCors(request, judgement.refused, place.cors)
        scopes = [...new Set([...scopes, ...judgement.scopes])]
        if (judgement.scopes.some((scope) => verified?.granted.has(scope) !== true)) {
          if (verified === undefined)
            return noToken(request, place, { ...required, scopes, plans: [] }, audited)
          throw new InsufficientScopeError(scopes)
        }
        return admitted(place, verified, judgement.request, audited, judgement.filter)
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error
        if (audited) report(place, error, verified)
        return refusal(request, place, error, scopes, required)
      }
    },
  }
}

/** Whether a known token is good without asking anybody. */
function stillGood({ revalidate }: Verified): boolean {
  if (revalidate === undefined) return true
  try {
    const pending = revalidate()
    if (pending === undefined) return true
    // Whoever asks next joins this question and gets its answer.
    pending.catch(() => undefined)
  } catch {
    // The same.
  }
  return false
}

function planOf(required: Requirement, place: ProtectedResource): Plan {
  const known = required.plans[place.index]
  if (known !== undefined) return known
  const scopes = [...new Set([...place.resource.requiredScopes, ...required.scopes])]
  return (required.plans[place.index] = { scopes, missing: missingTokenHeaders(place, scopes) })
}

function noToken(
  request: Request,
  place: ProtectedResource,
  required: Requirement,
  audited: boolean,
): Response {
  if (audited)
    place.runtime.event({
      type: 'token.missing',
      level: 'info',
      resource: place.resource.resource,
      status: 401,
    })
  const headers = planOf(required, place).missing
  return applyCors(request, new Response(null, { status: 401, headers }), place.cors)
}

function admitted(
  place: ProtectedResource,
  verified: Verified | undefined,
  request: Request,
  audited: boolean,
  filter?: Admission['filter'],
): Admission {
  if (audited && verified !== undefined) {
    const { issuer, clientId, subject } = verified.auth
    place.runtime.event({
      type: 'token.accepted',
      level: 'info',
      issuer,
      resource: place.resource.resource,
      clientId,
      ...(subject === undefined ? {} : { subject }),
    })
  }
  return { place, verified, request, ...(filter === undefined ? {} : { filter }) }
}

function report(place: ProtectedResource, error: OAuthError, verified: Verified | undefined): void {
  const who = verified?.auth
  place.runtime.event({
    type: typeOf(error),
    level: 'warning',
    resource: place.resource.resource,
    error: error.code,
    status: error.status,
    detail: error.message,
    ...(who === undefined ? {} : { issuer: who.issuer, clientId: who.clientId }),
    ...(who?.subject === undefined ? {} : { subject: who.subject }),
  })
}

function typeOf({ code, status }: OAuthError): string {
  if (code === 'insufficient_scope') return 'scope.insufficient'
  if (code === 'insufficient_user_authentication') return 'authentication.insufficient'
  if (status === 503) return 'verifier.unavailable'
  return code === 'invalid_token' ? 'token.rejected' : 'request.refused'
}
