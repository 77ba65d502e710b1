import { allowInsecureRequests, customFetch, None, revocationRequest } from 'oauth4webapi'
import { OAuthError } from '../../errors.ts'
import { readAnswer } from '../../http/answers.ts'
import type { Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { asServer, checkEndpoint } from '../discovery/server-metadata.ts'
import { findIdentity } from '../identity/identity.ts'
import { createOAuthFetch } from '../../http/oauth-fetch.ts'
import { readRecord, tokenRecord, type TokenRecord } from '../records.ts'
import { findIssuers } from './token-index.ts'
import { withoutQuery } from '../urls.ts'

/**
 * Deletes all tokens for this server, then revokes them at the servers that issued them (RFC 7009), whatever
 * the server's metadata say by now. The registration stays. Rejects with `unknown_server` for a URL that this
 * client never connected to.
 */
export async function signOut(context: ClientContext, server: string): Promise<void> {
  const connections = await findIssuers(context, server)
  if (connections === undefined)
    throw new OAuthError(
      'unknown_server',
      `The client never connected to ${withoutQuery(server)}: pass the URL that was passed to fetch()`,
    )
  for (const connection of connections) {
    const { found, tokenKey } = connection
    // Under the lock of a renewal, so that no renewal stores the tokens again.
    await context.storage.exclusively(tokenKey, async () => {
      const tokens = await readRecord(context, tokenRecord, tokenKey)
      await context.storage.delete(tokenKey)
      if (tokens?.issuer === found.issuer) await revoke(connection, tokens)
    })
    context.runtime.event({
      type: 'client.signed-out',
      level: 'info',
      issuer: found.issuer,
      resource: withoutQuery(server),
    })
  }
}

async function revoke(connection: Connection, tokens: TokenRecord): Promise<void> {
  const { context, found, outgoing } = connection
  // A registration that is gone may have been a public one, which needs no more than its id.
  const unknown = { clientId: tokens.clientId, auth: None() }
  const { clientId, auth } = (await findIdentity(connection, tokens.clientId)) ?? unknown
  const { revocation_endpoint: endpoint } = found.metadata
  if (endpoint === undefined) return
  const hints = { refresh_token: tokens.refreshToken, access_token: tokens.accessToken }
  for (const [hint, token] of Object.entries(hints)) {
    if (token === undefined) continue
    try {
      checkEndpoint(context, found.issuer, endpoint)
      const client = { client_id: clientId }
      const answer = await revocationRequest(asServer(found.metadata), client, auth, token, {
        additionalParameters: { token_type_hint: hint },
        [customFetch]: createOAuthFetch(outgoing),
        [allowInsecureRequests]: true,
      })
      await readAnswer(answer)
    } catch (error) {
      // The user is signed out here in any case.
      const event = { type: 'client.revocation-failed', level: 'warning', issuer: found.issuer } as const
      context.runtime.failed(error, 'revocation', { event })
    }
  }
}
