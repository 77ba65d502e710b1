import {
  allowInsecureRequests,
  customFetch,
  genericTokenEndpointRequest,
  isDPoPNonceError,
  processGenericTokenEndpointResponse,
  ResponseBodyError,
  type TokenEndpointResponse,
} from 'oauth4webapi'
import { OAuthError, UnavailableError } from '../errors.ts'
import { oneLine } from '../lib/runtime.ts'
import type { ClientContext } from './context.ts'
import { refused } from './errors.ts'
import type { ClientIdentity } from './identity.ts'
import { carrier, code, outgoing } from './outgoing.ts'
import type { ServerRecord } from './records.ts'
import { asServer } from './server-metadata.ts'

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
): Promise<TokenEndpointResponse> {
  const metadata = asServer(found.metadata)
  const client = { client_id: identity.clientId }
  const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const dpop = context.dpop.wanted(found) ? { DPoP: await context.dpop.handle() } : {}
  const attempt = async (): Promise<TokenEndpointResponse> => {
    const response = await genericTokenEndpointRequest(metadata, client, identity.auth, grantType, sent, {
      [customFetch]: carrier(outgoing(context, server), 200),
      // The guarded fetch decides which http is allowed.
      [allowInsecureRequests]: true,
      ...dpop,
    })
    return processGenericTokenEndpointResponse(metadata, client, response)
  }
  return explained(async () => {
    try {
      return await attempt()
    } catch (error) {
      // RFC 9449 §8: the handle has taken the nonce of the refusal.
      if (!isDPoPNonceError(error)) throw error
      return attempt()
    }
  })
}

/** Errors of oauth4webapi as ours. Their causes hold requests and bodies, so they end here. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof OAuthError) throw error
    if (error instanceof ResponseBodyError) throw asOAuthError(error)
    throw refused(
      'invalid_response',
      'The authorization server answered something else than OAuth prescribes',
    )
  }
}

function asOAuthError({ error, error_description, status }: ResponseBodyError): OAuthError {
  if (error === 'server_error' || error === 'temporarily_unavailable')
    return new UnavailableError('The authorization server has a problem at the moment')
  return new OAuthError(code(error), harmless(error_description) || 'The authorization server refused', {
    status,
  })
}

/** Long words may be a credential that the server quotes. */
const harmless = (text: string | undefined): string =>
  oneLine(text ?? '').replaceAll(/[A-Za-z0-9_~+/.=-]{16,}/g, '…')
