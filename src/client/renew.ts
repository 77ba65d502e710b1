import { OAuthError, UnavailableError } from '../errors.ts'
import { targetParameters } from './authorization.ts'
import type { ClientContext } from './context.ts'
import { forget, identityOf, isForgotten } from './identity.ts'
import type { ServerRecord, TokenRecord } from './records.ts'
import { requestTokens } from './token-request.ts'
import { isExpired, isFresh, keepTokens, readTokens } from './tokens.ts'

/**
 * A usable token for this key, renewed where needed: once for all callers in this process and, under the storage's lock, in
 * all others. `rejected` is a token that the server refused. Undefined: a new authorization is needed.
 */
export async function currentTokens(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  at: string,
  rejected?: string,
): Promise<TokenRecord | undefined> {
  const stored = await readTokens(context, at)
  if (usable(context, stored, rejected)) return stored
  if (stored === undefined) return undefined
  return context.renewals.run(`${at} ${rejected ?? ''}`, () =>
    context.storage.exclusively(at, async () => {
      // Somebody else may have renewed while we waited.
      const latest = await readTokens(context, at)
      if (latest === undefined || usable(context, latest, rejected)) return latest
      return renew(context, server, found, at, latest, rejected)
    }),
  )
}

const usable = (
  context: ClientContext,
  record: TokenRecord | undefined,
  rejected: string | undefined,
): boolean => record !== undefined && record.accessToken !== rejected && isFresh(context, record)

async function renew(
  context: ClientContext,
  server: string,
  found: ServerRecord,
  at: string,
  tokens: TokenRecord,
  rejected: string | undefined,
): Promise<TokenRecord | undefined> {
  const good = tokens.accessToken !== rejected && !isExpired(context, tokens) ? tokens : undefined
  const { refreshToken, clientId, asked } = tokens
  const identity = refreshToken === undefined ? undefined : await identityOf(context, found, clientId)
  // Tokens stay with the issuer that made them.
  if (refreshToken === undefined || identity === undefined || tokens.issuer !== found.issuer) return good
  try {
    const answer = await requestTokens(context, server, found, identity, 'refresh_token', {
      refresh_token: refreshToken,
      ...targetParameters(context, server, found),
    })
    // Stored before it is used: a crash must not lose a rotated token.
    return await keepTokens(context, at, found, answer, { clientId, asked, before: tokens })
  } catch (error) {
    if (error instanceof UnavailableError && good !== undefined) return good
    if (!(error instanceof OAuthError) || !(error.code === 'invalid_grant' || isForgotten(error))) throw error
    await context.storage.delete(at)
    if (isForgotten(error)) await forget(context, found.issuer, clientId)
    context.runtime.event({
      type: 'client.refresh-refused',
      level: 'warning',
      issuer: found.issuer,
      error: error.code,
    })
    return undefined
  }
}
