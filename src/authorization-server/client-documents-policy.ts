import { OAuthError } from '../errors.ts'
import { sha256 } from '../lib/hash.ts'
import { parseObject } from '../lib/json.ts'
import { isEmpty, parseClientMetadata } from '../protocol/client-metadata.ts'
import type { RedirectPolicy } from '../protocol/redirect-uri.ts'
import { clientOf } from './clients.ts'
import type { Client } from './context.ts'

/**
 * The client that a document describes (draft-ietf-oauth-client-id-metadata-document-01 §4.1; MCP, Client ID Metadata Documents).
 * Everybody can read a document, so nothing in it may be a secret. `dropped` receives what was left out. Rejects with an OAuthError that
 * says what is wrong.
 */
export async function documentClient(
  id: string,
  text: string,
  redirects: RedirectPolicy,
  dropped: string[] = [],
): Promise<Client> {
  const document = parseObject(text)
  if (document === undefined) throw invalidDocument('is not a JSON object, or it names a member twice')
  // Whoever copies a document is not who wrote it (§4.1: simple string comparison).
  if (document['client_id'] !== id) throw invalidDocument('has another client_id than its URL')
  for (const name of ['client_secret', 'client_secret_expires_at'])
    if (!isEmpty(document[name])) throw invalidDocument(`has a ${name}`)
  if (hasSecretKey(document['jwks'])) throw invalidDocument('has a secret or private key')
  if (isEmpty(document['client_name']) || String(document['client_name']).trim() === '')
    throw invalidDocument('has no client_name')
  const metadata = parseClientMetadata(document, { ...redirects, dropped })
  if (metadata.token_endpoint_auth_method !== 'none')
    throw invalidDocument('asks for authentication by a secret')
  return clientOf(id, 'document', metadata, await sha256(JSON.stringify([id, metadata]), 'client'))
}

export const invalidDocument = (problem: string): OAuthError =>
  new OAuthError('invalid_client', `The client document ${problem}`)

/** The private members of RFC 7518 §6, and symmetric keys. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function hasSecretKey(jwks: unknown): boolean {
  const keys = (jwks as { keys?: unknown } | null | undefined)?.keys
  if (!Array.isArray(keys)) return false
  return (keys as unknown[]).some(
    (key) =>
      typeof key === 'object' &&
      key !== null &&
      ((key as { kty?: unknown }).kty === 'oct' || secretMembers.some((name) => Object.hasOwn(key, name))),
  )
}
