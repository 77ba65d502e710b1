import { OAuthError, UnavailableError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { parseScope } from '../../protocol/scope.ts'
import type { TollgateEvent } from '../../types.ts'
import type { Client, Context, Resource } from '../context.ts'
import { changeGrant, tombstone, type Verdict } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import { formatRefreshToken, parseRefreshToken } from './format.ts'
import { isWithinGrace, refreshTokenExpiry } from './lifetime.ts'
import { refreshSecrets } from './refresh-secret.ts'
import {
  aheadOf,
  grantedResource,
  grantedScopes,
  invalidGrant,
  tokenResponse,
  UnknownGrantError,
  type TokenRequest,
  type TokenResponse,
} from './response.ts'

/** How often one generation is issued again, and in how many generations in a row; then the grant is revoked. */
const maxRepeats = 100
const maxRepeatedInARow = 32

interface Refreshed {
  grant: GrantRecord
  resource: Resource
  scopes: readonly string[]
  /** The secret of the refresh token to answer with. */
  secret: string
}

/**
 * Rotates a refresh token (OAuth 2.1 §4.3): one read and one conditional write. The successor is computed from the token that
 * was presented, so all who present the same one get the same. Rejects with `invalid_grant`, `invalid_scope`, `invalid_target`.
 */
export async function refresh(
  context: Context,
  client: Client,
  request: TokenRequest,
): Promise<TokenResponse> {
  const { parameters } = request
  const { store, runtime, options, sealer, keys, interruptedWrites } = context
  const token = parameters.get('refresh_token')
  if (token === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing')
  const parsed = parseRefreshToken(token)
  if (parsed === undefined) throw new UnknownGrantError()
  const { grantId, series, secret } = parsed
  const secrets = refreshSecrets(sealer, grantId, series)
  const [seriesHash, secretHash] = await Promise.all([sha256(series, 'series'), sha256(secret, 'refresh')])
  // Before the write: what cannot be signed is not rotated.
  await keys.active()

  let events: Omit<TollgateEvent, 'at'>[] = []
  /** The generation that this call has tried to rotate to. */
  let tried: number | undefined
  let counted = false

  const judge = async (grant: GrantRecord | undefined, mayStand: boolean): Promise<Verdict<Refreshed>> => {
    const now = runtime.clock()
    events = []
    if (grant?.state !== 'live') return { refuse: new UnknownGrantError() }
    // A failover may have lost the redemption. Then only a token that proves its generation speaks for the series.
    const unredeemed = grant.series === undefined && grant.redeemed === undefined
    // Whoever knows only the id of a grant can do no harm to it.
    if (!unredeemed && !constantTimeEqual(seriesHash, grant.series ?? ''))
      return { refuse: new UnknownGrantError() }
    if (grant.client !== client.id || grant.epoch !== (await keys.epoch(grant.epoch)))
      return { refuse: invalidGrant() }
    if (!unredeemed && grant.current === undefined) return { refuse: invalidGrant() }
    const resource = grantedResource(context, grant, request.resources)
    const scopes = narrowed(grant.scopes, grantedScopes(context, grant, resource), parameters.get('scope'))
    const generation = grant.generation ?? 0
    const about = { issuer: context.issuer, grantId, clientId: client.id, subject: grant.subject }

    const rotate = async (to: number): Promise<Verdict<Refreshed>> => {
      tried = to
      const { repeats, repeatedInARow, ...kept } = grant
      const [next] = (await secrets.of(to)) as [string]
      const rotated: GrantRecord = {
        ...kept,
        series: seriesHash,
        redeemed: grant.redeemed ?? now,
        current: await sha256(next, 'refresh'),
        previous: secretHash,
        rotated: now,
        generation: to,
        expires: refreshTokenExpiry(now, grant, options.lifetimes),
        ...(repeats === undefined ? {} : { repeatedInARow: repeatedInARow! }),
      }
      return { write: rotated, result: { grant: rotated, resource, scopes, secret: next } }
    }

    const revoke = (detail: string): Verdict<Refreshed> => {
      events = [{ type: 'refresh.reused', level: 'alert', ...about, detail }]
      return { write: tombstone(grant), refuse: invalidGrant() }
    }

    /** The successor is current, so it is unused: a lost answer, or a racer. The same successor again; its expiry stays. */
    const repeat = async (): Promise<Verdict<Refreshed>> => {
      const ahead = aheadOf(grant.rotated, now)
      if (ahead !== undefined) events.push({ ...ahead, ...about })
      const own =
        (mayStand ? tried : undefined) === generation ||
        interruptedWrites.find(secretHash).includes(`${generation}`)
      if (!own && !isWithinGrace(now, grant, options.lifetimes)) return revoke('replaced before')
      const candidates = await secrets.of(generation)
      const hashes = await Promise.all(candidates.map((each) => sha256(each, 'refresh')))
      const issued = candidates.find((_, i) => constantTimeEqual(hashes[i]!, grant.current!))
      if (issued === undefined) {
        // Made by an instance whose deployment secret this one does not know (yet): no sign of theft, and nothing to answer with.
        events.push({ type: 'refresh.unrecognised', level: 'warning', ...about })
        return { refuse: new UnavailableError('The secret is being changed; try again') }
      }
      const count = (grant.repeats ?? 0) + 1
      const inARow = (grant.repeatedInARow ?? 0) + (grant.repeats === undefined ? 1 : 0)
      if (count > maxRepeats || inARow > maxRepeatedInARow) return revoke('repeated too often')
      events.push({ type: 'refresh.repeated', level: 'warning', ...about, count })
      const result = { grant, resource, scopes, secret: issued }
      // Repeats at the same moment count as one: whoever lost the write was counted by the winner.
      if (counted && !mayStand) return { result }
      counted = true
      return { write: { ...grant, repeats: count, repeatedInARow: inARow }, result }
    }

    if (constantTimeEqual(secretHash, grant.current ?? '')) return rotate(generation + 1)
    if (constantTimeEqual(secretHash, grant.previous ?? '')) return repeat()
    const presented = await secrets.generationOf(secret)
    if (presented !== undefined && presented > generation) {
      // Newer than the store: it has lost writes. Honoured once, because the store is at this generation from then on.
      const [expected, received] = [`${generation}`, `${presented}`]
      events = [{ type: 'refresh.ahead', level: 'alert', ...about, expected, received }]
      return rotate(presented + 1)
    }
    return unredeemed ? { refuse: new UnknownGrantError() } : revoke('replaced before')
  }

  let refreshed: Refreshed
  try {
    refreshed = await changeGrant(store, grantId, judge)
  } catch (error) {
    if (error instanceof UnavailableError && tried !== undefined)
      interruptedWrites.add(secretHash, `${tried}`)
    throw error
  } finally {
    for (const event of events) runtime.event(event)
  }
  const { grant, resource, scopes } = refreshed
  runtime.event({
    type: 'token.refreshed',
    level: 'info',
    grantId,
    clientId: client.id,
    subject: grant.subject,
  })
  const refreshToken = formatRefreshToken({ grantId, series, secret: refreshed.secret })
  return tokenResponse(context, grantId, grant, resource, scopes, refreshToken)
}

/**
 * RFC 6749 §6: the same or less; the refresh token keeps all. Of that, what is of the resource (RFC 8707 §2.2). `offline_access` is a
 * wish that was granted with the token itself.
 */
function narrowed(
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
