import { OAuthError, UnavailableError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { randomToken } from '../../lib/random.ts'
import { isCodeVerifier, s256 } from '../../protocol/pkce.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import type { TollgateEvent } from '../../types.ts'
import type { Client, Context, Resource } from '../context.ts'
import { changeGrant, tombstone, type Verdict } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import { formatRefreshToken, parseCode } from './format.ts'
import { accessTokenExpiry, refreshTokenExpiry } from './lifetime.ts'
import { refreshSecrets } from './refresh-secret.ts'
import {
  aheadOf,
  grantedResource,
  invalidGrant,
  tokenResponse,
  UnknownGrantError,
  type TokenRequest,
  type TokenResponse,
} from './response.ts'

/** Seconds after a redemption in which a second one is a mere duplicate: refused, and nothing revoked. */
const duplicateWindow = 5

interface Redeemed {
  grant: GrantRecord
  resource: Resource
  /** Of this call, or of an earlier one whose answer was lost. */
  series: string
}

/**
 * Redeems a code, once (OAuth 2.1 §4.1.3): one read and one conditional write. A wrong client, verifier, redirect URI or resource
 * burns nothing. Rejects with `invalid_grant`, `invalid_request`, `invalid_target`.
 */
export async function redeemCode(
  context: Context,
  client: Client,
  request: TokenRequest,
): Promise<TokenResponse> {
  const { parameters } = request
  const { store, runtime, options, sealer, interruptedWrites } = context
  const code = parameters.get('code')
  const verifier = parameters.get('code_verifier')
  if (code === undefined) throw new OAuthError('invalid_request', 'code is missing')
  if (verifier === undefined) throw new OAuthError('invalid_request', 'code_verifier is missing')
  const parsed = parseCode(code)
  if (parsed === undefined) throw new UnknownGrantError()
  if (!isCodeVerifier(verifier)) throw invalidGrant()
  const { grantId } = parsed
  const [hash, challenge] = await Promise.all([sha256(parsed.secret, 'code'), s256(verifier)])
  // Before the write: what cannot be signed is not redeemed.
  await context.keys.active()
  // Random, and made before the loop: after a lost answer it tells our own write from another's.
  const series = randomToken()
  const [refreshSecret] = (await refreshSecrets(sealer, grantId, series).of(1)) as [string]
  const [seriesHash, secretHash] = await Promise.all([
    sha256(series, 'series'),
    sha256(refreshSecret, 'refresh'),
  ])
  const refreshable = client.grantTypes.includes('refresh_token')

  let events: Omit<TollgateEvent, 'at'>[] = []
  let tried = false

  const judge = async (grant: GrantRecord | undefined): Promise<Verdict<Redeemed>> => {
    const now = runtime.clock()
    events = []
    if (grant?.state !== 'live' || !constantTimeEqual(hash, grant.code ?? ''))
      return { refuse: new UnknownGrantError() }
    if (!provesCode(grant, challenge, client, parameters.get('redirect_uri')))
      return { refuse: invalidGrant() }
    const resource = grantedResource(context, grant, request.resources)
    if (grant.series === seriesHash) return { result: { grant, resource, series } }
    if (grant.epoch !== (await context.keys.epoch(grant.epoch))) return { refuse: invalidGrant() }
    if (grant.redeemed !== undefined) {
      const mine = await interruptedSeries(context, hash, grant)
      if (mine !== undefined) return { result: { grant, resource, series: mine } }
      const about = { issuer: context.issuer, grantId, clientId: client.id, subject: grant.subject }
      const ahead = aheadOf(grant.redeemed, now)
      if (ahead !== undefined) events.push({ ...ahead, ...about })
      if (now - grant.redeemed <= duplicateWindow) return { refuse: invalidGrant() }
      events.push({ type: 'code.replayed', level: 'alert', ...about })
      return { refuse: invalidGrant(), write: tombstone(grant) }
    }
    if (grant.codeExpires! <= now) return { refuse: invalidGrant() }
    const end = refreshable
      ? refreshTokenExpiry(now, grant, options.lifetimes)
      : accessTokenExpiry(now, grant, resource, options.lifetimes)
    const redeemed: GrantRecord = {
      ...grant,
      redeemed: now,
      // Never earlier than before: as long as the same approval can come again, it finds this record.
      expires: Math.max(end, grant.expires),
      series: seriesHash,
      ...(refreshable ? { current: secretHash, rotated: now, generation: 1 } : {}),
    }
    tried = true
    return { write: redeemed, result: { grant: redeemed, resource, series } }
  }

  let result: Redeemed
  try {
    result = await changeGrant(store, grantId, judge)
  } catch (error) {
    if (error instanceof UnavailableError && tried) interruptedWrites.add(hash, series)
    throw error
  } finally {
    for (const event of events) runtime.event(event)
  }
  const { grant, resource } = result
  const [first] = (await refreshSecrets(sealer, grantId, result.series).of(1)) as [string]
  const refreshToken = refreshable
    ? formatRefreshToken({ grantId, series: result.series, secret: first })
    : undefined
  runtime.event({
    type: 'code.redeemed',
    level: 'info',
    grantId,
    clientId: client.id,
    subject: grant.subject,
  })
  return tokenResponse(context, grantId, grant, resource, grant.scopes, refreshToken)
}

/** The series of an earlier call for this code that ended in 503, if its write is the one that stands. For one retry only. */
async function interruptedSeries(
  { interruptedWrites }: Context,
  hash: string,
  grant: GrantRecord,
): Promise<string | undefined> {
  const tried = interruptedWrites.find(hash)
  const hashes = await Promise.all(tried.map((each) => sha256(each, 'series')))
  const mine = tried[hashes.indexOf(grant.series ?? '')]
  return mine !== undefined && interruptedWrites.remove(hash) ? mine : undefined
}

/** Whether everything else that the request proves fits the grant. Only then may a replay revoke it. */
function provesCode(
  grant: GrantRecord,
  challenge: string,
  client: Client,
  redirectUri: string | undefined,
): boolean {
  if (grant.client !== client.id) return false
  if (!constantTimeEqual(challenge, grant.challenge ?? '')) return false
  // OAuth 2.1 needs it no more, OAuth 2.0 clients send it: then it must be the one of the authorization request (§10.2).
  if (redirectUri === undefined) return true
  return grant.redirectUri === undefined
    ? matchRedirectUri(client.redirectUris, redirectUri)
    : redirectUri === grant.redirectUri
}
