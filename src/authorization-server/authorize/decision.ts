import { OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import { answer, tell } from './response.ts'
import { requestPath, wishesOf, type AuthorizationRequest, type Target } from './request.ts'
import { chosenAccess, choiceProblem } from './choice.ts'
import { askForConsent, showConsent } from './consent.ts'
import type { Context } from '../context.ts'
import { PageError } from '../page/error.ts'
import { whoIs } from '../sign-in/identity.ts'
import { seeOther } from '../page/layout.ts'
import { requireSameOrigin } from '../browser/csrf.ts'
import { startSignIn, type Approval } from '../sign-in/leg.ts'
import {
  alreadyAnswered,
  denyTransaction,
  noteAnswered,
  openTransaction,
  type Transaction,
} from './transaction.ts'

/** The user's answer: a form of this server, bound to this browser, from a page of this server. */
export async function decide(context: Context, httpRequest: Request): Promise<Response> {
  requireSameOrigin(httpRequest, context.issuer)
  const form = await readForm(httpRequest, 65_536)
  const transaction = await openTransaction(context, httpRequest, form.get('transaction'))
  const { request } = transaction
  const target = await findAgain(context, request)
  if (target === undefined) return seeOther(requestPath(context, request))

  const decision = form.get('decision')
  if (decision === 'deny') {
    const denied = new OAuthError('access_denied', 'The user did not agree')
    return tell(context, target, denied, denyTransaction(context, httpRequest, transaction))
  }
  const chosen = chosenAccess(context, request.access, form)
  const problem =
    decision === 'approve' ? choiceProblem(context, request.access, chosen) : 'Choose Approve or Deny.'
  const identity = await whoIs(context, httpRequest)
  if (problem !== undefined)
    return showConsent(context, { target, transaction, identity }, { problem, chosen })

  const { grantId, subject, expires } = transaction
  const { consent } = context.signIn
  const approval: Approval = {
    grantId,
    request: { ...request, access: chosen },
    remember: form.get('remember') === 'yes',
    // A sign-in that follows may take as long again.
    repeatableUntil: consent === 'before' ? expires + context.options.lifetimes.transaction : expires,
    ...(subject === undefined ? {} : { subject }),
  }
  return approve(context, httpRequest, { target, transaction, approval, identity })
}

async function approve(
  context: Context,
  httpRequest: Request,
  about: {
    target: Target
    transaction: Transaction
    approval: Approval
    identity: Awaited<ReturnType<typeof whoIs>>
  },
): Promise<Response> {
  const { target, transaction, approval, identity } = about
  const { request } = transaction
  const path = requestPath(context, request)
  const before = context.signIn.consent === 'before'
  if (!before && identity === undefined) return startSignIn(context, httpRequest, { path })
  // Somebody else has signed in meanwhile: what the page said of the account is no longer true.
  if (!before && identity!.subject !== transaction.subject)
    return askForConsent(
      context,
      httpRequest,
      { target, asked: request, identity },
      { problem: 'Another account has signed in. Look again whether you agree.' },
    )
  const closed = noteAnswered(context, httpRequest, transaction)
  try {
    if (!before) return await answer(context, target, approval, identity!, closed)
    if (await context.grants.exists(approval.grantId)) throw alreadyAnswered()
    return await startSignIn(context, httpRequest, { ...wishesOf(request), path, approval }, closed)
  } catch (error) {
    // From here on the client is told what happened, because the user has acted.
    if (error instanceof OAuthError && !(error instanceof PageError))
      return tell(context, target, error, closed)
    throw error
  }
}

/**
 * The client as it is now, and where the answer goes; undefined if what the user saw of it is no longer
 * true. Throws if it is gone.
 */
export async function findAgain(
  context: Context,
  request: AuthorizationRequest,
): Promise<Target | undefined> {
  const { clientId, redirectUri, redirectSent, state, metadataHash } = request
  const client = await context.clients.find(clientId)
  if (client === undefined) throw new OAuthError('invalid_client', 'This app may not connect any more')
  if (client.metadataHash !== metadataHash || !matchRedirectUri(client.redirectUris, redirectUri))
    return undefined
  return { client, redirectUri, redirectSent, state }
}
