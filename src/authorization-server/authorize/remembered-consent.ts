import { sha256 } from '../../lib/hash.ts'
import { isLoopbackRedirect } from '../../protocol/redirect-uri.ts'
import type { AuthorizationRequest } from './request.ts'
import type { Context } from '../context.ts'
import type { NewGrant } from '../grants.ts'

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
  if (!isFromHere(httpRequest)) return false
  const key = await consentKey(subject, request)
  return (await context.grants.consents(subject)).some((each) => each.key === key)
}

/** Whether the browser says that no other site sent the user: a link of this server, or an address that the user typed. */
const isFromHere = (request: Request): boolean =>
  ['same-origin', 'none'].includes(request.headers.get('sec-fetch-site') ?? '')

/**
 * The request as it goes on after a sign-in. The way back comes from this server: it must not hide that another
 * site began (CSRF), so consent is then asked for.
 */
export function afterSignIn(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
): AuthorizationRequest {
  if (!canRemember(context, request) || isFromHere(httpRequest)) return request
  return { ...request, prompt: [request.prompt, 'consent'].filter(Boolean).join(' ') }
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
