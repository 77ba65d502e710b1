import type { Connection } from '../connection.ts'
import { acquireByUser } from '../interactive/user-authorization.ts'
import type { TokenRecord } from '../records.ts'
import { acquireByGrant } from '../tokens/grant-request.ts'

/**
 * New tokens, by the grant without a user or by asking the user; parallel callers share the request. Rejects
 * with {@link AuthorizationRequiredError} if the application has to send the user there itself. `rejected` is
 * an access token that the server refused.
 */
export async function acquireTokens(
  connection: Connection,
  scopes: string[] | undefined,
  rejected?: string,
): Promise<TokenRecord> {
  const { context, tokenKey } = connection
  const { grant } = context.options
  const name = `${tokenKey} ${scopes?.toSorted().join(' ') ?? ''}`
  if (grant === undefined) return acquireByUser(connection, name, scopes, rejected)
  return context.acquisitions.run(name, () => acquireByGrant(connection, grant, scopes))
}
