import { ConfigurationError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import type { ClientMetadata } from '../../protocol/client-metadata.ts'
import type { Client, ClientDirectory } from '../context.ts'
import { checkConfigured } from './configured.ts'
import { isSelfContained } from './ids.ts'
import type { StoredClients } from './stored.ts'

/** A client as the application sees it, without its secret. */
export interface RegisteredClient {
  /** Its `client_id`. */
  readonly id: string
  /**
   * `preregistered`: by the configuration or by `put`; `document`: the id is the URL of its metadata;
   * `registered`: by itself.
   */
  readonly kind: Client['kind']
  /** What the client calls itself. */
  readonly name: string | undefined
  /** Where authorization responses may go. */
  readonly redirectUris: readonly string[]
  /** How it authenticates at the token endpoint. */
  readonly authMethod: Client['authMethod']
  /** The grant types that it may use. */
  readonly grantTypes: readonly string[]
  /** Whether it is refused. */
  readonly blocked: boolean
  /** Seconds since the epoch. Only of a stored client. */
  readonly created?: number
  /** Seconds since the epoch. Absent: it does not expire. */
  readonly expires?: number
}

/** The clients of an embedded server. Each method rejects with UnavailableError if the store is down. */
export interface ClientAdministration {
  /**
   * The client, blocked or not; undefined: there is none. The document of a client that has one may be
   * fetched for it.
   */
  get(id: string): Promise<RegisteredClient | undefined>
  /**
   * Registers a client of the application's own, or replaces what is registered under its `client_id`: it is
   * trusted like one of the configuration and does not expire. Other isolates see the change within a minute.
   * To take it away, `block` it.
   *
   * @throws ConfigurationError if the metadata is wrong, or the id belongs to the configuration, to a
   * document or to a sealed registration.
   */
  put(client: ClientMetadata): Promise<void>
  /** Refuses this client and its tokens from now on. */
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
      const { created, expires } = times ?? {}
      const shown = { id, kind, name, redirectUris, authMethod, grantTypes, blocked }
      return { ...shown, ...defined({ created, expires }) }
    },
    async put(raw) {
      const client = checkConfigured(raw, 'client')
      if (directory.preregistered.has(client.id) || isSelfContained(client.id))
        throw new ConfigurationError(
          'client.client_id',
          `must be a free id; "${client.id}" belongs to the configuration, to a document or to a sealed registration`,
        )
      await stored.put(client)
    },
    block: (id) => directory.block(id),
  }
}
