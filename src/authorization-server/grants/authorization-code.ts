import { OAuthError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { randomToken } from '../../lib/random.ts'
import { isCodeVerifier, s256 } from '../../protocol/pkce.ts'
import { matchRedirectUri } from '../../protocol/redirect-uri.ts'
import type { Client, Context, Resource } from '../context.ts'
import { changeGrant, isTokenPart, tombstone, type GrantRecord } from '../grant-record.ts'
import {
  grantedResource,
  invalidGrant,
  tokenResponse,
  UnknownGrantError,
  type TokenRequest,
  type TokenResponse,
} from './response.ts'

/** Seconds after a redemption in which a second one is a mere duplicate: refused, and nothing revoked. */
const duplicateWindow = 5

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
  const { store, runtime, options } = context
  const code = parameters.get('code')
  const verifier = parameters.get('code_verifier')
  if (code === undefined) throw new OAuthError('invalid_request', 'code is missing')
  if (verifier === undefined) throw new OAuthError('invalid_request', 'code_verifier is missing')
  const [grantId, secret, ...rest] = code.split('.')
  if (rest.length > 0 || !isTokenPart(grantId) || !isTokenPart(secret)) throw new UnknownGrantError()
  if (!isCodeVerifier(verifier)) throw invalidGrant()
  const [hash, challenge] = await Promise.all([sha256(secret, 'code'), s256(verifier)])
  // Made before the loop: after a lost answer they tell our own write from somebody else's.
  const series = randomToken()
  const refreshSecret = randomToken()
  const [seriesHash, secretHash] = await Promise.all([
    sha256(series, 'series'),
    sha256(refreshSecret, 'refresh'),
  ])
  const [epoch] = await Promise.all([context.keys.epoch(), context.keys.active()])
  const refreshable = client.grantTypes.includes('refresh_token')

  const { grant, resource } = await changeGrant<{ grant: GrantRecord; resource: Resource }>(
    store,
    grantId,
    async (grant) => {
      const now = runtime.clock()
      if (grant?.state !== 'live' || !constantTimeEqual(hash, grant.code ?? ''))
        return { refuse: new UnknownGrantError() }
      if (!provesCode(grant, challenge, client, parameters.get('redirect_uri')))
        return { refuse: invalidGrant() }
      const resource = grantedResource(context, grant, request.resources)
      if (grant.series === seriesHash) return { result: { grant, resource } }
      if (grant.redeemed !== undefined) {
        const replay = now - grant.redeemed > duplicateWindow
        const { subject } = grant
        if (replay)
          runtime.event({ type: 'code.replayed', level: 'alert', grantId, clientId: client.id, subject })
        return { refuse: invalidGrant(), ...(replay ? { write: tombstone(grant) } : {}) }
      }
      if (grant.epoch !== epoch || grant.codeExpires! <= now) return { refuse: invalidGrant() }
      const { refreshIdle, refreshAbsolute } = options.lifetimes
      const end = Math.min(
        grant.created + refreshAbsolute,
        now + (refreshable ? refreshIdle : resource.lifetime),
      )
      const redeemed: GrantRecord = {
        ...grant,
        redeemed: now,
        // Never earlier than before: as long as the same approval can come again, it finds this record.
        expires: Math.max(end, grant.expires),
        series: seriesHash,
        ...(refreshable ? { current: secretHash, rotated: now, generation: 1 } : {}),
      }
      return { write: redeemed, result: { grant: redeemed, resource } }
    },
  )
  const refreshToken = refreshable ? `${grantId}.${series}.${refreshSecret}` : undefined
  runtime.event({
    type: 'code.redeemed',
    level: 'info',
    grantId,
    clientId: client.id,
    subject: grant.subject,
  })
  return tokenResponse(context, grantId, grant, resource, grant.scopes, refreshToken)
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
