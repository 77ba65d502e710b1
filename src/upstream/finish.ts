import { isOAuthError, isUnavailableError, OAuthError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import { readOptions, strings, text } from '../lib/options.ts'
import { callPartWithin } from '../lib/within.ts'
import type { Identity, SignInLeg, UpstreamTokens } from '../types.ts'
import { readCode } from './authorization-response.ts'
import { verifyIdToken, type Asserted } from './id-token.ts'
import { keptSignIn, type KeptSignIn } from './kept.ts'
import type { Admission, Upstream, UpstreamUser } from './options.ts'
import { refuseAnswer, type Remote } from './remote.ts'
import { revokeInBackground } from './revoke.ts'
import { requestTokens } from './token-request.ts'
import { askWho, completeClaims, toUser } from './user.ts'

/**
 * The provider's answer becomes an identity: code, tokens, who it is, and whether `admit` lets the user in.
 * The tokens of a sign-in that fails after the exchange of its code are revoked.
 */
export async function finishSignIn(remote: Remote, request: Request, leg: SignInLeg): Promise<Identity> {
  const code = await readCode(remote, new URL(request.url).searchParams)
  const kept = keptSignIn.decode(leg.kept ?? '')
  if (kept === undefined) throw new OAuthError('invalid_request', 'The sign-in has to begin again')
  const { tokens, idToken } = await redeemCode(remote, code, kept, leg)
  try {
    const asserted = await identify(remote, { tokens, idToken, nonce: kept.nonce })
    const user = toUser(remote, asserted, tokens.accessToken)
    return toIdentity(remote, user, await admitUser(remote, user), tokens)
  } catch (error) {
    revokeInBackground(remote, tokens)
    throw error
  }
}

/** The code is not good: RFC 6749 §5.2, then GitHub and Slack. */
const codeRefusals = new Set(['invalid_grant', 'bad_verification_code', 'invalid_code', 'code_already_used'])

/** OAuth 2.1 §4.1.3. */
async function redeemCode(
  remote: Remote,
  code: string,
  { verifier }: KeptSignIn,
  { callbackUrl }: SignInLeg,
): ReturnType<typeof requestTokens> {
  try {
    return await requestTokens(remote, 'authorization_code', {
      code,
      redirect_uri: callbackUrl,
      code_verifier: verifier,
    })
  } catch (error) {
    if (!isOAuthError(error) || isUnavailableError(error)) throw error
    // A code that is too old, was used before or is made up is not a fault of the configuration.
    const status = codeRefusals.has(error.code) ? 400 : 502
    throw refuseAnswer(remote, 'The identity provider refused the code', {
      code: error.code,
      status,
      cause: error,
    })
  }
}

async function identify(
  remote: Remote,
  about: { tokens: UpstreamTokens; idToken: string | undefined; nonce: string },
): Promise<Asserted> {
  const { tokens, idToken, nonce } = about
  const { accessToken } = tokens
  if (remote.upstream.profile.protocol === 'oauth2') return askWho(remote, accessToken)
  return completeClaims(remote, await verifyIdToken(remote, idToken, nonce), accessToken)
}

async function admitUser({ upstream }: Remote, user: UpstreamUser): Promise<Admission> {
  const required = hasRequiredClaims(upstream, user)
  const answer = required && (await callPartWithin('upstream.admit', () => upstream.admit(user)))
  if (!answer) throw new OAuthError('access_denied', 'This account has no access here')
  if (answer === true) return {}
  return defined(
    readOptions('admit', answer, {
      scopes: strings(),
      props: (value: unknown): unknown => value,
      name: text(),
    }),
  )
}

/** Another tenant of the same provider has users of its own, perhaps with the same ids (account linking). */
const hasRequiredClaims = (
  { profile: { requiredClaims = {} } }: Upstream,
  { claims }: UpstreamUser,
): boolean =>
  Object.entries(requiredClaims).every(([name, values]) =>
    [values].flat().some((value) => Object.hasOwn(claims, name) && claims[name] === value),
  )

function toIdentity(
  { upstream }: Remote,
  { issuer, subject, claims, name }: UpstreamUser,
  admission: Admission,
  tokens: UpstreamTokens,
): Identity {
  const { auth_time: authTime, acr } = claims
  return {
    subject: `${issuer}|${subject}`,
    ...defined({
      name,
      // Only the provider knows how recent the sign-in is: its own session may have answered.
      authTime: typeof authTime === 'number' && Number.isFinite(authTime) ? authTime : undefined,
      acr: typeof acr === 'string' ? acr : undefined,
    }),
    ...admission,
    // RFC 6749 §5.1: without `scope` in the answer, what was asked for was granted.
    ...(upstream.keepTokens ? { upstream: { scopes: upstream.scopes, ...tokens } } : {}),
  }
}
