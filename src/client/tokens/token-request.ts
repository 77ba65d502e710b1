import { isOAuthError } from '../../errors.ts'
import { createOAuthFetch } from '../../http/oauth-fetch.ts'
import {
  postTokenRequest,
  readTokenAnswer,
  type TokenAnswer,
  type TokenParameters,
} from '../../http/token-endpoint.ts'
import type { Connection } from '../connection.ts'
import { asServer } from '../discovery/server-metadata.ts'
import type { ClientIdentity } from '../identity/identity.ts'

/**
 * One request to the token endpoint. Rejects with the server's error code; with UnavailableError if the
 * server is out of reach, and then it is unknown what became of the grant.
 */
export async function requestTokens(
  { context, found, outgoing }: Connection,
  identity: ClientIdentity,
  grantType: string,
  parameters: TokenParameters,
): Promise<TokenAnswer> {
  const dpop = context.dpop.isUsedFor(found) ? { DPoP: await context.dpop.handle() } : {}
  const request = async (): Promise<TokenAnswer> => {
    const response = await postTokenRequest(
      asServer(found.metadata),
      identity,
      grantType,
      parameters,
      createOAuthFetch(outgoing),
      dpop,
    )
    return readTokenAnswer(response, undefined, context.quirksOf(found.issuer).tokenTypes)
  }
  try {
    return await request()
  } catch (error) {
    // RFC 9449 §8: the handle has taken the nonce from the refusal.
    if (!isOAuthError(error) || error.code !== 'use_dpop_nonce') throw error
    return request()
  }
}
