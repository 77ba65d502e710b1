import { OAuthError } from '../../errors.ts'
import { object, strings, text } from '../../lib/options.ts'
import type { Resource } from '../context.ts'
import { openForGrant, sealForGrant } from '../grant/attachments.ts'
import { tombstone } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import type { PendingTokens } from '../options.ts'
import { askApplication } from './application.ts'
import { aboutGrant, type Attempt } from './attempt.ts'

/** The tokens that a request would get. */
export interface Offer {
  readonly grant: GrantRecord
  readonly resource: Resource
  /** Of the access token. */
  readonly scopes: readonly string[]
}

/** The answer of `onTokens`, and the sealed props for and after which it was given. */
export interface HookAnswer {
  readonly scopes: readonly string[] | undefined
  readonly deny: string | undefined
  readonly before: string | undefined
  readonly after: string | undefined
}

/**
 * The offer as `onTokens` leaves it, or its refusal. Call it after everything is validated and before
 * anything is counted or written. It asks once per request, and again only if another request has changed the
 * props meanwhile. Rejects with UnavailableError, with `server_error` if the hook throws or answers wrongly,
 * and with `invalid_scope` if it leaves no scope.
 */
export async function applyTokenHook<O extends Offer>(
  attempt: Attempt,
  offer: O,
): Promise<O | { write: GrantRecord; refuse: OAuthError }> {
  if (attempt.context.options.onTokens === undefined) return offer
  const { grant } = offer
  const known = attempt.hookAnswer
  const isCurrent = known !== undefined && [known.before, known.after].includes(grant.props)
  const answer = isCurrent ? known : (attempt.hookAnswer = await ask(attempt, offer))
  if (answer.deny !== undefined) {
    const about = aboutGrant(attempt, grant)
    attempt.events.push({ type: 'grant.denied', level: 'warning', ...about, detail: answer.deny })
    return { write: tombstone(grant), refuse: new OAuthError('invalid_grant', answer.deny) }
  }
  // Privilege escalation: only scopes that the user granted, whatever the hook says.
  const scopes = offer.scopes.filter((each) => answer.scopes?.includes(each) ?? true)
  if (scopes.length === 0 && offer.scopes.length > 0)
    throw new OAuthError('invalid_scope', 'This account may not use any of these scopes now')
  return { ...offer, scopes, grant: answer.after === undefined ? grant : { ...grant, props: answer.after } }
}

async function ask(attempt: Attempt, offer: Offer): Promise<HookAnswer> {
  const { issuer, sealer, options } = attempt.context
  const { props: before } = offer.grant
  const pending = await pendingTokens(attempt, offer)
  return askApplication('onTokens', async () => {
    const given = await options.onTokens!(pending)
    const { scopes, props, deny } = hookAnswer().required(given ?? {}, 'onTokens')
    const after =
      props === undefined
        ? before
        : await sealForGrant(sealer, issuer, attempt.grantId, 'props', props, 'onTokens.props')
    return { scopes, deny, before, after }
  })
}

async function pendingTokens(
  { context, client, grantId, request }: Attempt,
  { grant, resource, scopes }: Offer,
): Promise<PendingTokens> {
  const { issuer, sealer } = context
  const opened = grant.props && (await openForGrant(sealer, issuer, grantId, 'props', grant.props))
  return Object.freeze({
    subject: grant.subject,
    clientId: client.id,
    resource: resource.resource,
    scopes: Object.freeze([...scopes]),
    props: opened ? opened.value : undefined,
    choices: Object.freeze({ ...grant.choices }),
    grantType: request.parameters.get('grant_type') as PendingTokens['grantType'],
  })
}

const hookAnswer = () => object({ scopes: strings(), props: (value: unknown) => value, deny: text() })
