import { ConfigurationError } from '../../errors.ts'
import type { ClientMetadata } from '../../protocol/client-metadata.ts'
import type { Client, ClientDirectory } from '../context.ts'
import { checkConfigured } from './directory.ts'
import { belongsElsewhere, type StoredClients } from './stored.ts'

/** A client as the application sees it; of its secret nothing. */
export interface RegisteredClient {
  readonly id: string
  /** `preregistered`: by the configuration or by `put`; `document`: the id is the URL of its metadata; `registered`: by itself. */
  readonly kind: Client['kind']
  /** What it calls itself. */
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly authMethod: Client['authMethod']
  readonly grantTypes: readonly string[]
  readonly blocked: boolean
  /** Seconds since the epoch, of a client that lies in the store. */
  readonly created?: number
  /** Seconds since the epoch. Absent: it does not expire. */
  readonly expires?: number
}

export interface ClientAdministration {
  /** The client, blocked or not; undefined: there is none. The document of a client that has one may be fetched for it. */
  get(id: string): Promise<RegisteredClient | undefined>
  /**
   * Registers a client of the application's own, or replaces what is registered under its `client_id`: it is trusted like one of the
   * configuration and does not expire. Other isolates see the change within a minute. To take it away, `block` it.
   *
   * @throws ConfigurationError where the metadata is wrong, or the id belongs to the configuration, to a document or to a sealed registration.
   */
  put(client: ClientMetadata): Promise<void>
  /** Refuses this client from now on, with all its tokens. */
  block(id: string): Promise<void>
}

export function createAdministration(
  directory: ClientDirectory,
  stored: StoredClients,
): ClientAdministration {
  return {
    async get(id) {
      const client = await directory.lookUp(id)
      if (client === undefined) return undefined
      const { kind, name, redirectUris, authMethod, grantTypes } = client
      const [blocked, times] = await Promise.all([directory.isBlocked(id), stored.times(id)])
      const created = times === undefined ? {} : { created: times.created }
      const expires = times?.expires === undefined ? {} : { expires: times.expires }
      return { id, kind, name, redirectUris, authMethod, grantTypes, blocked, ...created, ...expires }
    },
    async put(raw) {
      const client = checkConfigured(raw, 'client')
      if (directory.preregistered.has(client.id) || belongsElsewhere(client.id))
        throw new ConfigurationError('client.client_id', 'belongs to the configuration, or is no free id')
      await stored.put(client)
    },
    block: (id) => directory.block(id),
  }
}
