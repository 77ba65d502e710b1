import { isOAuthError, OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { defined } from '../../lib/defined.ts'
import type { Identity } from '../../types.ts'
import { requireSameOrigin } from '../browser/csrf.ts'
import { seeOther } from '../browser/redirect.ts'
import { offerChoices } from '../choices.ts'
import type { Context } from '../context.ts'
import { answeredError, PageError } from '../page-error.ts'
import { identifyUser } from '../sign-in/identity.ts'
import { startSignIn } from '../sign-in/leg.ts'
import type { Approval } from './approval.ts'
import { choiceProblem, chosenAccess, pickedChoices } from './choice.ts'
import { askForConsent, showConsent } from './consent.ts'
import { askingAgain } from './remembered-consent.ts'
import { requestPath, wishesOf } from './request.ts'
import { issueCode, sendError } from './response.ts'
import { findTargetAgain, type Target } from './target.ts'
import { approvedCookies, deniedCookies, openTransaction, type Transaction } from './transaction.ts'

const maxForm = 65_536

/** The user's answer: a form from a page of this server that was given to this browser. */
export async function decide(context: Context, httpRequest: Request): Promise<Response> {
  requireSameOrigin(httpRequest, context.issuer)
  const form = await readForm(httpRequest, maxForm)
  const transaction = await openTransaction(context, httpRequest, form.get('transaction'))
  const { request } = transaction
  const target = await findTargetAgain(context, request)
  // The client has changed since.
  if (target === undefined) return seeOther(requestPath(context, askingAgain(request)))

  const decision = form.get('decision')
  if (decision === 'deny') {
    const denied = new OAuthError('access_denied', 'The user did not agree')
    return sendError(
      context,
      target,
      denied,
      transaction.grantId,
      deniedCookies(context, httpRequest, transaction),
    )
  }
  const chosen = chosenAccess(context, request.access, form)
  const user = await identifyUser(context, httpRequest)
  const choices = user === undefined ? [] : await offerChoices(context, user, httpRequest)
  const { picked, problem: unpicked, wrong } = pickedChoices(choices, form)
  const problem =
    decision === 'approve'
      ? (choiceProblem(context, request.access, chosen) ?? unpicked)
      : 'Choose Approve or Deny.'
  // The page names the user whom its transaction names: another user gets a page of their own.
  if (problem !== undefined && user?.subject !== transaction.subject)
    return askForConsent(context, httpRequest, { target, request, user }, { problem })
  if (problem !== undefined)
    return showConsent(
      context,
      { target, transaction, user, choices },
      { problem, chosen, picked, wrong: problem === unpicked ? wrong : undefined },
    )

  const { grantId, subject, expires } = transaction
  const approval: Approval = {
    grantId,
    request: { ...request, access: chosen },
    remember: form.get('remember') === 'yes',
    // With an upstream the sign-in that follows may take as long again.
    repeatableUntil:
      context.signIn.consent === 'before' ? expires + context.options.lifetimes.transaction : expires,
    ...defined({ subject, choices: user && picked }),
  }
  return approve(context, httpRequest, { target, transaction, approval, user })
}

async function approve(
  context: Context,
  httpRequest: Request,
  about: { target: Target; transaction: Transaction; approval: Approval; user: Identity | undefined },
): Promise<Response> {
  const { target, transaction, approval, user } = about
  const { request } = transaction
  const path = requestPath(context, askingAgain(request))
  const signsInAfterwards = context.signIn.consent === 'before'
  if (!signsInAfterwards && user === undefined) return startSignIn(context, httpRequest, { path })
  if (!signsInAfterwards && user!.subject !== transaction.subject)
    return askForConsent(
      context,
      httpRequest,
      { target, request, user },
      { problem: 'Another account has signed in. Check again whether you agree.' },
    )
  const cookies = approvedCookies(context, httpRequest, transaction)
  // From here on errors go to the client, because the user has acted.
  try {
    if (!signsInAfterwards) return await issueCode(context, target, approval, user!, cookies)
    if (await context.grants.exists(approval.grantId)) throw answeredError()
    return await startSignIn(context, httpRequest, { ...wishesOf(request), path, approval }, cookies)
  } catch (error) {
    if (isOAuthError(error) && !(error instanceof PageError))
      return sendError(context, target, error, transaction.grantId, cookies)
    throw error
  }
}
