import type { TollgateEvent } from '../types.ts'

/** One step of an authorization that is over. */
export interface FlowStep {
  readonly from: 'consent' | 'approval'
  readonly outcome?: 'approved' | 'denied'
  readonly seconds: number
}

/** One authorization on its way: its events share the grant id. */
export interface Flow<T> {
  readonly startedAt: number
  approvedAt?: number
  /** What the observer keeps with it. */
  readonly kept: T
}

/** Is told of each authorization as this process sees it. */
export interface FlowObserver<T> {
  start(event: TollgateEvent): T
  event(kept: T, event: TollgateEvent): void
  step(step: FlowStep): void
  /** `at`: seconds since the epoch. */
  end(kept: T, at: number): void
}

/** Longer than a consent page and a code live together. */
const lifetime = 1800
const maxFlows = 1000

/**
 * Correlates the events of one authorization by the grant id, which the consent page already has. Only events
 * that this process tells; an authorization that goes on in another process ends here after half an hour.
 */
export function createFlows<T>(observer: FlowObserver<T>): (event: TollgateEvent) => void {
  // In the order in which they began.
  const flows = new Map<string, Flow<T>>()
  const end = (id: string, flow: Flow<T>, at: number): void => {
    flows.delete(id)
    observer.end(flow.kept, at)
  }
  const endOld = (now: number): void => {
    for (const [id, flow] of flows) {
      if (flows.size <= maxFlows && flow.startedAt + lifetime > now) break
      end(id, flow, now)
    }
  }
  return (event) => {
    const { type, grantId, at } = event
    if (grantId === undefined) return
    let flow = flows.get(grantId)
    // An approval without a page: the consent was remembered, or another process showed the page.
    if (flow === undefined && (type === 'consent.asked' || type === 'grant.created')) {
      flow = { startedAt: at, kept: observer.start(event) }
      flows.set(grantId, flow)
      endOld(at)
    }
    if (flow === undefined) return
    observer.event(flow.kept, event)
    const isAsked = flow.startedAt !== at || type !== 'grant.created'
    if (type === 'grant.created') {
      if (isAsked) observer.step({ from: 'consent', outcome: 'approved', seconds: at - flow.startedAt })
      flow.approvedAt = at
    } else if (type === 'consent.denied') {
      observer.step({ from: 'consent', outcome: 'denied', seconds: at - flow.startedAt })
      end(grantId, flow, at)
    } else if (type === 'code.redeemed') {
      if (flow.approvedAt !== undefined) observer.step({ from: 'approval', seconds: at - flow.approvedAt })
      end(grantId, flow, at)
    } else if (type === 'grant.revoked' || type === 'grant.denied') end(grantId, flow, at)
  }
}
