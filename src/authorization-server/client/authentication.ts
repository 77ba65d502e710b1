import { clientIdUrl } from '../../protocol/client-id-url.ts'
import { invalidClient, readClientCredentials } from '../../protocol/token-request.ts'
import type { Client, Context } from '../context.ts'

/**
 * Who sends this token, revocation or introspection request (OAuth 2.1 §2.4). The registered method is the only one, and an assertion that
 * is sent must be valid. `mayFetch` is asked before a client's document is fetched, and before an assertion is judged of a client that
 * nobody but itself has registered. Rejects with `invalid_client` (401), the same for an unknown client and a wrong secret or assertion;
 * 429 after many of them.
 */
export async function authenticateClient(
  context: Context,
  request: Request,
  parameters: ReadonlyMap<string, string>,
  mayFetch: (clientId: string) => Promise<boolean>,
): Promise<Client> {
  const { method, candidates, assertion } = readClientCredentials(request, parameters)
  const { clients, limits } = context
  // What was sent as an id may be half of a secret, so events name only a client that there is.
  let known: string | undefined
  for (const { clientId, secret } of candidates) {
    // Only whoever shows a secret can be guessing one. Otherwise anybody could shut a public client out by its id, which is no secret.
    if (secret !== undefined) await limits.admit(request, clientId)
    // A document holds no secret, so a secret shows that this is somebody else, and nothing need be fetched.
    if (secret !== undefined && clientIdUrl(clientId) && !clients.preregistered.has(clientId)) continue
    let allowed: Promise<boolean> | undefined
    const isAllowed = (): Promise<boolean> => (allowed ??= mayFetch(clientId))
    const client = await clients.find(clientId, { request, mayFetch: isAllowed })
    if (client === undefined) continue
    known = clientId
    if (assertion !== undefined) {
      // Anybody can publish a document or register, and each assertion that is taken leaves a record in the store.
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
  // Nobody guesses a signature, so this shuts nobody out.
  else if (assertion !== undefined) await limits.attempt('assertion', request, clientId)
  throw invalidClient()
}

const accepts = ({ authMethod, eitherSecretMethod }: Client, method: Client['authMethod']): boolean =>
  method === authMethod || (eitherSecretMethod === true && method !== 'none')
