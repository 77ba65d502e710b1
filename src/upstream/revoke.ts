import { allowInsecureRequests, customFetch, revocationRequest } from 'oauth4webapi'
import { readAnswer } from '../http/answers.ts'
import { guardedFetch } from '../http/guarded-fetch.ts'
import { createOAuthFetch } from '../http/oauth-fetch.ts'
import { formatBasic } from '../protocol/basic.ts'
import { isOAuthError, OAuthError } from '../errors.ts'
import type { SignInProfile, UpstreamTokens } from '../types.ts'
import { asServer, authOf, type Remote } from './remote.ts'

/** Ends tokens at the provider, if it can. Never rejects: a failure is told as an event. */
export async function revokeTokens(remote: Remote, tokens: UpstreamTokens): Promise<void> {
  const { upstream, runtime } = remote
  const { revocation = 'rfc7009', revocationEndsAll = false } = upstream.profile
  try {
    if (revocation === 'github') await revokeAtGithub(remote, tokens)
    else if (revocation === 'rfc7009') await revokeByStandard(remote, tokens, revocationEndsAll)
  } catch (error) {
    runtime.event({
      type: 'upstream.revocation-failed',
      level: 'warning',
      issuer: upstream.provider.issuer,
      detail: isOAuthError(error) ? error.message : 'The request failed',
    })
  }
}

/**
 * Whether a revocation may end the tokens of other grants of this user: unless the preset says that it does
 * not, a visit to the account page or a sign-in that fails could end them (denial of service).
 */
export const mayEndOthers = ({ revocationEndsAll }: SignInProfile): boolean => revocationEndsAll !== false

/** For a sign-in that failed: the user does not wait. */
export function revokeInBackground(remote: Remote, tokens: UpstreamTokens): void {
  if (mayEndOthers(remote.upstream.profile)) return
  const revoked = revokeTokens(remote, tokens)
  remote.runtime.waitUntil?.(revoked)
}

/** RFC 7009 §2.1. The refresh token comes first: with it the provider ends the access tokens too. */
async function revokeByStandard(remote: Remote, tokens: UpstreamTokens, one: boolean): Promise<void> {
  const metadata = await remote.metadata()
  if (metadata.revocation_endpoint === undefined) return
  const { refreshToken, accessToken } = tokens
  const all = { refresh_token: refreshToken, access_token: accessToken }
  const hints = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
  for (const [hint, token] of one ? hints.slice(0, 1) : hints) {
    const answer = await revocationRequest(
      asServer(metadata),
      { client_id: remote.upstream.clientId },
      authOf(remote, metadata),
      token,
      {
        additionalParameters: { token_type_hint: hint },
        [customFetch]: createOAuthFetch(remote.outgoing),
        // The fetch decides which http is allowed.
        [allowInsecureRequests]: true,
      },
    )
    await readAnswer(answer)
  }
}

/**
 * GitHub deletes a token of an application.
 *
 * @see [Delete an app token](https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token)
 */
async function revokeAtGithub(
  { upstream, outgoing }: Remote,
  { accessToken }: UpstreamTokens,
): Promise<void> {
  const { provider, clientId } = upstream
  // The address of "check a token", which the preset knows; only the method differs.
  const url = provider.opaque?.endpoint
  const secret = provider.credentials?.clientSecret
  if (url === undefined || secret === undefined) return
  const { status } = await guardedFetch(url, {
    ...outgoing,
    method: 'DELETE',
    headers: { 'content-type': 'application/json', authorization: formatBasic(clientId, secret) },
    body: JSON.stringify({ access_token: accessToken }),
  })
  // A token that is gone already is 404 or 422.
  if (status >= 300 && status !== 404 && status !== 422)
    throw new OAuthError('server_error', `GitHub answered ${status}`)
}
