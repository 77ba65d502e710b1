import { isOAuthError, isUnavailableError } from '../../errors.ts'
import type { Connection } from '../connection.ts'
import { findIdentity, forgetRegistration, isUnknownClient } from '../identity/identity.ts'
import type { TokenRecord } from '../records.ts'
import type { TokenAnswer } from '../types.ts'
import { targetParameters } from './target.ts'
import { requestTokens } from './token-request.ts'
import { isExpired, isFresh, readTokens, saveTokens } from './tokens.ts'

/**
 * The usable token of this connection, renewed if necessary: once for all callers in this process and, under
 * the storage's lock, in all others. `rejected` is an access token that the server refused. Undefined: a new
 * authorization is needed.
 */
export async function currentTokens(
  connection: Connection,
  rejected?: string,
): Promise<TokenRecord | undefined> {
  const { context, tokenKey } = connection
  const stored = await readTokens(connection)
  if (isUsable(connection, stored, rejected)) return stored
  if (stored === undefined) return undefined
  return context.renewals.run(`${tokenKey} ${rejected ?? ''}`, () =>
    context.storage.exclusively(tokenKey, async () => {
      // Another process may have renewed meanwhile.
      const latest = await readTokens(connection)
      if (latest === undefined || isUsable(connection, latest, rejected)) return latest
      return renew(connection, latest, rejected)
    }),
  )
}

/** Whether the token can be sent as it is. */
export function isUsable(
  { context, tokenKey }: Connection,
  record: TokenRecord | undefined,
  rejected?: string,
): boolean {
  if (record === undefined || record.accessToken === rejected) return false
  const paused = (context.renewalPauses.get(tokenKey) ?? 0) > context.runtime.clock()
  return isFresh(context, record) || (paused && !isExpired(context, record))
}

async function renew(
  connection: Connection,
  tokens: TokenRecord,
  rejected: string | undefined,
): Promise<TokenRecord | undefined> {
  const { context, found, tokenKey } = connection
  const usable = tokens.accessToken !== rejected && !isExpired(context, tokens) ? tokens : undefined
  const { refreshToken, clientId, asked } = tokens
  const identity = refreshToken === undefined ? undefined : await findIdentity(connection, clientId)
  if (refreshToken === undefined || identity === undefined) return usable
  try {
    const refresh = (target: Record<string, string | undefined>): Promise<TokenAnswer> =>
      requestTokens(connection, identity, 'refresh_token', { refresh_token: refreshToken, ...target })
    const answer = await refresh(targetParameters(connection)).catch((error: unknown) => {
      if (!mayOmitResource(connection, error)) throw error
      return refresh({})
    })
    // Stored before it is used: a crash must not lose a rotated token.
    return await saveTokens(connection, answer, { clientId, asked, before: tokens })
  } catch (error) {
    const known = isOAuthError(error)
    const dead = known && (error.code === 'invalid_grant' || isUnknownClient(error))
    if (!dead && usable !== undefined) {
      // Otherwise each request of the token's last minute would try again.
      const pause = Math.min((known && error.retryAfter) || 5, 60)
      context.renewalPauses.set(tokenKey, context.runtime.clock() + pause)
      const event = { type: 'client.refresh-failed', level: 'warning', issuer: found.issuer } as const
      context.runtime.failed(error, 'renewal', { event })
      return usable
    }
    if (!known || isUnavailableError(error) || error.code === 'invalid_response') throw error
    // Many servers have another code for a dead refresh token: after any error a new authorization is the way
    // out.
    if (dead) await context.storage.delete(tokenKey)
    if (isUnknownClient(error)) await forgetRegistration(context, found.issuer, clientId)
    context.runtime.event({
      type: 'client.refresh-refused',
      level: 'warning',
      issuer: found.issuer,
      error: error.code,
      detail: error.message,
    })
    return undefined
  }
}

/** Only if a quirk says that the provider needs it: the refusal of our resource counts otherwise. */
function mayOmitResource({ context, found: { issuer } }: Connection, error: unknown): boolean {
  if (!context.quirksOf(issuer).retryRefreshWithoutResource) return false
  if (!isOAuthError(error) || error.status !== 400 || isUnknownClient(error)) return false
  const about = { issuer, error: error.code, detail: error.message }
  context.runtime.event({ type: 'client.resource-refused', level: 'warning', ...about })
  return true
}
