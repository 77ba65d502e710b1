import { OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { noStore } from '../../http/cache-control.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { singleParameters } from '../../protocol/token-request.ts'
import { authenticateClient } from '../client/authentication.ts'
import type { Client, Context } from '../context.ts'
import { jsonEndpoint } from '../endpoint.ts'
import { holdsGrant } from './grant-holder.ts'
import { maxForm } from './endpoint.ts'
import { parseRefreshToken } from './format.ts'
import { readAccessToken } from './access-token.ts'

/**
 * POST to the revocation endpoint (RFC 7009 §2.1). A refresh token revokes its grant with all tokens of it;
 * an access token revokes itself. An unknown token is answered with 200 (§2.2). `token_type_hint` is not
 * read: the form of a token says which one it is.
 */
export function revocationEndpoint(context: Context): (request: Request) => Promise<Response> {
  return jsonEndpoint(context, async (request) => {
    const parameters = singleParameters(await readForm(request, maxForm))
    let guessedBy: string | undefined
    const client = await authenticateClient(context, request, parameters, async (clientId) => {
      if (await holdsGrant(context, parameters, clientId)) return true
      guessedBy = clientId
      return false
    }).catch((error: unknown) => {
      // RFC 7009 §2.2: an unknown token is no error, whether or not the client's document is known.
      if (guessedBy === undefined || !parameters.has('token')) throw error
    })
    const token = parameters.get('token')
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    const known =
      client !== undefined &&
      ((await revokeRefreshToken(context, client, token)) ||
        (await revokeAccessToken(context, client, token)))
    // Enumeration: each guess costs a read of the store.
    if (!known) await context.limits.attempt('revoke', request, client?.id ?? guessedBy)
    return new Response(null, { status: 200, headers: noStore })
  })
}

/** Every generation is accepted: a caller that knows the series has held a token of this grant. */
async function revokeRefreshToken({ grants }: Context, client: Client, token: string): Promise<boolean> {
  const parsed = parseRefreshToken(token)
  if (parsed === undefined) return false
  const { grantId, series } = parsed
  const grant = await grants.live(grantId)
  if (grant === undefined || !constantTimeEqual(await sha256(series, 'series'), grant.series ?? ''))
    return false
  requireOwn(client, grant.client)
  await grants.revokeGrant(grantId)
  return true
}

/** The largest clock skew that a guard allows, in seconds: until then it may accept an expired token. */
const maxSkew = 60

async function revokeAccessToken(context: Context, client: Client, token: string): Promise<boolean> {
  const found = await readAccessToken(context, token)
  if (found === undefined) return false
  const { claims, grantId } = found
  requireOwn(client, claims.client_id)
  await context.grants.revokeToken(grantId, claims.jti, claims.exp + maxSkew)
  const { issuer, runtime } = context
  runtime.event({
    type: 'token.revoked',
    level: 'info',
    issuer,
    grantId,
    clientId: client.id,
    subject: claims.sub,
  })
  return true
}

/** RFC 7009 §2.1: the request is refused, and the other client's token stays valid. */
function requireOwn(client: Client, owner: string): void {
  if (owner !== client.id) throw new OAuthError('invalid_grant', 'The token was issued to another client')
}
