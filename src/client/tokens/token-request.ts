import { allowInsecureRequests, customFetch, genericTokenEndpointRequest } from 'oauth4webapi'
import { OAuthError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import type { ClientIdentity } from '../identity/identity.ts'
import { carrier, outgoing } from '../outgoing.ts'
import type { ServerRecord } from '../storage/records.ts'
import { asServer } from '../discovery/server-metadata.ts'
import { tokenAnswer, type TokenAnswer } from './token-answer.ts'

/**
 * One request to the token endpoint. Rejects with the server's error code; with UnavailableError where it is out of reach,
 * and then nothing is known about the grant.
 */
export async function requestTokens(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  identity: ClientIdentity,
  grantType: string,
  parameters: Readonly<Record<string, string | undefined>>,
): Promise<TokenAnswer> {
  const client = { client_id: identity.clientId }
  const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const options = {
    [customFetch]: carrier(outgoing(context, server)),
    // The guarded fetch decides which http is allowed.
    [allowInsecureRequests]: true,
    ...(context.dpop.wanted(found) ? { DPoP: await context.dpop.handle() } : {}),
  }
  const attempt = async (): Promise<TokenAnswer> =>
    tokenAnswer(
      await genericTokenEndpointRequest(
        asServer(found.metadata),
        client,
        identity.auth,
        grantType,
        sent,
        options,
      ),
      undefined,
      context.quirks(found.issuer).tokenTypes,
    )
  try {
    return await attempt()
  } catch (error) {
    // RFC 9449 §8: the handle has taken the nonce of the refusal.
    if (!(error instanceof OAuthError) || error.code !== 'use_dpop_nonce') throw error
    return attempt()
  }
}
