import { getCookie, isSlotId, slotName } from '../browser/cookies.ts'
import type { Context } from '../context.ts'
import type { LinkUser } from '../links.ts'
import type { LegKind } from '../sign-in/leg.ts'

/** Cookies of links on their way. No other kind of leg is opened as one of these. */
export const linkLegs: LegKind = { kind: 'link', max: 2 }

/** What the user has approved before the leg. */
export interface LinkApproval extends LinkUser {
  readonly provider: string
}

/** Whether a link with this `state` began in this browser. */
export function isLinkLeg(context: Context, request: Request): boolean {
  const state = new URL(request.url).searchParams.get('state') ?? ''
  return isSlotId(state) && getCookie(context, request, slotName(linkLegs, state)) !== undefined
}
