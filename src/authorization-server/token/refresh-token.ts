import { OAuthError, UnavailableError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { parseScope } from '../../protocol/scope.ts'
import type { Client, Context } from '../context.ts'
import { tombstone, type Verdict } from '../grant/record.ts'
import { upstreamToken } from '../grant/upstream-vault.ts'
import type { GrantRecord } from '../grants.ts'
import { aboutGrant, changeAttemptedGrant, type Attempt } from './attempt.ts'
import { formatRefreshToken, parseRefreshToken } from './format.ts'
import { isWithinGrace, refreshTokenExpiry } from './lifetime.ts'
import { refreshSecrets, type RefreshSecrets } from './refresh-secret.ts'
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
import { recheckChoices } from './grant-choices.ts'
import { applyTokenHook, type Offer } from './token-hook.ts'

/**
 * How often one generation is issued again, and in how many generations in a row. One more revokes the grant.
 */
const maxRepeats = 100
const maxRepeatedInARow = 32

/**
 * Rotates a refresh token (OAuth 2.1 §4.3) with one read and one conditional write. The successor is computed
 * from the presented token, so all that present the same one get the same successor. Rejects with
 * `invalid_grant`, `invalid_scope`, `invalid_target`.
 */
export async function refresh(
  context: Context,
  client: Client,
  request: TokenRequest,
): Promise<TokenResponse> {
  const token = request.parameters.get('refresh_token')
  if (token === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing')
  const attempt = await beginAttempt(context, client, request, token)
  const { grantId, series } = attempt
  const refreshed = await changeAttemptedGrant<Refreshed>(attempt, (grant, mayStand) =>
    judge(attempt, grant, mayStand),
  )
  const { grant, resource, scopes, secret } = refreshed
  context.runtime.event({ type: 'token.refreshed', level: 'info', ...aboutGrant(attempt, grant) })
  const refreshToken = formatRefreshToken({ grantId, series, secret })
  return tokenResponse(context, grantId, grant, resource, scopes, refreshToken)
}

interface Refreshed extends Offer {
  /** The secret of the refresh token in the answer. */
  readonly secret: string
}

interface RefreshAttempt extends Attempt {
  readonly series: string
  readonly secret: string
  readonly secrets: RefreshSecrets
  readonly seriesHash: string
  /** Whether this call has counted itself as a repeat. */
  counted: boolean
}

async function beginAttempt(
  context: Context,
  client: Client,
  request: TokenRequest,
  token: string,
): Promise<RefreshAttempt> {
  const parsed = parseRefreshToken(token)
  if (parsed === undefined) throw new UnknownGrantError()
  const { grantId, series, secret } = parsed
  const [seriesHash, presented] = await Promise.all([sha256(series, 'series'), sha256(secret, 'refresh')])
  const secrets = refreshSecrets(context.sealer, grantId, series)
  const hashes = { seriesHash, presented }
  const arrived = context.runtime.clock()
  return { context, client, request, arrived, ...parsed, secrets, ...hashes, events: [], counted: false }
}

/** What the token endpoint answers, and what it writes. */
async function judge(
  attempt: RefreshAttempt,
  grant: GrantRecord | undefined,
  mayStand: boolean,
): Promise<Verdict<Refreshed>> {
  const { context, client, request, secrets, secret, seriesHash, presented } = attempt
  if (grant?.state !== 'live') return { refuse: new UnknownGrantError() }
  // A failover may have lost the redemption. Then only a token that proves its generation is accepted for the
  // series.
  const isUnredeemed = grant.series === undefined && grant.redeemed === undefined
  // A caller that knows only the id of a grant can do no harm to it.
  if (!isUnredeemed && !constantTimeEqual(seriesHash, grant.series ?? ''))
    return { refuse: new UnknownGrantError() }
  if (grant.client !== client.id || grant.epoch !== (await context.keys.epoch(grant.epoch)))
    return { refuse: invalidGrant() }
  if (!isUnredeemed && grant.current === undefined) return { refuse: invalidGrant() }
  const resource = grantedResource(context, grant, request.resources)
  const granted = grantedScopes(context, grant, resource)
  const scopes = narrowScopes(grant.scopes, granted, request.parameters.get('scope'))
  const found = { grant, resource, scopes }
  const generation = grant.generation ?? 0
  if (constantTimeEqual(presented, grant.current ?? '')) return rotate(attempt, found, generation + 1)
  if (constantTimeEqual(presented, grant.previous ?? '')) return repeat(attempt, found, mayStand)
  const proven = await secrets.generationOf(secret)
  if (proven !== undefined && proven > generation) {
    // Newer than the store, which has lost writes. Accepted once, because the write brings the store to this
    // generation.
    const values = { expected: `${generation}`, received: `${proven}` }
    attempt.events = [{ type: 'refresh.ahead', level: 'alert', ...aboutGrant(attempt, grant), ...values }]
    return rotate(attempt, found, proven + 1)
  }
  return isUnredeemed ? { refuse: new UnknownGrantError() } : revoke(attempt, grant, 'replaced before')
}

/** What the identity provider and the application say of it now. */
async function judgeOffer(attempt: RefreshAttempt, found: Offer): ReturnType<typeof applyTokenHook<Offer>> {
  const left = await recheckChoices(attempt, found)
  if ('refuse' in left) return left
  // Our refresh token must not outlive the upstream's: a user whom the provider no longer knows signs in
  // again. This may write the grant, which is then judged anew.
  if (left.grant.upstream !== undefined) await upstreamToken(attempt.context, attempt.grantId, left.grant)
  return applyTokenHook(attempt, left)
}

async function rotate(
  attempt: RefreshAttempt,
  found: Offer,
  generation: number,
): Promise<Verdict<Refreshed>> {
  const { context, secrets, seriesHash, presented } = attempt
  const offer = await judgeOffer(attempt, found)
  if ('refuse' in offer) return offer
  const { repeats, repeatedInARow, ...kept } = offer.grant
  const now = context.runtime.clock()
  attempt.tried = `${generation}`
  const [secret] = (await secrets.of(generation)) as [string]
  const grant: GrantRecord = {
    ...kept,
    series: seriesHash,
    redeemed: kept.redeemed ?? now,
    current: await sha256(secret, 'refresh'),
    previous: presented,
    rotated: now,
    generation,
    expires: refreshTokenExpiry(now, kept, context.options.lifetimes),
    ...(repeats === undefined ? {} : defined({ repeatedInARow })),
  }
  return { write: grant, result: { ...offer, grant, secret } }
}

/**
 * The previous token, whose successor is unused: its answer was lost, or a second process of the client has
 * the same token. Within the refresh grace the answer is the same successor again; the expiry stays.
 */
async function repeat(attempt: RefreshAttempt, found: Offer, mayStand: boolean): Promise<Verdict<Refreshed>> {
  const { context, secrets, presented } = attempt
  const { grant } = found
  const { generation = 0, rotated } = grant
  const now = context.runtime.clock()
  attempt.events.push(...skewEvents(rotated, now, aboutGrant(attempt, grant)))
  const isOwnWrite =
    (mayStand && attempt.tried === `${generation}`) ||
    context.interruptedWrites.find(presented).includes(`${generation}`)
  if (!isOwnWrite && !isWithinGrace(attempt.arrived, grant, context.options.lifetimes))
    return revoke(attempt, grant, 'replaced before')
  const candidates = await secrets.of(generation)
  const hashes = await Promise.all(candidates.map((each) => sha256(each, 'refresh')))
  const secret = candidates.find((_, i) => constantTimeEqual(hashes[i]!, grant.current!))
  if (secret === undefined) {
    // Another instance has made it under a deployment secret that this one does not have (yet). That is no
    // sign of theft.
    attempt.events.push({ type: 'refresh.unrecognised', level: 'warning', ...aboutGrant(attempt, grant) })
    return { refuse: new UnavailableError('The secret is being changed; try again') }
  }
  const repeats = (grant.repeats ?? 0) + 1
  const repeatedInARow = (grant.repeatedInARow ?? 0) + (grant.repeats === undefined ? 1 : 0)
  if (repeats > maxRepeats || repeatedInARow > maxRepeatedInARow)
    return revoke(attempt, grant, 'repeated too often')
  const offer = await judgeOffer(attempt, found)
  if ('refuse' in offer) return offer
  attempt.events.push({
    type: 'refresh.repeated',
    level: 'warning',
    ...aboutGrant(attempt, grant),
    count: repeats,
  })
  const result = { ...offer, secret }
  // Parallel repeats count as one: the one that won the write has counted.
  if (attempt.counted && !mayStand) return { result }
  attempt.counted = true
  return { write: { ...offer.grant, repeats, repeatedInARow }, result }
}

/**
 * Replay of a refresh token: the client or a thief has the next one, so the grant is revoked (OAuth 2.1
 * §4.3.1).
 */
function revoke(attempt: RefreshAttempt, grant: GrantRecord, detail: string): Verdict<Refreshed> {
  attempt.events = [{ type: 'refresh.reused', level: 'alert', ...aboutGrant(attempt, grant), detail }]
  return { write: tombstone(grant), refuse: invalidGrant() }
}

/**
 * The scopes of the access token: what the client asks for of what was granted (RFC 6749 §6) for this
 * resource (RFC 8707 §2.2). The refresh token keeps all scopes. `offline_access` is no scope of a resource
 * and is ignored.
 */
function narrowScopes(
  granted: readonly string[],
  ofResource: readonly string[],
  scope: string | undefined,
): readonly string[] {
  if (scope === undefined) return ofResource
  const wanted = parseScope(scope)?.filter((each) => each !== 'offline_access')
  if (wanted === undefined || wanted.some((each) => !granted.includes(each)))
    throw new OAuthError('invalid_scope', 'The user did not grant all of these scopes')
  const left = wanted.length === 0 ? ofResource : ofResource.filter((each) => wanted.includes(each))
  if (left.length === 0 && ofResource.length > 0)
    throw new OAuthError('invalid_scope', 'The user granted none of these scopes for this resource')
  return left
}
