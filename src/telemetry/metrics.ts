import type { Attributes, Meter } from '@opentelemetry/api'
import type { TollgateEvent, TollgateEventType } from '../types.ts'
import { createBound } from './bound.ts'
import { createErrorTypes } from './error-types.ts'
import type { FlowStep } from './flows.ts'

/** What is counted of an event. */
export interface Recorder {
  record(event: TollgateEvent): void
  recordStep(step: FlowStep): void
}

/** How the guard answered, by the event that tells it. */
const outcomes: Partial<Record<TollgateEventType, string>> = {
  'token.accepted': 'accepted',
  'token.missing': 'token_missing',
  'token.rejected': 'token_rejected',
  'scope.insufficient': 'insufficient_scope',
  'authentication.insufficient': 'insufficient_authentication',
  'request.refused': 'refused',
  'verifier.unavailable': 'unavailable',
}

const grantTypes: Partial<Record<TollgateEventType, string>> = {
  'code.redeemed': 'authorization_code',
  'token.refreshed': 'refresh_token',
}

/** Their `count` is not a number of events. */
const countOtherThings: readonly TollgateEventType[] = ['refresh.repeated', 'keys.truncated']

/** In seconds: people take minutes to read a page, clients milliseconds to redeem a code. */
const boundaries = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/**
 * The instruments. The cardinality of each attribute is bounded: no subject, client, grant, address, or text
 * of a request is one. Resources come from the configuration, the status from us or the application's code;
 * only error codes may be of another server.
 */
export function createRecorder(meter: Meter): Recorder {
  const events = meter.createCounter('tollgate.events', {
    unit: '{event}',
    description: 'Events by type and level; sums count as what they stand for.',
  })
  const requests = meter.createCounter('tollgate.requests', {
    unit: '{request}',
    description: 'Requests that the guard judged, by outcome.',
  })
  const tokens = meter.createCounter('tollgate.tokens', {
    unit: '{response}',
    description: 'Token responses of the authorization server, by grant type.',
  })
  const waits = meter.createHistogram('tollgate.retry_after', {
    unit: 's',
    description: 'Seconds that callers are told to wait by a limit or an outage.',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const consent = meter.createHistogram('tollgate.consent.duration', {
    unit: 's',
    description: 'From the consent page to the decision of the user.',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const redemption = meter.createHistogram('tollgate.redemption.duration', {
    unit: 's',
    description: 'From the approval to the tokens: how long the client takes.',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const errorTypes = createErrorTypes()
  const resources = createBound(100)

  return {
    record(event) {
      const { type, level, error, status, resource, duration } = event
      const count = countOtherThings.includes(type) ? 1 : (event.count ?? 1)
      const failure: Attributes = error === undefined ? {} : { 'error.type': errorTypes(type, error) }
      events.add(count, { 'tollgate.event.type': type, 'tollgate.event.level': level, ...failure })
      const outcome = outcomes[type]
      if (outcome !== undefined)
        requests.add(count, {
          'tollgate.outcome': outcome,
          ...failure,
          ...(resource === undefined ? {} : { 'tollgate.resource': resources(resource) }),
          ...(status === undefined ? {} : { 'http.response.status_code': status }),
        })
      const grantType = grantTypes[type]
      if (grantType !== undefined) tokens.add(count, { 'tollgate.grant_type': grantType })
      if (duration !== undefined && type !== 'clock.skewed')
        waits.record(duration, { 'tollgate.event.type': type })
    },
    recordStep({ from, outcome, seconds }) {
      const histogram = from === 'consent' ? consent : redemption
      histogram.record(seconds, outcome === undefined ? {} : { 'tollgate.outcome': outcome })
    },
  }
}
