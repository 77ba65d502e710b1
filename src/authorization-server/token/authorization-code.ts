import { OAuthError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { randomToken } from '../../lib/random.ts'
import { isCodeVerifier, s256 } from '../../protocol/pkce.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import type { Client, Context, Resource } from '../context.ts'
import { tombstone, type Verdict } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import { aboutGrant, changeAttemptedGrant, type Attempt } from './attempt.ts'
import { formatRefreshToken, parseCode } from './format.ts'
import { accessTokenExpiry, refreshTokenExpiry } from './lifetime.ts'
import { refreshSecrets } from './refresh-secret.ts'
import {
  grantedResource,
  grantedScopes,
  invalidGrant,
  skewEvents,
  tokenResponse,
  UnknownGrantError,
  type TokenRequest,
  type TokenResponse,
} from './response.ts'
import { applyTokenHook, type Offer } from './token-hook.ts'

/** Seconds after a redemption in which a second one is refused as a duplicate, and revokes nothing. */
const duplicateWindow = 5

/**
 * Redeems an authorization code once (OAuth 2.1 §4.1.3) with one read and one conditional write. A request
 * with a wrong client, verifier, redirect URI or resource does not use it up. Rejects with `invalid_grant`,
 * `invalid_request`, `invalid_target`.
 */
export async function redeemCode(
  context: Context,
  client: Client,
  request: TokenRequest,
): Promise<TokenResponse> {
  const attempt = await beginAttempt(context, client, request)
  const { grantId, isRefreshable } = attempt
  const redeemed = await changeAttemptedGrant<Redeemed>(attempt, (grant) => judge(attempt, grant))
  const { grant, resource, scopes, series } = redeemed
  const secret = series === attempt.series ? attempt.secret : await firstSecret(context, grantId, series)
  const refreshToken = isRefreshable ? formatRefreshToken({ grantId, series, secret }) : undefined
  context.runtime.event({ type: 'code.redeemed', level: 'info', ...aboutGrant(attempt, grant) })
  return tokenResponse(context, grantId, grant, resource, scopes, refreshToken)
}

interface Redeemed extends Offer {
  /** The series of the refresh token: of this call, or of an earlier one whose answer was lost. */
  readonly series: string
}

interface CodeAttempt extends Attempt {
  readonly challenge: string
  /**
   * Random, and made before the first write: after a lost answer it tells this call's write from another's.
   */
  readonly series: string
  readonly secret: string
  readonly seriesHash: string
  readonly secretHash: string
  readonly isRefreshable: boolean
}

async function beginAttempt(context: Context, client: Client, request: TokenRequest): Promise<CodeAttempt> {
  const code = request.parameters.get('code')
  const verifier = request.parameters.get('code_verifier')
  if (code === undefined) throw new OAuthError('invalid_request', 'code is missing')
  if (verifier === undefined) throw new OAuthError('invalid_request', 'code_verifier is missing')
  const parsed = parseCode(code)
  if (parsed === undefined) throw new UnknownGrantError()
  if (!isCodeVerifier(verifier)) throw invalidGrant()
  const { grantId } = parsed
  const series = randomToken()
  const [presented, challenge, seriesHash, secret] = await Promise.all([
    sha256(parsed.secret, 'code'),
    s256(verifier),
    sha256(series, 'series'),
    firstSecret(context, grantId, series),
  ])
  const secretHash = await sha256(secret, 'refresh')
  const isRefreshable = client.grantTypes.includes('refresh_token')
  const made = { series, seriesHash, secret, secretHash, isRefreshable }
  const arrived = context.runtime.clock()
  return { context, client, request, grantId, presented, arrived, challenge, ...made, events: [] }
}

/** The secret of the first refresh token of this series. */
async function firstSecret({ sealer }: Context, grantId: string, series: string): Promise<string> {
  const [secret] = (await refreshSecrets(sealer, grantId, series).of(1)) as [string]
  return secret
}

/** What the token endpoint answers, and what it writes. */
async function judge(attempt: CodeAttempt, grant: GrantRecord | undefined): Promise<Verdict<Redeemed>> {
  const { context, request, series, presented } = attempt
  if (grant?.state !== 'live' || !constantTimeEqual(presented, grant.code ?? ''))
    return { refuse: new UnknownGrantError() }
  if (!provesCode(attempt, grant)) return { refuse: invalidGrant() }
  const resource = grantedResource(context, grant, request.resources)
  const found = { grant, resource, scopes: grantedScopes(context, grant, resource), series }
  if (grant.series === attempt.seriesHash) return offered(await applyTokenHook(attempt, found))
  if (grant.epoch !== (await context.keys.epoch(grant.epoch))) return { refuse: invalidGrant() }
  if (grant.redeemed !== undefined) return redeemAgain(attempt, found)
  if (grant.codeExpires! <= context.runtime.clock()) return { refuse: invalidGrant() }
  const offer = await applyTokenHook(attempt, found)
  if ('refuse' in offer) return offer
  attempt.tried = series
  const write = redeemedGrant(attempt, offer.grant, resource, context.runtime.clock())
  return { write, result: { ...offer, grant: write } }
}

const offered = (offer: Redeemed | Verdict<Redeemed>): Verdict<Redeemed> =>
  'grant' in offer ? { result: offer } : offer

/**
 * Whether the request proves everything else that the grant demands; only then a replay may revoke it. PKCE:
 * the challenge is always compared, and it is S256 because `/authorize` accepts nothing else (PKCE
 * downgrade).
 */
function provesCode({ client, challenge, request }: CodeAttempt, grant: GrantRecord): boolean {
  if (grant.client !== client.id) return false
  if (!constantTimeEqual(challenge, grant.challenge ?? '')) return false
  // OAuth 2.1 has no redirect_uri here, OAuth 2.0 clients send it: then it is that of the authorization
  // request (§10.2).
  const redirectUri = request.parameters.get('redirect_uri')
  if (redirectUri === undefined) return true
  return grant.redirectUri === undefined
    ? matchRedirectUri(client.redirectUris, redirectUri)
    : redirectUri === grant.redirectUri
}

/**
 * Replay of a code with full proof: refused, and after a few seconds it revokes the grant (OAuth 2.1 §4.1.3).
 * The one retry after a 503 whose write stands is no replay and gets its tokens.
 */
async function redeemAgain(attempt: CodeAttempt, found: Redeemed): Promise<Verdict<Redeemed>> {
  const { grant } = found
  const { interruptedWrites, runtime } = attempt.context
  const series = await interruptedSeries(attempt, grant)
  if (series !== undefined) {
    // Before the one retry is used up. The props that the interrupted call wrote stay in the grant.
    const offer = await applyTokenHook(attempt, { ...found, series })
    if ('refuse' in offer) return offer
    if (interruptedWrites.remove(attempt.presented)) return { result: offer }
  }
  const about = aboutGrant(attempt, grant)
  attempt.events.push(...skewEvents(grant.redeemed, runtime.clock(), about))
  if (attempt.arrived - grant.redeemed! <= duplicateWindow) return { refuse: invalidGrant() }
  attempt.events.push({ type: 'code.replayed', level: 'alert', ...about })
  return { refuse: invalidGrant(), write: tombstone(grant) }
}

/** The series of an earlier call for this code that ended in 503, if its write stands. For one retry only. */
async function interruptedSeries(
  { context: { interruptedWrites }, presented }: CodeAttempt,
  grant: GrantRecord,
): Promise<string | undefined> {
  const tried = interruptedWrites.find(presented)
  const hashes = await Promise.all(tried.map((each) => sha256(each, 'series')))
  return tried[hashes.indexOf(grant.series ?? '')]
}

function redeemedGrant(
  { context, isRefreshable, seriesHash, secretHash }: CodeAttempt,
  grant: GrantRecord,
  resource: Resource,
  now: number,
): GrantRecord {
  const { lifetimes } = context.options
  const end = isRefreshable
    ? refreshTokenExpiry(now, grant, lifetimes)
    : accessTokenExpiry(now, grant, resource, lifetimes)
  return {
    ...grant,
    redeemed: now,
    // Never earlier than before: as long as the same form can be submitted again, it has to find this record.
    expires: Math.max(end, grant.expires),
    series: seriesHash,
    ...(isRefreshable ? { current: secretHash, rotated: now, generation: 1 } : {}),
  }
}
