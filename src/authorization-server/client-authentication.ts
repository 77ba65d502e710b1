import { clientIdUrl } from '../protocol/client-id-url.ts'
import { invalidClient, readClientCredentials } from '../protocol/token-request.ts'
import type { Client, Context } from './context.ts'

/**
 * Who sends this token, revocation or introspection request (OAuth 2.1 §2.4). The registered method is the only one.
 * Rejects with `invalid_client` (401), the same for an unknown client and a wrong secret; 429 after many wrong secrets.
 */
export async function authenticateClient(
  context: Context,
  request: Request,
  parameters: ReadonlyMap<string, string>,
): Promise<Client> {
  const { method, candidates } = readClientCredentials(request, parameters)
  for (const { clientId, secret } of candidates) {
    await context.limits.admit(request, clientId)
    // Whoever has a document is public: a secret shows that this is somebody else, and nothing need be fetched.
    if (secret !== undefined && clientIdUrl(clientId) && !context.clients.preregistered.has(clientId))
      continue
    const client = await context.clients.find(clientId)
    if (client === undefined || !accepts(client, method)) continue
    if (secret === undefined || (await client.checkSecret(secret))) return client
  }
  const { clientId, secret } = candidates[0]!
  context.runtime.event({
    type: 'client.rejected',
    level: 'warning',
    issuer: context.issuer,
    clientId,
    error: 'invalid_client',
    status: 401,
  })
  if (secret !== undefined) await context.limits.wrongSecret(request, clientId)
  throw invalidClient()
}

const accepts = ({ authMethod, eitherSecretMethod }: Client, method: Client['authMethod']): boolean =>
  method === authMethod || (eitherSecretMethod === true && method !== 'none')
