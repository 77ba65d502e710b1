import { formatScope } from '../../protocol/scope.ts'
import type { Connection } from '../connection.ts'
import { isConfiguredIssuer } from '../discovery/preregistered.ts'
import { forgetRegistration, identify, isUnknownClient } from '../identity/identity.ts'
import { createOAuthFetch } from '../../http/oauth-fetch.ts'
import { saveRecord, serverRecord, type TokenRecord } from '../records.ts'
import { limitToConfigured } from '../scopes.ts'
import type { UnattendedGrant, GrantRequest } from '../types.ts'
import { targetParameters } from './target.ts'
import { requestTokens } from './token-request.ts'
import { saveTokens } from './tokens.ts'
import { recordKeys } from '../record-keys.ts'

/** New tokens by a grant without a user. */
export async function acquireByGrant(
  connection: Connection,
  grant: UnattendedGrant,
  wanted: string[] | undefined,
): Promise<TokenRecord> {
  const { context, server, found, outgoing } = connection
  const { issuer } = found
  const scopes = limitToConfigured(wanted, context.options.scopes)
  const identity = await identify(connection, undefined)
  const request: GrantRequest = {
    server,
    issuer,
    issuerIsConfigured: isConfiguredIssuer(context, issuer),
    resource: found.resource ?? server,
    parameters: { ...targetParameters(connection), scope: scopes && formatScope(scopes) },
    requestTokens: (grantType, parameters) => requestTokens(connection, identity, grantType, parameters),
    fetch: createOAuthFetch(outgoing),
    clock: context.runtime.clock,
  }
  const answer = await grant(request).catch(async (error: unknown) => {
    if (isUnknownClient(error)) await forgetRegistration(context, issuer, identity.clientId)
    throw error
  })
  const tokens = await saveTokens(connection, answer, { clientId: identity.clientId, asked: scopes })
  await saveRecord(context, serverRecord, await recordKeys.server(server), found)
  return tokens
}
