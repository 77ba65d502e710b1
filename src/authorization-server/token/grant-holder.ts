import type { Context } from '../context.ts'
import { namedGrant } from './format.ts'
import { readAccessToken } from './tokens.ts'

/**
 * Whether the code or token of this request belongs to a live grant of this client. Only then is its metadata document fetched: otherwise
 * anybody could have this server request any URL (SSRF, port scan), since nothing of such a request is authenticated yet.
 */
export async function isGrantHolder(
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
