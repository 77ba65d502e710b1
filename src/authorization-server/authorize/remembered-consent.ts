import { sha256 } from '../../lib/hash.ts'
import { isLoopbackRedirect } from '../../protocol/redirect-uri.ts'
import type { Identity } from '../../types.ts'
import { isUserInitiated } from '../browser/csrf.ts'
import { offerChoices, settleChoices, sortedChoices } from '../choices.ts'
import type { Context } from '../context.ts'
import type { NewGrant } from '../grants.ts'
import type { Choices } from '../options.ts'
import type { AuthorizationRequest } from './request.ts'

/**
 * Skipped consent: what this user chose, if the user agreed to exactly this request before and asked to be
 * remembered, and no other site sent the user here: otherwise any page could have a code issued silently.
 */
export async function recallConsent(
  context: Context,
  httpRequest: Request,
  user: Identity,
  request: AuthorizationRequest,
): Promise<Choices | undefined> {
  const { subject } = user
  const { prompt } = request
  if (!canRemember(context, request) || prompt?.includes('consent')) return undefined
  // An upstream cannot be asked without showing its pages.
  if (prompt === 'none' && context.signIn.consent === 'before') return undefined
  if (!isUserInitiated(httpRequest)) return undefined
  const consents = await context.grants.consents(subject)
  const keys = await Promise.all(consents.map(({ choices }) => consentKey(subject, request, choices)))
  const [consent, ...others] = consents.filter(({ key }, i) => key === keys[i])
  // Of two workspaces only the user can say which.
  if (consent === undefined || others.length > 0) return undefined
  const { choices = {} } = consent
  const { missing, dropped } = settleChoices(await offerChoices(context, user, httpRequest), choices)
  return missing === undefined && dropped.length === 0 ? choices : undefined
}

/**
 * Whether a consent to this request can be remembered. Never for a loopback redirect: any program can listen
 * there.
 */
export const canRemember = ({ options }: Context, { redirectUri }: AuthorizationRequest): boolean =>
  options.lifetimes.rememberedConsent > 0 &&
  redirectUri.startsWith('https://') &&
  !isLoopbackRedirect(redirectUri)

/**
 * The request as it continues after a sign-in. The way back comes from this server and so hides that another
 * site sent the user; `prompt=consent` keeps that fact.
 */
export function askAgainIfCrossSite(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
): AuthorizationRequest {
  return !canRemember(context, request) || isUserInitiated(httpRequest) ? request : askingAgain(request)
}

/**
 * The request as it goes on from a page of this server that has asked the user. The browser then says that
 * this server sent the user, so a remembered consent would count, whatever the user has answered.
 */
export const askingAgain = ({ prompt = '', ...request }: AuthorizationRequest): AuthorizationRequest => ({
  ...request,
  prompt: [...new Set([...prompt.split(' ').filter(Boolean), 'consent'])].join(' '),
})

/** The consent that is stored with a new grant, if it can be remembered. */
export async function rememberedConsent(
  context: Context,
  subject: string,
  request: AuthorizationRequest,
  choices: Choices,
): Promise<NewGrant['consent']> {
  if (!canRemember(context, request)) return undefined
  const expires = context.runtime.clock() + context.options.lifetimes.rememberedConsent
  const { host } = new URL(request.redirectUri)
  const key = await consentKey(subject, request, choices)
  return { key, host, expires, ...(Object.keys(choices).length > 0 && { choices }) }
}

/** If any of this changes, the user is asked again. */
const consentKey = (
  subject: string,
  { clientId, redirectUri, access, metadataHash }: AuthorizationRequest,
  choices: Choices | undefined,
): Promise<string> => {
  const sorted = Object.entries(access)
    .map(([resource, scopes]) => [resource, ...[...scopes].sort()])
    .sort()
  const all = [subject, clientId, redirectUri, sorted, metadataHash, ...sortedChoices(choices)]
  return sha256(JSON.stringify(all), 'consent')
}
