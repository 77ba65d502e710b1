import { ConfigurationError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import type { Client, Resource } from '../context.ts'

/**
 * The resource servers that may introspect, as clients without redirect URIs and grant types, so that they
 * can do nothing else. A client id is the resource's identifier. Throws ConfigurationError if a configured
 * client has that id.
 */
export function resourceServerClients(
  resources: readonly Resource[],
  clients: ReadonlyMap<string, Client>,
): Map<string, Client> {
  const servers = new Map<string, Client>()
  for (const resource of resources) {
    if (resource.introspectionSecrets.length === 0) continue
    if (clients.has(resource.resource))
      throw new ConfigurationError('clients', `${resource.resource} is the id of a resource server`)
    servers.set(resource.resource, resourceServerClient(resource))
  }
  return servers
}

function resourceServerClient({ resource, name, introspectionSecrets }: Resource): Client {
  const hashOf = (secret: string): Promise<string> => sha256(secret, 'client-secret')
  const expected = Promise.all(introspectionSecrets.map(hashOf))
  return {
    id: resource,
    kind: 'preregistered',
    name,
    redirectUris: [],
    authMethod: 'client_secret_basic',
    eitherSecretMethod: true,
    grantTypes: [],
    metadataHash: resource,
    async checkSecret(given) {
      const hash = await hashOf(given)
      return (await expected).map((each) => constantTimeEqual(hash, each)).includes(true)
    },
  }
}
