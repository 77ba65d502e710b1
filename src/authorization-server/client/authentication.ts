import { clientIdUrl } from '../../protocol/client-id.ts'
import { invalidClient, readClientCredentials } from '../../protocol/token-request.ts'
import type { Client, Context } from '../context.ts'

/**
 * Authenticates the client of a token, revocation or introspection request (OAuth 2.1 §2.4). Only its
 * registered method is accepted, and an assertion that is sent must be valid. `mayFetch` decides before the
 * client's document is fetched, and before the assertion of a client that is not pre-registered is verified.
 * Rejects with `invalid_client` (401), the same for an unknown client and for a wrong secret or assertion
 * (enumeration), and with 429 after many of them.
 */
export async function authenticateClient(
  context: Context,
  request: Request,
  parameters: ReadonlyMap<string, string>,
  mayFetch: (clientId: string) => Promise<boolean>,
): Promise<Client> {
  const { method, candidates, assertion } = readClientCredentials(request, parameters)
  const { clients, limits } = context
  // The sent id may be a part of a secret, so events name a client only if it exists.
  let known: string | undefined
  for (const { clientId, secret } of candidates) {
    // Brute force: only a request with a secret can be a guess. Other requests do not count, because the id
    // of a public client is known, and any caller could shut it out.
    if (secret !== undefined) await limits.admit(request, clientId)
    // A client with a metadata document has no secret, so this is another caller. Nothing is fetched (SSRF).
    if (secret !== undefined && clientIdUrl(clientId) && !clients.preregistered.has(clientId)) continue
    let allowed: Promise<boolean> | undefined
    const isAllowed = (): Promise<boolean> => (allowed ??= mayFetch(clientId))
    const client = await clients.find(clientId, { request, mayFetch: isAllowed })
    if (client === undefined) continue
    known = clientId
    if (assertion !== undefined) {
      // Any caller can publish a document or register, and each accepted assertion adds a record to the
      // store.
      if (client.kind !== 'preregistered' && !(await isAllowed())) continue
      if (await context.verifyAssertion(client, assertion)) return client
      continue
    }
    if (!accepts(client, method)) continue
    if (secret === undefined || (await client.checkSecret(secret))) return client
  }
  const { clientId, secret } = candidates[0]!
  context.runtime.event({
    type: 'client.rejected',
    level: 'warning',
    issuer: context.issuer,
    clientId: known,
    detail: known === undefined ? 'no such client' : 'wrong credentials',
    error: 'invalid_client',
    status: 401,
  })
  if (secret !== undefined) await limits.wrongSecret(request, clientId, known)
  // A signature cannot be guessed, so this limits the caller and does not shut out the client.
  else if (assertion !== undefined) await limits.attempt('assertion', request, clientId)
  throw invalidClient()
}

const accepts = ({ authMethod, eitherSecretMethod }: Client, method: Client['authMethod']): boolean =>
  method === authMethod || (eitherSecretMethod === true && method !== 'none')
