import { isOAuthError, isUnavailableError, OAuthError, UnavailableError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { attribute } from '../lib/runtime.ts'
import type { UpstreamTokens } from '../types.ts'
import { refuseAnswer, type Remote } from './remote.ts'
import { requestTokens } from './token-request.ts'

/** Only a new sign-in helps. The first is RFC 6749 §5.2; the others are of Entra ID, GitHub and Slack. */
const endings = new Set([
  'invalid_grant',
  'interaction_required',
  'consent_required',
  'login_required',
  'bad_refresh_token',
  'invalid_refresh_token',
  'token_revoked',
  'token_expired',
])

/**
 * New tokens by the refresh token (OAuth 2.1 §4.3). The old refresh token stays if no new one comes. Rejects
 * with `invalid_grant` if the user has to sign in again, and with UnavailableError for everything else, a
 * refused client included: then nothing is lost.
 */
export async function renewTokens(remote: Remote, tokens: UpstreamTokens): Promise<UpstreamTokens> {
  const { refreshToken, scopes } = tokens
  if (refreshToken === undefined) throw signInAgain()
  try {
    const renewed = await requestTokens(remote, 'refresh_token', { refresh_token: refreshToken })
    return { ...defined({ refreshToken, scopes }), ...renewed.tokens }
  } catch (error) {
    if (!isOAuthError(error) || isUnavailableError(error)) throw error
    if (endings.has(error.code)) throw signInAgain()
    const reason = 'The identity provider refused to renew a token'
    throw attribute(
      new UnavailableError(reason),
      'upstream',
      refuseAnswer(remote, reason, { code: error.code, cause: error }),
    )
  }
}

const signInAgain = (): OAuthError =>
  new OAuthError(
    'invalid_grant',
    'The sign-in at the identity provider has ended: the user has to sign in again',
  )
