import { ConfigurationError } from '../../errors.ts'
import { hasHash, hashSecret } from '../client/secret.ts'
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
      throw new ConfigurationError(
        'clients',
        `must not list "${resource.resource}", which is the id of a resource server`,
      )
    servers.set(resource.resource, resourceServerClient(resource))
  }
  return servers
}

function resourceServerClient({ resource, name, introspectionSecrets }: Resource): Client {
  return {
    id: resource,
    kind: 'preregistered',
    name,
    redirectUris: [],
    authMethod: 'client_secret_basic',
    eitherSecretMethod: true,
    grantTypes: [],
    metadataHash: resource,
    checkSecret: async (given) => hasHash(given, await Promise.all(introspectionSecrets.map(hashSecret))),
  }
}
