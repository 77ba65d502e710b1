import { isConfigurationError, OAuthError } from '../../errors.ts'
import { printable } from '../../http/responses.ts'
import { defined } from '../../lib/defined.ts'
import { authorizationResponse } from '../../protocol/authorization-request.ts'
import { hasDangerousScheme } from '../../protocol/dangerous-scheme.ts'
import type { Identity } from '../../types.ts'
import { mayRedirectUnasked, seeOther } from '../browser/redirect.ts'
import type { Context } from '../context.ts'
import { reportFailure } from '../endpoint.ts'
import { answeredError } from '../page-error.ts'
import { describeRedirect } from '../page/consent.ts'
import { errorPage } from '../page/error.ts'
import { lookOf } from '../page/layout.ts'
import { limitAccess } from '../sign-in/identity.ts'
import { formatCode } from '../token/format.ts'
import type { Approval } from './approval.ts'
import { rememberedConsent } from './remembered-consent.ts'
import type { Target } from './target.ts'

/** Writes the grant once and sends the code to the client (OAuth 2.1 §4.1.2, RFC 9207 §2). */
export async function issueCode(
  context: Context,
  { client, redirectUri, state }: Target,
  { grantId, request, remember, repeatableUntil, choices = {} }: Approval,
  user: Identity,
  cookies: readonly string[] = [],
): Promise<Response> {
  const { subject, authTime, acr, props, upstream } = user
  const access = limitAccess(context, request.access, user)
  const consent = remember
    ? await rememberedConsent(context, subject, { ...request, access }, choices)
    : undefined
  const secret = await context.grants.create({
    id: grantId,
    clientId: client.id,
    clientName: client.name,
    subject,
    access,
    redirectUri: request.redirectSent ? redirectUri : undefined,
    codeChallenge: request.codeChallenge,
    repeatableUntil,
    choices,
    ...defined({ consent, authTime, acr, props, upstream }),
  })
  if (secret === 'taken') throw answeredError()
  const code = formatCode({ grantId, secret })
  // Mix-up: `iss` tells the client which server this code is from (RFC 9207).
  return seeOther(authorizationResponse(redirectUri, { code, state, iss: context.issuer }), cookies)
}

/** Sends an error to the client after the user has acted on the page with this grant id. */
export function sendError(
  context: Context,
  target: Target,
  error: OAuthError,
  grantId: string,
  cookies: readonly string[] = [],
): Response {
  reportRefusal(context, target, error, grantId)
  return seeOther(errorLocation(context, target, error), cookies)
}

/**
 * An error before the user has acted. It goes to the client only if the redirect URI can be trusted;
 * otherwise a page offers the way back as a button.
 */
export async function refuseRequest(context: Context, target: Target, error: OAuthError): Promise<Response> {
  reportRefusal(context, target, error)
  const location = errorLocation(context, target, error)
  if (mayRedirectUnasked(target)) return seeOther(location)
  const { redirectUri } = target
  // XSS: no such URI can be registered; a link to it would run as a script.
  const isSafe = !hasDangerousScheme(redirectUri)
  return errorPage(
    lookOf(context),
    error,
    isSafe ? { href: location, host: describeRedirect(redirectUri).host } : undefined,
  )
}

function errorLocation({ issuer }: Context, { redirectUri, state }: Target, error: OAuthError): string {
  const code = error.status === 500 ? 'server_error' : printable(error.code)
  const description = printable(error.message) || undefined
  return authorizationResponse(redirectUri, {
    error: code,
    ...defined({ error_description: description }),
    state,
    iss: issuer,
  })
}

function reportRefusal(context: Context, { client }: Target, error: OAuthError, grantId?: string): void {
  const { code, message, expected, received, status, cause } = error
  if (status >= 500) reportFailure(context, error, error)
  const isDenial = code === 'access_denied'
  context.runtime.event({
    type: isDenial ? 'consent.denied' : 'authorize.refused',
    level: isDenial ? 'info' : 'warning',
    issuer: context.issuer,
    grantId,
    clientId: client.id,
    error: code,
    detail: isConfigurationError(cause) ? cause.message : message,
    expected,
    received,
  })
}
