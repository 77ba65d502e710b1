import { OAuthError } from '../../errors.ts'
import type { Identity } from '../../types.ts'
import { answer, tell } from './response.ts'
import { requestPath } from './request.ts'
import { askForConsent } from './consent.ts'
import type { Context } from '../context.ts'
import { findAgain } from './decision.ts'
import { PageError } from '../page/error.ts'
import { checkedIdentity, narrowed } from '../sign-in/identity.ts'
import { passOn, seeOther } from '../page/layout.ts'
import { pageEndpoint } from '../page/endpoint.ts'
import { requireSameOrigin } from '../browser/csrf.ts'
import { requireFresh } from './reauthentication.ts'
import { startSession } from '../sign-in/session.ts'
import { closeLeg, openLeg, type Approval } from '../sign-in/leg.ts'
import { alreadyAnswered } from './transaction.ts'

/** Where a sign-in that has `finish` comes back to. */
export function callbackEndpoint(context: Context): (request: Request) => Promise<Response> {
  return pageEndpoint(context, {
    GET: (request) => comeBack(context, request),
    POST: async (request) => {
      requireSameOrigin(request, context.issuer)
      return comeBack(context, request)
    },
  })
}

/**
 * The leg, in this browser; then its approval, not used yet; only then may the sign-in redeem what it got.
 */
async function comeBack(context: Context, request: Request): Promise<Response> {
  const { leg, approval, begun } = await openLeg(context, request)
  if (approval !== undefined && (await context.grants.exists(approval.grantId))) throw alreadyAnswered()
  const closed = [closeLeg(context, leg)]
  try {
    const result = await context.signIn.finish!(request, leg)
    if (result instanceof Response) return passOn(result, [])
    const identity = checkedIdentity(result)!
    const cookies = [...closed, await startSession(context, identity)]
    context.runtime.event({
      type: 'sign-in.finished',
      level: 'info',
      issuer: context.issuer,
      subject: identity.subject,
    })
    if (approval === undefined) return seeOther(ownPath(context, request), cookies)
    return await goOn(context, request, { approval, identity, begun, cookies })
  } catch (error) {
    if (approval === undefined || !(error instanceof OAuthError) || error instanceof PageError) throw error
    const target = await findAgain(context, approval.request)
    if (target === undefined) throw error
    return tell(context, target, error, closed)
  }
}

/** The user agreed before signing in. If the page had named another account, the user is asked again. */
async function goOn(
  context: Context,
  httpRequest: Request,
  {
    approval,
    identity,
    begun,
    cookies,
  }: { approval: Approval; identity: Identity; begun: number; cookies: readonly string[] },
): Promise<Response> {
  const { request, subject } = approval
  const target = await findAgain(context, request)
  if (target === undefined) return seeOther(requestPath(context, request), cookies)
  if (subject !== undefined && subject !== identity.subject)
    return askForConsent(
      context,
      httpRequest,
      { target, asked: narrowed(request, identity), identity },
      { problem: 'You have signed in with another account. Look again whether you agree.', cookies },
    )
  requireFresh(request, identity, begun)
  return answer(context, target, approval, identity, cookies)
}

/** Where a sign-in without an approval goes on: a page of this server, whatever the query says. */
function ownPath({ issuer, paths }: Context, request: Request): string {
  const wanted = new URL(request.url).searchParams.get('return_to') ?? ''
  const { origin } = new URL(issuer)
  if (!wanted.startsWith('/') || !URL.canParse(wanted, origin)) return paths.account
  const url = new URL(wanted, origin)
  const own = url.origin === origin && (url.pathname === paths.authorize || url.pathname === paths.account)
  return own ? url.pathname + url.search : paths.account
}
