import { OAuthError } from '../../errors.ts'
import { randomToken } from '../../lib/random.ts'
import { answer, refuse } from './response.ts'
import {
  checkRequest,
  findTarget,
  parametersOf,
  requestPath,
  wishesOf,
  type AuthorizationRequest,
  type Target,
} from './request.ts'
import { askForConsent } from './consent.ts'
import type { Context } from '../context.ts'
import { decide } from './decision.ts'
import { narrowed, whoIs } from '../sign-in/identity.ts'
import { pageEndpoint } from '../page/endpoint.ts'
import { afterSignIn, isRemembered } from './remembered-consent.ts'
import { startSignIn } from '../sign-in/leg.ts'
import { mustSignIn, pathAfterSignIn } from './reauthentication.ts'

/** The authorization endpoint (OAuth 2.1 §3.1, §4.1.1): GET asks, POST takes the user's answer. */
export function authorizeEndpoint(context: Context): (request: Request) => Promise<Response> {
  context.signIn.check?.(context.issuer)
  return pageEndpoint(context, {
    GET: (request) => authorize(context, request),
    POST: (request) => decide(context, request),
  })
}

async function authorize(context: Context, request: Request): Promise<Response> {
  const parameters = parametersOf(request)
  const target = await findTarget(context, parameters, request)
  try {
    const asked = checkRequest(context, target, parameters)
    return await askUser(context, request, target, asked, parameters.signedIn)
  } catch (error) {
    if (error instanceof OAuthError) return refuse(context, target, error)
    throw error
  }
}

/**
 * Finds out who the user is and asks for consent. Answers without asking only what the user has agreed to
 * before.
 */
async function askUser(
  context: Context,
  request: Request,
  target: Target,
  asked: AuthorizationRequest,
  proof: string | undefined,
): Promise<Response> {
  const { signIn } = context
  const silent = asked.prompt === 'none'
  const found = await whoIs(context, request)
  const identity =
    found !== undefined && !(await mustSignIn(context, request, asked, found, proof)) ? found : undefined
  if (identity === undefined && silent) throw new OAuthError('login_required', 'The user is not signed in')
  if (identity === undefined && signIn.consent === 'after') {
    const goingOn = afterSignIn(context, request, asked)
    const { path, cookies } = await pathAfterSignIn(context, request, goingOn)
    return startSignIn(context, request, { ...wishesOf(asked), path }, cookies)
  }

  const offered = narrowed(asked, identity)
  if (identity !== undefined && (await isRemembered(context, request, identity.subject, offered))) {
    const approval = {
      grantId: randomToken(),
      repeatableUntil: context.runtime.clock() + context.options.lifetimes.transaction,
      request: offered,
      remember: false,
      subject: identity.subject,
    }
    if (signIn.consent === 'after') return answer(context, target, approval, identity)
    if (!silent)
      return startSignIn(context, request, {
        ...wishesOf(asked),
        path: requestPath(context, asked),
        approval,
      })
  }
  if (silent) throw new OAuthError('consent_required', 'The user has to be asked for consent')
  return askForConsent(context, request, { target, asked: offered, identity })
}
