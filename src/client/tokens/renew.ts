import { OAuthError, UnavailableError } from '../../errors.ts'
import { acquireTokens } from '../interactive/acquire.ts'
import { targetParameters } from '../interactive/authorization.ts'
import type { ClientContext } from '../context.ts'
import { entryFor } from '../discovery/entry.ts'
import { forget, identityOf, isForgotten } from '../identity/identity.ts'
import { keys, read, type ServerRecord, type TokenRecord } from '../storage/records.ts'
import { covers } from '../discovery/resource-metadata.ts'
import { requestTokens } from './token-request.ts'
import { tokenKey } from './token-key.ts'
import { isExpired, isFresh, keepTokens, readTokens } from './tokens.ts'

/** What there is for a URL, and why it could not be renewed. */
export interface StoredTokens {
  tokens: TokenRecord | undefined
  failure?: { error: unknown; endpoint: string | undefined }
}

/**
 * The tokens for this URL from before, renewed where needed. Where that fails the old ones go out all the same: the 401 leads to where the
 * server issues its tokens now, and nobody who was signed in becomes anonymous by accident.
 */
export async function storedTokens(context: ClientContext, url: string): Promise<StoredTokens> {
  const found = await read<ServerRecord>(context.storage, await keys.server(url))
  // Of one path, each query may be a resource of its own.
  if (found?.resource !== undefined && !covers(found.resource, url)) return { tokens: undefined }
  if (found === undefined) return { tokens: undefined }
  // The host may have taken the server off its list since then.
  entryFor(context, url, found.issuer)
  const at = await tokenKey(context, url, found)
  const stored = await readTokens(context, at)
  if (stored === undefined || usable(context, at, stored)) return { tokens: stored }
  try {
    if (context.options.grant === undefined)
      return { tokens: (await currentTokens(context, url, found, at)) ?? stored }
    // Nobody has to be asked. Looked up and acquired as one: who comes a moment later finds what has just been stored.
    const tokens = await context.renewals.run(
      `grant ${at}`,
      async () =>
        (await currentTokens(context, url, found, at)) ?? acquireTokens(context, url, found, stored.asked),
    )
    return { tokens }
  } catch (error) {
    return { tokens: stored, failure: { error, endpoint: found.metadata.token_endpoint } }
  }
}

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
  if (usable(context, at, stored, rejected)) return stored
  if (stored === undefined) return undefined
  return context.renewals.run(`${at} ${rejected ?? ''}`, () =>
    context.storage.exclusively(at, async () => {
      // Somebody else may have renewed while we waited.
      const latest = await readTokens(context, at)
      if (latest === undefined || usable(context, at, latest, rejected)) return latest
      return renew(context, server, found, at, latest, rejected)
    }),
  )
}

function usable(
  context: ClientContext,
  at: string,
  record: TokenRecord | undefined,
  rejected?: string,
): boolean {
  if (record === undefined || record.accessToken === rejected) return false
  const paused = (context.pauses.get(at) ?? 0) > context.runtime.clock()
  return isFresh(context, record) || (paused && !isExpired(context, record))
}

/** Only where a quirk says that the provider is like that: a server that refuses our resource must be believed otherwise. */
function mayOmitResource(context: ClientContext, { issuer }: ServerRecord, error: unknown): boolean {
  if (!context.quirks(issuer).retryRefreshWithoutResource) return false
  if (!(error instanceof OAuthError) || error.status !== 400 || isForgotten(error)) return false
  const about = { issuer, error: error.code, detail: error.message }
  context.runtime.event({ type: 'client.resource-refused', level: 'warning', ...about })
  return true
}

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
    const refresh = (target: Record<string, string | undefined>): ReturnType<typeof requestTokens> =>
      requestTokens(context, server, found, identity, 'refresh_token', {
        refresh_token: refreshToken,
        ...target,
      })
    const answer = await refresh(targetParameters(context, server, found)).catch((error: unknown) => {
      if (!mayOmitResource(context, found, error)) throw error
      return refresh({})
    })
    // Stored before it is used: a crash must not lose a rotated token.
    return await keepTokens(context, at, found, answer, { server, clientId, asked, before: tokens })
  } catch (error) {
    const known = error instanceof OAuthError
    const dead = known && (error.code === 'invalid_grant' || isForgotten(error))
    if (!dead && good !== undefined) {
      // Not at each request of its last minute.
      const pause = Math.min((known && error.retryAfter) || 5, 60)
      context.pauses.set(at, context.runtime.clock() + pause)
      const event = { type: 'client.refresh-failed', level: 'warning', issuer: found.issuer } as const
      context.runtime.failed(error, 'renewal', { event })
      return good
    }
    if (!known || error instanceof UnavailableError || error.code === 'invalid_response') throw error
    // Many servers have another code for a dead refresh token: whatever they say, the way out is a new authorization.
    if (dead) await context.storage.delete(at)
    if (isForgotten(error)) await forget(context, found.issuer, clientId)
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
