import { OAuthError } from '../../errors.ts'
import { offerChoices, settleChoices } from '../choices.ts'
import { openForGrant } from '../grant/attachments.ts'
import { tombstone } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import { askApplication } from './application.ts'
import { aboutGrant, type Attempt } from './attempt.ts'
import type { Offer } from './token-hook.ts'

/**
 * Whether the user may still use what was chosen at consent (a workspace that the user left). Without a
 * required choice the grant ends; an optional one is dropped. It asks once per request. Rejects as
 * `askApplication` does.
 */
export async function recheckChoices<O extends Offer>(
  attempt: Attempt,
  offer: O,
): Promise<O | { write: GrantRecord; refuse: OAuthError }> {
  if (attempt.context.options.consent.choices === undefined) return offer
  const { choices: chosen = {}, ...grant } = offer.grant
  attempt.offeredChoices ??= await ask(attempt, offer.grant)
  const { choices, missing, dropped } = settleChoices(attempt.offeredChoices, chosen)
  const about = { level: 'warning', ...aboutGrant(attempt, offer.grant) } as const
  const detail = `no longer offered: ${dropped.map((each) => `${each} ${chosen[each]}`).join(', ')}`
  // A choice that is not offered at all may have been required: what is unknown ends the grant.
  const unknown = dropped.find((name) => !attempt.offeredChoices!.some((each) => each.name === name))
  if (missing !== undefined || unknown !== undefined) {
    const reason = dropped.length > 0 ? detail : `nothing is chosen for ${missing!.name}`
    attempt.events.push({ type: 'grant.denied', ...about, detail: reason })
    const description = 'What the user chose at consent is no longer available'
    return { write: tombstone(offer.grant), refuse: new OAuthError('invalid_grant', description) }
  }
  if (dropped.length === 0) return offer
  attempt.events.push({ type: 'grant.narrowed', ...about, detail })
  return { ...offer, grant: { ...grant, choices } }
}

async function ask({ context, grantId, request }: Attempt, grant: GrantRecord) {
  const { issuer, sealer } = context
  const { subject, authTime, acr } = grant
  const opened = grant.props && (await openForGrant(sealer, issuer, grantId, 'props', grant.props))
  const identity = {
    subject,
    ...(authTime && { authTime }),
    ...(acr && { acr }),
    ...(opened && { props: opened.value }),
  }
  return askApplication('consent.choices', () => offerChoices(context, identity, request.httpRequest))
}
