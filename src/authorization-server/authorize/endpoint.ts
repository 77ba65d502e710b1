import { isOAuthError, OAuthError } from '../../errors.ts'
import type { Identity } from '../../types.ts'
import type { Context } from '../context.ts'
import type { Choices } from '../options.ts'
import { pageEndpoint } from '../page/endpoint.ts'
import { identifyUser, limitAccess } from '../sign-in/identity.ts'
import { startSignIn } from '../sign-in/leg.ts'
import { newApproval } from './approval.ts'
import { askForConsent } from './consent.ts'
import { decide } from './decision.ts'
import { mustSignInAgain, pathAfterSignIn } from './reauthentication.ts'
import { askAgainIfCrossSite, recallConsent } from './remembered-consent.ts'
import { checkRequest, requestPath, wishesOf, type AuthorizationRequest } from './request.ts'
import { issueCode, refuseRequest } from './response.ts'
import { findTarget, readParameters, type Target } from './target.ts'

/** The authorization endpoint (OAuth 2.1 §3.1, §4.1.1). GET asks the user; POST takes the user's answer. */
export function authorizeEndpoint(context: Context): (request: Request) => Promise<Response> {
  return pageEndpoint(context, {
    GET: (request) => authorize(context, request),
    POST: (request) => decide(context, request),
  })
}

async function authorize(context: Context, httpRequest: Request): Promise<Response> {
  const parameters = readParameters(httpRequest)
  const target = await findTarget(context, httpRequest, parameters)
  // From here on there is a redirect URI that errors can go to.
  try {
    const request = checkRequest(context, target, parameters)
    const user = await findUser(context, httpRequest, request, parameters.signedIn)
    if (user === undefined && request.prompt === 'none')
      throw new OAuthError('login_required', 'The user is not signed in')
    if (user === undefined && context.signIn.consent === 'after')
      return await signInFirst(context, httpRequest, request)
    const offered = { ...request, access: limitAccess(context, request.access, user) }
    const choices = user && (await recallConsent(context, httpRequest, user, offered))
    if (user !== undefined && choices !== undefined)
      return await approveAsBefore(context, httpRequest, { target, request, offered, user, choices })
    if (request.prompt === 'none')
      throw new OAuthError('consent_required', 'The user has to be asked for consent')
    return await askForConsent(context, httpRequest, { target, request: offered, user })
  } catch (error) {
    if (isOAuthError(error)) return refuseRequest(context, target, error)
    throw error
  }
}

/** The signed-in user, unless the client wants a newer sign-in. */
async function findUser(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
  proof: string | undefined,
): Promise<Identity | undefined> {
  const user = await identifyUser(context, httpRequest)
  const isUnusable = user && (await mustSignInAgain(context, httpRequest, request, user, proof))
  return isUnusable ? undefined : user
}

/** The application's own login, which comes back to this request. */
async function signInFirst(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
): Promise<Response> {
  const later = askAgainIfCrossSite(context, httpRequest, request)
  const { path, cookies } = await pathAfterSignIn(context, httpRequest, later)
  return startSignIn(context, httpRequest, { ...wishesOf(request), path }, cookies)
}

/** Approves what the user remembered; with an upstream the sign-in comes before the code. */
async function approveAsBefore(
  context: Context,
  httpRequest: Request,
  about: {
    target: Target
    request: AuthorizationRequest
    offered: AuthorizationRequest
    user: Identity
    choices: Choices
  },
): Promise<Response> {
  const { target, request, offered, user, choices } = about
  const approval = newApproval(context, offered, user.subject, choices)
  if (context.signIn.consent === 'after') return issueCode(context, target, approval, user)
  const path = requestPath(context, request)
  return startSignIn(context, httpRequest, { ...wishesOf(request), path, approval })
}
