import type { Context } from '../context.ts'
import { namedGrant } from './format.ts'
import { readAccessToken } from './access-token.ts'

/**
 * Whether the code or token of this request belongs to a live grant of this client. SSRF: a metadata document
 * is fetched only then, because nothing of the request is authenticated yet, and any caller could make this
 * server request any URL.
 */
export async function holdsGrant(
  context: Context,
  parameters: ReadonlyMap<string, string>,
  clientId: string,
): Promise<boolean> {
  for (const name of ['code', 'refresh_token', 'token']) {
    const grantId = namedGrant(parameters.get(name) ?? '')
    if (grantId !== undefined && (await context.grants.live(grantId))?.client === clientId) return true
  }
  const token = parameters.get('token')
  return token !== undefined && (await readAccessToken(context, token))?.claims.client_id === clientId
}
