import { sha256 } from '../../lib/hash.ts'
import { isLoopbackRedirect } from '../../protocol/redirect-uri.ts'
import type { Identity } from '../../types.ts'
import { isUserInitiated } from '../browser/csrf.ts'
import type { Context } from '../context.ts'
import type { NewGrant } from '../grants.ts'
import type { AuthorizationRequest } from './request.ts'

/**
 * Skipped consent: whether this user agreed to exactly this request before and asked to be remembered,
 * and no other site sent the user here: otherwise any page could have a code issued silently.
 */
export async function maySkipConsent(
  context: Context,
  httpRequest: Request,
  { subject }: Identity,
  request: AuthorizationRequest,
): Promise<boolean> {
  const { prompt } = request
  if (!canRemember(context, request) || prompt?.includes('consent')) return false
  // An upstream cannot be asked without showing its pages.
  if (prompt === 'none' && context.signIn.consent === 'before') return false
  if (!isUserInitiated(httpRequest)) return false
  const key = await consentKey(subject, request)
  return (await context.grants.consents(subject)).some((each) => each.key === key)
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
  if (!canRemember(context, request) || isUserInitiated(httpRequest)) return request
  return { ...request, prompt: [request.prompt, 'consent'].filter(Boolean).join(' ') }
}

/** The consent that is stored with a new grant, if it can be remembered. */
export async function rememberedConsent(
  context: Context,
  subject: string,
  request: AuthorizationRequest,
): Promise<NewGrant['consent']> {
  if (!canRemember(context, request)) return undefined
  const expires = context.runtime.clock() + context.options.lifetimes.rememberedConsent
  const { host } = new URL(request.redirectUri)
  return { key: await consentKey(subject, request), host, expires }
}

/** If any of this changes, the user is asked again. */
const consentKey = (
  subject: string,
  { clientId, redirectUri, access, metadataHash }: AuthorizationRequest,
): Promise<string> => {
  const sorted = Object.entries(access)
    .map(([resource, scopes]) => [resource, ...[...scopes].sort()])
    .sort()
  return sha256(JSON.stringify([subject, clientId, redirectUri, sorted, metadataHash]), 'consent')
}
