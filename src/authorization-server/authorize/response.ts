import { OAuthError } from '../../errors.ts'
import { printable } from '../../http/responses.ts'
import { authorizationResponse } from '../../protocol/authorization-request.ts'
import { hasDangerousScheme } from '../../protocol/dangerous-scheme.ts'
import type { Identity } from '../../types.ts'
import { isTrusted, type Target } from './request.ts'
import { shownRedirect } from '../page/consent.ts'
import type { Context } from '../context.ts'
import { reportFailure } from '../endpoint.ts'
import { errorPage } from '../page/error.ts'
import { grantable } from '../sign-in/identity.ts'
import { look, seeOther } from '../page/layout.ts'
import { consentToRemember } from './remembered-consent.ts'
import type { Approval } from '../sign-in/leg.ts'
import { formatCode } from '../token/format.ts'
import { alreadyAnswered } from './transaction.ts'

/** Writes the grant, once, and sends the code to the client (OAuth 2.1 §4.1.2, RFC 9207 §2). */
export async function answer(
  context: Context,
  { client, redirectUri, state }: Target,
  { grantId, request, remember, repeatableUntil }: Approval,
  identity: Identity,
  cookies: readonly string[] = [],
): Promise<Response> {
  const { subject, authTime, acr, props, upstream } = identity
  const access = grantable(request.access, identity)
  const consent = remember ? await consentToRemember(context, subject, { ...request, access }) : undefined
  const secret = await context.grants.create({
    id: grantId,
    clientId: client.id,
    clientName: client.name,
    subject,
    access,
    redirectUri: request.redirectSent ? redirectUri : undefined,
    codeChallenge: request.codeChallenge,
    repeatableUntil,
    ...(consent === undefined ? {} : { consent }),
    ...(authTime === undefined ? {} : { authTime }),
    ...(acr === undefined ? {} : { acr }),
    ...(props === undefined ? {} : { props }),
    ...(upstream === undefined ? {} : { upstream }),
  })
  if (secret === 'taken') throw alreadyAnswered()
  const code = formatCode({ grantId, secret })
  const { issuer } = context
  return seeOther(authorizationResponse(redirectUri, { code, state, iss: issuer }), cookies)
}

/** Tells the client, after the user has acted. */
export function tell(
  context: Context,
  target: Target,
  error: OAuthError,
  cookies: readonly string[] = [],
): Response {
  refused(context, target, error)
  return seeOther(errorLocation(context, target, error), cookies)
}

/**
 * Tells the client, before the user has acted: on its own only if the redirect can be trusted, otherwise
 * by a button (OAuth 2.1 §7.12.2; MCP, Open Redirection).
 */
export async function refuse(context: Context, target: Target, error: OAuthError): Promise<Response> {
  refused(context, target, error)
  const location = errorLocation(context, target, error)
  if (isTrusted(target)) return seeOther(location)
  const { redirectUri } = target
  const back = { href: location, to: shownRedirect(redirectUri).host }
  // No such URI was ever registered; a link on our page would run it as a script (XSS).
  return errorPage(look(context), error, hasDangerousScheme(redirectUri) ? {} : { back })
}

function errorLocation({ issuer }: Context, { redirectUri, state }: Target, error: OAuthError): string {
  const description = printable(error.message)
  return authorizationResponse(redirectUri, {
    error: wireCode(error),
    ...(description === '' ? {} : { error_description: description }),
    state,
    iss: issuer,
  })
}

const wireCode = (error: OAuthError): string =>
  error.status === 500 ? 'server_error' : printable(error.code)

function refused(context: Context, { client }: Target, error: OAuthError): void {
  if (error.status >= 500) reportFailure(context, error, error)
  const denied = error.code === 'access_denied'
  context.runtime.event({
    type: denied ? 'consent.denied' : 'authorize.refused',
    level: denied ? 'info' : 'warning',
    issuer: context.issuer,
    clientId: client.id,
    error: error.code,
    detail: error.message,
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.received === undefined ? {} : { received: error.received }),
  })
}
