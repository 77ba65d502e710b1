import { connect } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { findPreregistered } from '../discovery/preregistered.ts'
import { covers } from '../discovery/resource-metadata.ts'
import { readRecord, serverRecord, type TokenRecord } from '../records.ts'
import { currentTokens, isUsable } from '../tokens/renew.ts'
import { readTokens } from '../tokens/tokens.ts'
import { acquireTokens } from './acquire.ts'
import { recordKeys } from '../record-keys.ts'

/** The stored tokens for a URL, and why they could not be renewed. */
export interface StoredTokens {
  tokens: TokenRecord | undefined
  failure?: { error: unknown; endpoint: string | undefined }
}

/**
 * The tokens for this URL from before, renewed if necessary. If that fails, the old ones are sent all the
 * same: the 401 leads to where the server issues its tokens now, and a signed-in user does not become
 * anonymous by accident.
 */
export async function storedTokens(context: ClientContext, url: string): Promise<StoredTokens> {
  const found = await readRecord(context, serverRecord, await recordKeys.server(url))
  // Each query of a path may be a resource of its own.
  if (found === undefined || (found.resource !== undefined && !covers(found.resource, url)))
    return { tokens: undefined }
  // The application may have removed the server from `clients` since then.
  findPreregistered(context, url, found.issuer)
  const connection = await connect(context, url, found)
  const stored = await readTokens(connection)
  if (stored === undefined || isUsable(connection, stored)) return { tokens: stored }
  try {
    if (context.options.grant === undefined) return { tokens: (await currentTokens(connection)) ?? stored }
    // No user has to be asked. One flight for both steps: a caller that comes later finds what has just been
    // stored.
    const tokens = await context.renewals.run(
      `grant ${connection.tokenKey}`,
      async () => (await currentTokens(connection)) ?? acquireTokens(connection, stored.asked),
    )
    return { tokens }
  } catch (error) {
    return { tokens: stored, failure: { error, endpoint: found.metadata.token_endpoint } }
  }
}
