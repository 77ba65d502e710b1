import { defined } from '../../lib/defined.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import type { ClientMetadata } from '../../protocol/client-metadata.ts'
import { signatureAlgorithms } from '../../protocol/jws.ts'
import type { Client } from '../context.ts'

/** Reports the metadata of a client that was dropped, so that its developer can be helped. */
export function reportDropped(
  { issuer, runtime }: { issuer: string; runtime: ResolvedRuntime },
  clientId: string,
  dropped: readonly string[],
): void {
  if (dropped.length === 0) return
  const detail = dropped.join('; ')
  runtime.event({ type: 'client.metadata-dropped', level: 'info', issuer, clientId, detail })
}

/** A client from checked metadata. It has no secret unless the caller adds one. */
export function createClient(
  id: string,
  kind: Client['kind'],
  metadata: ClientMetadata,
  metadataHash: string,
): Client {
  const {
    client_name: name,
    application_type: applicationType,
    client_uri: clientUri,
    logo_uri: logoUri,
    jwks,
    jwks_uri: jwksUri,
    token_endpoint_auth_signing_alg: alg,
  } = metadata
  const from = jwks?.keys ?? jwksUri
  return {
    id,
    kind,
    name,
    redirectUris: metadata.redirect_uris,
    authMethod: metadata.token_endpoint_auth_method ?? 'none',
    grantTypes: metadata.grant_types ?? [],
    ...defined({ applicationType, clientUri, logoUri }),
    ...(from === undefined
      ? {}
      : { keys: { from, algorithms: alg === undefined ? signatureAlgorithms : [alg] } }),
    metadataHash,
    checkSecret: async () => false,
  }
}
