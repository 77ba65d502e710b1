import { ConfigurationError, isOAuthError } from '../../errors.ts'
import { list, oneOf, optionError, secret as secretRow, text } from '../../lib/options.ts'
import {
  defaultGrantTypes,
  parseClientMetadata,
  type ClientMetadata,
} from '../../protocol/client-metadata.ts'
import type { Client } from '../context.ts'
import { createClient } from './client.ts'
import { hasHash, hashSecret } from './secret.ts'

/** The clients of the configuration, by id. Throws ConfigurationError. */
export function preregisteredClients(clients: readonly ClientMetadata[]): ReadonlyMap<string, Client> {
  if (!Array.isArray(clients)) throw optionError('clients', 'a list of clients', clients)
  const byId = new Map<string, Client>()
  for (const [i, raw] of (clients as readonly ClientMetadata[]).entries()) {
    const client = preregistered(raw, `clients[${i}]`)
    if (byId.has(client.id))
      throw new ConfigurationError(`clients[${i}].client_id`, 'must be listed once; it is listed twice')
    byId.set(client.id, client)
  }
  return byId
}

/** A client that the application configures, with checked metadata. */
export interface ConfiguredClient {
  id: string
  metadata: ClientMetadata
  secret: string | undefined
  /** It has a secret and names no method, so it may send the secret in the header or in the body. */
  either: boolean
}

/**
 * Checks a client that the application configures. Its redirect URIs may have any private-use scheme. Throws
 * ConfigurationError.
 */
export function checkConfigured(raw: ClientMetadata, option: string): ConfiguredClient {
  const id = text().required(raw?.client_id, `${option}.client_id`)
  const { client_secret: secret, token_endpoint_auth_method: method } = raw
  // Brute force: a short secret can be guessed, and a slow hash does not prevent that at the rate of a server
  // (OAuth 2.1 §2.4.1).
  if (secret !== undefined && secretRow().required(secret, `${option}.client_secret`).length < 16)
    throw new ConfigurationError(
      `${option}.client_secret`,
      'must have at least 16 random characters: openssl rand -base64 24',
    )
  const needsSecret = method === undefined ? secret !== undefined : String(method).startsWith('client_secret')
  if (needsSecret !== (secret !== undefined))
    throw optionError(
      `${option}.token_endpoint_auth_method`,
      secret === undefined
        ? 'a method without a secret, because client_secret is missing'
        : 'a method with a secret',
      method,
    )
  checkOffered(raw, option)
  let metadata: ClientMetadata
  try {
    metadata = parseClientMetadata(raw)
  } catch (error) {
    throw isOAuthError(error) ? new ConfigurationError(option, `is not acceptable: ${error.message}`) : error
  }
  const authMethod = method ?? (secret === undefined ? 'none' : 'client_secret_basic')
  const either = method === undefined && secret !== undefined
  return { id, metadata: { ...metadata, token_endpoint_auth_method: authMethod }, secret, either }
}

/**
 * A registration may list what this server does not offer (RFC 7591 §2); in a configuration that is a
 * mistake.
 */
function checkOffered(raw: ClientMetadata, option: string): void {
  // As everywhere in the metadata, null is left out.
  list(oneOf(defaultGrantTypes))(raw.grant_types ?? undefined, `${option}.grant_types`)
  list(oneOf(['code']))(raw.response_types ?? undefined, `${option}.response_types`)
}

function preregistered(raw: ClientMetadata, option: string): Client {
  const { id, metadata, secret, either } = checkConfigured(raw, option)
  return {
    ...createClient(id, 'preregistered', metadata, id),
    eitherSecretMethod: either,
    checkSecret: async (given) => secret !== undefined && hasHash(given, [await hashSecret(secret)]),
  }
}
