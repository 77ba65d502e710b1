import { OAuthError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { parseScope } from '../../protocol/scope.ts'
import type { Client, Context, Resource } from '../context.ts'
import { changeGrant, isTokenPart, tombstone, type GrantRecord } from '../grant-record.ts'
import {
  grantedResource,
  grantedScopes,
  invalidGrant,
  tokenResponse,
  UnknownGrantError,
  type TokenRequest,
  type TokenResponse,
} from './response.ts'

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
  const { store, runtime, options, keyring, keys } = context
  const token = parameters.get('refresh_token')
  if (token === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing')
  const [grantId, series, secret, ...rest] = token.split('.')
  if (rest.length > 0 || !isTokenPart(grantId) || !isTokenPart(series) || !isTokenPart(secret))
    throw new UnknownGrantError()
  const [seriesHash, secretHash] = await Promise.all([sha256(series, 'series'), sha256(secret, 'refresh')])
  // Under each deployment secret: instances change it one after the other.
  const successors = await Promise.all(
    (await keyring.macs('successor', `${grantId}\n${secret}`)).map(async (mac) => {
      const next = mac.slice(0, 27)
      return { secret: next, hash: await sha256(next, 'refresh') }
    }),
  )
  const [epoch] = await Promise.all([keys.epoch(), keys.active()])

  const refreshed = await changeGrant<Refreshed>(store, grantId, async (grant, mayStand) => {
    const now = runtime.clock()
    // Whoever knows only the id of a grant can do no harm to it.
    if (grant?.state !== 'live' || !constantTimeEqual(seriesHash, grant.series ?? ''))
      return { refuse: new UnknownGrantError() }
    if (grant.epoch !== epoch || grant.client !== client.id || grant.current === undefined)
      return { refuse: invalidGrant() }
    const resource = grantedResource(context, grant, request.resources)
    const scopes = narrowed(grant.scopes, grantedScopes(context, grant, resource), parameters.get('scope'))
    const next = successors[0]!
    if (constantTimeEqual(secretHash, grant.current)) {
      const { refreshIdle, refreshAbsolute } = options.lifetimes
      const rotated: GrantRecord = {
        ...grant,
        current: next.hash,
        previous: secretHash,
        rotated: now,
        generation: (grant.generation ?? 0) + 1,
        expires: Math.min(now + refreshIdle, grant.created + refreshAbsolute),
      }
      return { write: rotated, result: { grant: rotated, resource, scopes, secret: next.secret } }
    }
    // The successor is current, so it is unused: a lost answer, or a racer (or we ourselves, where our write may stand).
    const issued = successors.find(({ hash }) => constantTimeEqual(hash, grant.current!))
    const graceful = now - (grant.rotated ?? 0) < options.lifetimes.refreshGrace
    if (issued !== undefined && (graceful || mayStand))
      return { result: { grant, resource, scopes, secret: issued.secret } }
    const { subject } = grant
    runtime.event({ type: 'refresh.reused', level: 'alert', grantId, clientId: client.id, subject })
    return { write: tombstone(grant), refuse: invalidGrant() }
  })
  const { grant, resource, scopes } = refreshed
  runtime.event({
    type: 'token.refreshed',
    level: 'info',
    grantId,
    clientId: client.id,
    subject: grant.subject,
  })
  const refreshToken = `${grantId}.${series}.${refreshed.secret}`
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
