import { sha256 } from '../lib/hash.ts'
import { isLoopbackRedirect } from '../protocol/redirect-uri.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import type { Context } from './context.ts'
import type { NewGrant } from './new-grant.ts'

/**
 * Whether a consent to this request may be remembered at all: never for a loopback redirect, because the
 * client can be any program.
 */
export const canRemember = ({ options }: Context, { redirectUri }: AuthorizationRequest): boolean =>
  options.lifetimes.rememberedConsent > 0 &&
  redirectUri.startsWith('https://') &&
  !isLoopbackRedirect(redirectUri)

/**
 * Whether the user agreed to exactly this before, and the browser says that no other site sent the user here:
 * otherwise any page could have a code issued silently.
 */
export async function isRemembered(
  context: Context,
  httpRequest: Request,
  subject: string,
  request: AuthorizationRequest,
): Promise<boolean> {
  if (!canRemember(context, request) || request.prompt?.includes('consent')) return false
  const site = httpRequest.headers.get('sec-fetch-site')
  if (site !== 'same-origin' && site !== 'none') return false
  const key = await consentKey(subject, request)
  return (await context.grants.consents(subject)).some((each) => each.key === key)
}

/** The consent as it is remembered with a new grant, if it can be. */
export async function consentToRemember(
  context: Context,
  subject: string,
  request: AuthorizationRequest,
): Promise<NewGrant['consent']> {
  if (!canRemember(context, request)) return undefined
  const expires = context.runtime.clock() + context.options.lifetimes.rememberedConsent
  const { host } = new URL(request.redirectUri)
  return { key: await consentKey(subject, request), host, expires }
}

/**
 * User, client, redirect URI, resources with their scopes, and what the client said about itself: whatever
 * of it changes, the user is asked again.
 */
const consentKey = (
  subject: string,
  { clientId, redirectUri, access, metadataHash }: AuthorizationRequest,
): Promise<string> => {
  const sorted = Object.entries(access)
    .map(([resource, scopes]) => [resource, ...[...scopes].sort()])
    .sort()
  return sha256(JSON.stringify([subject, clientId, redirectUri, sorted, metadataHash]), 'consent')
}
