import type { Attributes } from '@opentelemetry/api'
import { defined } from '../lib/defined.ts'
import type { TollgateEvent } from '../types.ts'

/**
 * The attributes of an event in a trace. Ids of grants and clients correlate, so they are in. The user and
 * the address are personal data, so they are not: `onEvent` has them, for the audit log.
 */
export const attributesOf = (event: TollgateEvent): Attributes =>
  defined({
    'tollgate.event.level': event.level,
    'tollgate.issuer': event.issuer,
    'tollgate.resource': event.resource,
    'tollgate.client.id': event.clientId,
    'tollgate.grant.id': event.grantId,
    'tollgate.operation': event.operation,
    'tollgate.missing_scopes': event.missingScopes && [...event.missingScopes],
    'tollgate.expected': event.expected,
    'tollgate.received': event.received,
    'tollgate.duration': event.duration,
    'tollgate.count': event.count,
    'tollgate.detail': event.detail,
    'error.type': event.error,
    'http.response.status_code': event.status,
  })
