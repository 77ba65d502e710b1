import { allowInsecureRequests, customFetch, None, revocationRequest } from 'oauth4webapi'
import { OAuthError } from '../../errors.ts'
import type { ClientContext } from '../context.ts'
import { heldTokens } from './held-tokens.ts'
import { identityOf } from '../identity/identity.ts'
import { carrier, outgoing, withoutQuery } from '../outgoing.ts'
import { read, type ServerRecord, type TokenRecord } from '../storage/records.ts'
import { successBody } from './token-answer.ts'
import { asServer, checkEndpoint } from '../discovery/server-metadata.ts'

/**
 * Forgets all tokens for this server, then revokes them at the servers that issued them (RFC 7009), whatever the server's metadata
 * say by now. The registration stays. Rejects with `unknown_server` for a URL that this client never dealt with.
 */
export async function signOut(context: ClientContext, server: string): Promise<void> {
  const held = await heldTokens(context, server)
  if (held === undefined)
    throw new OAuthError(
      'unknown_server',
      `${withoutQuery(server)} has no tokens here, and never had any: pass the URL that the client connected to`,
    )
  for (const [at, found] of held) {
    // Under the lock of a renewal, so that none brings the tokens back.
    await context.storage.exclusively(at, async () => {
      const tokens = await read<TokenRecord>(context.storage, at)
      await context.storage.delete(at)
      if (tokens !== undefined) await revoke(context, server, found, tokens)
    })
    context.runtime.event({
      type: 'client.signed-out',
      level: 'info',
      issuer: found.issuer,
      resource: withoutQuery(server),
    })
  }
}

async function revoke(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  tokens: TokenRecord,
): Promise<void> {
  // A registration that is gone may have been a public one, which needs no more than its id.
  const forgotten = { clientId: tokens.clientId, auth: None() }
  const identity = (await identityOf(context, found, tokens.clientId)) ?? forgotten
  if (found.metadata.revocation_endpoint === undefined) return
  const hints = { refresh_token: tokens.refreshToken, access_token: tokens.accessToken }
  for (const [hint, token] of Object.entries(hints)) {
    if (token === undefined) continue
    try {
      checkEndpoint(context, found.issuer, found.metadata.revocation_endpoint)
      const answer = await revocationRequest(
        asServer(found.metadata),
        { client_id: identity.clientId },
        identity.auth,
        token,
        {
          additionalParameters: { token_type_hint: hint },
          [customFetch]: carrier(outgoing(context, server)),
          [allowInsecureRequests]: true,
        },
      )
      await successBody(answer)
    } catch (error) {
      // The person is signed out here in any case.
      const event = { type: 'client.revocation-failed', level: 'warning', issuer: found.issuer } as const
      context.runtime.failed(error, 'revocation', { event })
    }
  }
}
