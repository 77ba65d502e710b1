import { allowInsecureRequests, customFetch, revocationRequest } from 'oauth4webapi'
import type { ClientContext } from './context.ts'
import { identityOf } from './identity.ts'
import { carrier, outgoing, withoutQuery } from './outgoing.ts'
import { keys, read, type ServerRecord, type TokenRecord } from './records.ts'
import { asServer } from './server-metadata.ts'
import { tokenKey } from './tokens.ts'

/** Forgets the tokens for this server, then revokes them where it can (RFC 7009). The registration stays. */
export async function signOut(context: ClientContext, server: string): Promise<void> {
  const found = await read<ServerRecord>(context.storage, await keys.server(server))
  if (found === undefined) return
  const at = await tokenKey(context, server, found)
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

async function revoke(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  tokens: TokenRecord,
): Promise<void> {
  const identity = await identityOf(context, found, tokens.clientId)
  if (found.metadata.revocation_endpoint === undefined || identity === undefined) return
  const hints = { refresh_token: tokens.refreshToken, access_token: tokens.accessToken }
  for (const [hint, token] of Object.entries(hints)) {
    if (token === undefined) continue
    try {
      await revocationRequest(
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
    } catch (error) {
      // The person is signed out here in any case.
      const event = { type: 'client.revocation-failed', level: 'warning', issuer: found.issuer } as const
      context.runtime.failed(error, 'revocation', { event })
    }
  }
}
