import { isOAuthError, OAuthError } from '../../errors.ts'
import { sha256 } from '../../lib/hash.ts'
import { parseObject } from '../../lib/json.ts'
import { isEmpty, parseClientMetadata, type ClientMetadata } from '../../protocol/client-metadata.ts'
import type { RedirectPolicy } from '../../protocol/redirect-uri.ts'
import { DocumentUnavailableError } from './fetch.ts'
import { createClient } from './client.ts'
import type { Client } from '../context.ts'

/** The document names its own URL and has a wrong member. The message says which. */
export class RefusedDocumentError extends OAuthError {
  constructor(problem: string) {
    super('invalid_client', problem)
  }
}

/**
 * The client that a document describes (draft-ietf-oauth-client-id-metadata-document-01 §4.1; MCP, Client ID
 * Metadata Documents). The document is public, so it must not contain a secret. `dropped` receives the
 * metadata that is ignored. Rejects with RefusedDocumentError; with DocumentUnavailableError, as for an
 * absent document, if the text is not a client document of this URL.
 */
export async function documentClient(
  id: string,
  text: string,
  redirects: RedirectPolicy,
  dropped: string[] = [],
): Promise<Client> {
  const document = parseObject(text)
  if (document === undefined)
    throw new DocumentUnavailableError('It is not a JSON object, or names a member twice')
  // Client impersonation: a copy of a document names another URL (§4.1: simple string comparison).
  if (document['client_id'] !== id)
    throw new DocumentUnavailableError('Its client_id is not the URL that it is at')
  for (const name of ['client_secret', 'client_secret_expires_at'])
    if (!isEmpty(document[name])) throw new RefusedDocumentError(`${name} must not be in a public document`)
  if (isEmpty(document['client_name']) || String(document['client_name']).trim() === '')
    throw new RefusedDocumentError('client_name is missing')
  const metadata = parseMetadata(document, { ...redirects, dropped })
  // Keys change, and the user does not consent to them.
  const { jwks: _, jwks_uri: __, token_endpoint_auth_signing_alg: ___, ...shown } = metadata
  return createClient(
    id,
    'document',
    metadata,
    await sha256(JSON.stringify([id, Object.entries(shown).sort()]), 'client'),
  )
}

function parseMetadata(document: object, policy: RedirectPolicy & { dropped: string[] }): ClientMetadata {
  try {
    return parseClientMetadata(document, { ...policy, source: 'document' })
  } catch (error) {
    throw isOAuthError(error) ? new RefusedDocumentError(error.message) : error
  }
}
