import { isOAuthError } from '../../errors.ts'
import type { Identity, UpstreamTokens } from '../../types.ts'
import { requireSameOrigin } from '../browser/csrf.ts'
import { ownReturnPath, passOn, seeOther } from '../browser/redirect.ts'
import { offerChoices, settleChoices } from '../choices.ts'
import type { Context } from '../context.ts'
import { answeredError, PageError } from '../page-error.ts'
import { pageEndpoint } from '../page/endpoint.ts'
import { accessTo } from '../grant/upstream-vault.ts'
import { checkIdentity, limitAccess } from '../sign-in/identity.ts'
import { closeLeg, openLeg } from '../sign-in/leg.ts'
import { startSession } from '../sign-in/session.ts'
import type { Approval } from './approval.ts'
import { askForConsent } from './consent.ts'
import { requireRecentSignIn } from './reauthentication.ts'
import { askingAgain } from './remembered-consent.ts'
import { requestPath } from './request.ts'
import { issueCode, sendError } from './response.ts'
import { findTargetAgain } from './target.ts'

/**
 * The endpoint that a sign-in with `finish` comes back to: an upstream's callback, or a form of this server.
 */
export function callbackEndpoint(context: Context): (request: Request) => Promise<Response> {
  return pageEndpoint(context, {
    GET: (request) => finishSignIn(context, request),
    POST: async (request) => {
      requireSameOrigin(request, context.issuer)
      return finishSignIn(context, request)
    },
  })
}

/**
 * The leg of this browser and its unused approval come first; only then may the sign-in redeem the upstream's
 * code.
 */
async function finishSignIn(context: Context, request: Request): Promise<Response> {
  const opened = await openLeg<Approval>(context, request)
  const { leg, approval, returnTo, startedAt, cookies: legCookies } = opened
  const { issuer, runtime } = context
  if (approval !== undefined && (await context.grants.exists(approval.grantId))) throw answeredError()
  const closed = [closeLeg(context, leg)]
  let unkept: UpstreamTokens | undefined
  try {
    const result = await context.signIn.finish!(request, leg)
    if (result instanceof Response) {
      const { status } = result
      if (status >= 400) runtime.event({ type: 'sign-in.refused', level: 'warning', issuer, status })
      return passOn(result, await legCookies())
    }
    const user = checkIdentity(result)!
    unkept = user.upstream
    const cookies = [...closed, await startSession(context, user, leg.way)]
    runtime.event({
      type: 'sign-in.finished',
      level: 'info',
      issuer,
      subject: user.subject,
      grantId: approval?.grantId,
    })
    if (approval === undefined) return seeOther(returnTo ?? returnPath(context, request), cookies)
    return await continueApproval(context, request, {
      approval,
      user,
      startedAt,
      cookies,
      onGrant: () => (unkept = undefined),
    })
  } catch (error) {
    if (approval === undefined || !isOAuthError(error) || error instanceof PageError) throw error
    // The user can wait, go back and try again.
    if (error.status === 429) throw error
    const target = await findTargetAgain(context, approval.request)
    if (target === undefined) throw error
    return sendError(context, target, error, approval.grantId, closed)
  } finally {
    if (unkept !== undefined) discardTokens(context, unkept)
  }
}

/** The user agreed before signing in. If the page named another account, the user is asked again. */
async function continueApproval(
  context: Context,
  httpRequest: Request,
  about: {
    approval: Approval
    user: Identity
    startedAt: number
    cookies: readonly string[]
    onGrant: () => void
  },
): Promise<Response> {
  const { approval, user, startedAt, cookies, onGrant } = about
  const { request, subject } = approval
  const target = await findTargetAgain(context, request)
  if (target === undefined) return seeOther(requestPath(context, askingAgain(request)), cookies)
  if (subject !== undefined && subject !== user.subject)
    return askForConsent(
      context,
      httpRequest,
      { target, request: { ...request, access: limitAccess(context, request.access, user) }, user },
      { problem: 'You have signed in with another account. Check again whether you agree.', cookies },
    )
  requireRecentSignIn(request, user, startedAt)
  const offered = await offerChoices(context, user, httpRequest)
  const { missing, dropped } = settleChoices(offered, approval.choices ?? {})
  // Before the sign-in the choices of this user were not known, or they have changed since.
  if (missing !== undefined || dropped.length > 0 || (approval.choices === undefined && offered.length > 0))
    return askForConsent(context, httpRequest, { target, request, user }, { cookies })
  const response = await issueCode(context, target, approval, user, cookies)
  onGrant()
  return response
}

/**
 * Revokes the upstream tokens of a sign-in that no grant keeps, unless that ends those of other grants, too.
 */
function discardTokens({ signIn, runtime }: Context, tokens: UpstreamTokens): void {
  const access = accessTo(signIn.upstreams, tokens)
  const revoked = access?.revocationEndsAll ? undefined : access?.revoke(tokens, runtime)
  if (revoked !== undefined) runtime.waitUntil?.(revoked)
}

const returnPath = ({ issuer, paths }: Context, { url }: Request): string =>
  ownReturnPath(issuer, new URL(url).searchParams.get('return_to'), [paths.account, paths.authorize])
