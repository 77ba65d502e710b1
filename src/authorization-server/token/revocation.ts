import { OAuthError } from '../../errors.ts'
import { readForm } from '../../http/body.ts'
import { noStore } from '../../http/responses.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { singleParameters } from '../../protocol/token-request.ts'
import { authenticateClient } from '../client/authentication.ts'
import type { Client, Context } from '../context.ts'
import { jsonEndpoint } from '../endpoint.ts'
import { isGrantHolder } from './grant-holder.ts'
import { maxForm } from './endpoint.ts'
import { parseRefreshToken } from './format.ts'
import { readAccessToken } from './tokens.ts'

/**
 * POST to the revocation endpoint (RFC 7009 §2.1): a refresh token takes its grant with it, with every access token; an access
 * token dies alone. A token that is already worth nothing is no error (§2.2). The hint is not needed: tokens tell what they are.
 */
export function revocationEndpoint(context: Context): (request: Request) => Promise<Response> {
  return jsonEndpoint(context, async (request) => {
    const parameters = singleParameters(await readForm(request, maxForm))
    let guessedBy: string | undefined
    const client = await authenticateClient(context, request, parameters, async (clientId) => {
      if (await isGrantHolder(context, parameters, clientId)) return true
      guessedBy = clientId
      return false
    }).catch((error: unknown) => {
      // A token that is worth nothing is no error, whether or not the client's document is known.
      if (guessedBy === undefined || !parameters.has('token')) throw error
    })
    const token = parameters.get('token')
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing')
    const known =
      client !== undefined &&
      ((await revokeRefreshToken(context, client, token)) ||
        (await revokeAccessToken(context, client, token)))
    // Each guess has cost a read.
    if (!known) await context.limits.attempt('revoke', request, client?.id ?? guessedBy)
    return new Response(null, { status: 200, headers: noStore })
  })
}

/** Whoever has the series has held a token of this grant; which of the generations does not matter to its end. */
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

/** The largest clock skew that a guard allows, in seconds: so long after its end a token may still be taken. */
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

/** RFC 7009 §2.1: another client's token stays as it is, and the request is refused. */
function requireOwn(client: Client, owner: string): void {
  if (owner !== client.id) throw new OAuthError('invalid_grant', 'The token was issued to another client')
}
