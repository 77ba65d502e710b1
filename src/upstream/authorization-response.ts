import { OAuthError } from '../errors.ts'
import { authorizationErrorCode, issuerProblem } from '../protocol/authorization-response.ts'
import { refuseAnswer, type Remote } from './remote.ts'

/** The user does not want to, or cannot sign in without being asked (OpenID Connect Core §3.1.2.6). */
const denials = new Set([
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  'user_cancelled_login',
  'user_cancelled_authorize',
])

/**
 * The code of the provider's answer, whose `state` the server has checked. Rejects with `access_denied`,
 * `temporarily_unavailable` or `server_error`, in our own words (OAuth 2.1 §4.1.2).
 */
export async function readCode(remote: Remote, parameters: URLSearchParams): Promise<string> {
  const metadata = await remote.metadata()
  // Mix-up: the answer of another provider is not redeemed at this one, and its error is not believed.
  const problem = issuerProblem(parameters, metadata)
  if (problem !== undefined) throw refuseAnswer(remote, problem, { status: 400 })
  for (const name of ['code', 'error'])
    if (parameters.getAll(name).length > 1)
      throw refuseAnswer(remote, `The answer has several "${name}" parameters`, { status: 400 })
  const code = parameters.get('code') ?? ''
  const error = parameters.get('error')
  if ((code === '') === (error === null))
    throw refuseAnswer(remote, 'The answer has neither a code nor an error, or both', { status: 400 })
  if (error !== null) throw toOwnError(remote, error)
  return code
}

/**
 * The text of the provider goes nowhere: whoever sends a browser here can write it (XSS, phishing). Nor does
 * it prove that the provider has an outage or refuses us, so the status is 400 and no alert is told.
 */
function toOwnError(remote: Remote, error: string): OAuthError {
  if (denials.has(error)) return new OAuthError('access_denied', 'The user did not sign in')
  const code = authorizationErrorCode(error)
  const refused = refuseAnswer(remote, 'The identity provider answered with an error', { code, status: 400 })
  if (code !== 'temporarily_unavailable') return refused
  return new OAuthError(code, 'The identity provider has a problem at the moment')
}
