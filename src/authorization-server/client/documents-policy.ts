import { OAuthError } from '../../errors.ts'
import { sha256 } from '../../lib/hash.ts'
import { parseObject } from '../../lib/json.ts'
import { isEmpty, parseClientMetadata, type ClientMetadata } from '../../protocol/client-metadata.ts'
import type { RedirectPolicy } from '../../protocol/redirect-uri.ts'
import { DocumentUnavailableError } from './fetch.ts'
import { clientOf } from './directory.ts'
import type { Client } from '../context.ts'

/** A document that names itself, and in which a member is wrong. The message says which. */
export class RefusedDocumentError extends OAuthError {
  constructor(problem: string) {
    super('invalid_client', problem)
  }
}

/**
 * The client that a document describes (draft-ietf-oauth-client-id-metadata-document-01 §4.1; MCP, Client ID Metadata Documents).
 * Everybody can read a document, so nothing in it may be a secret. `dropped` receives what was left out. Rejects with RefusedDocumentError. What
 * does not even name itself is not a client document: DocumentUnavailableError, as if it were not there.
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
  // Whoever copies a document is not who wrote it (§4.1: simple string comparison).
  if (document['client_id'] !== id)
    throw new DocumentUnavailableError('Its client_id is not the URL that it is at')
  for (const name of ['client_secret', 'client_secret_expires_at'])
    if (!isEmpty(document[name])) throw new RefusedDocumentError(`${name} is there: everybody can read it`)
  if (isEmpty(document['client_name']) || String(document['client_name']).trim() === '')
    throw new RefusedDocumentError('client_name is missing')
  const metadata = judged(document, { ...redirects, dropped })
  // Keys change, and are nothing that a user consents to.
  const { jwks: _, jwks_uri: __, token_endpoint_auth_signing_alg: ___, ...shown } = metadata
  return clientOf(
    id,
    'document',
    metadata,
    await sha256(JSON.stringify([id, Object.entries(shown).sort()]), 'client'),
  )
}

function judged(document: object, policy: RedirectPolicy & { dropped: string[] }): ClientMetadata {
  try {
    return parseClientMetadata(document, { ...policy, source: 'document' })
  } catch (error) {
    throw error instanceof OAuthError ? new RefusedDocumentError(error.message) : error
  }
}
