import {
  allowInsecureRequests,
  customFetch,
  genericTokenEndpointRequest,
  type AuthorizationServer,
  type ClientAuth,
} from 'oauth4webapi'
import { isOAuthError } from '../../errors.ts'
import type { Fetch } from '../../types.ts'
import type { Connection } from '../connection.ts'
import { asServer } from '../discovery/server-metadata.ts'
import type { ClientIdentity } from '../identity/identity.ts'
import { createOAuthFetch } from '../outgoing.ts'
import type { TokenAnswer } from '../types.ts'
import { readTokenAnswer } from './token-answer.ts'

type Parameters = Readonly<Record<string, string | undefined>>

/**
 * One request to the token endpoint. Rejects with the server's error code; with UnavailableError if the
 * server is out of reach, and then it is unknown what became of the grant.
 */
export async function requestTokens(
  { context, found, outgoing }: Connection,
  identity: ClientIdentity,
  grantType: string,
  parameters: Parameters,
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

/** The request of oauth4webapi, without its reading of the answer. */
export function postTokenRequest(
  server: AuthorizationServer,
  { clientId, auth }: { clientId: string; auth: ClientAuth },
  grantType: string,
  parameters: Parameters,
  fetch: Fetch,
  options: object = {},
): Promise<Response> {
  const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return genericTokenEndpointRequest(server, { client_id: clientId }, auth, grantType, sent, {
    ...options,
    [customFetch]: fetch,
    // The fetch decides which http is allowed.
    [allowInsecureRequests]: true,
  })
}
