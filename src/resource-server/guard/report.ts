import { isInsufficientScopeError, type OAuthError } from '../../errors.ts'
import type { NewEvent } from '../../lib/runtime.ts'
import type { TollgateEventType } from '../../types.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { compareScopes } from './scopes.ts'
import type { Verified } from './token-cache.ts'

/** Reports why a request was refused; an outage (5xx) also to `onError`. */
export function reportRefusal(
  target: ProtectedResource,
  verified: Verified | undefined,
  error: OAuthError,
  request: Request,
  operation: string | undefined,
): void {
  const { runtime } = target
  const event = callerEvent(target, verified, {
    type: eventType(error),
    level: 'warning',
    error: error.code,
    status: error.status,
    detail: error.message,
    operation,
    missingScopes: isInsufficientScopeError(error)
      ? compareScopes(verified?.carried ?? new Set(), error.scopes).missing
      : undefined,
    expected: error.expected,
    received: error.received,
    duration: error.retryAfter,
  })
  if (error.status < 500) runtime.event(event)
  else runtime.failed(error, 'verifier', { event, request })
}

/** The event with what is known about the caller. */
export function callerEvent(
  { resource }: ProtectedResource,
  verified: Verified | undefined,
  event: NewEvent,
): NewEvent {
  const { issuer, clientId, subject } = verified?.auth ?? {}
  return { ...event, resource: resource.resource, issuer, clientId, subject }
}

function eventType({ code, status }: OAuthError): TollgateEventType {
  if (code === 'insufficient_scope') return 'scope.insufficient'
  if (code === 'insufficient_user_authentication') return 'authentication.insufficient'
  if (status === 503) return 'verifier.unavailable'
  return code === 'invalid_token' ? 'token.rejected' : 'request.refused'
}
