import { publicFor } from '../../http/cache-control.ts'
import { json } from '../../http/responses.ts'
import { defined } from '../../lib/defined.ts'
import type { AuthorizationServerMetadata } from '../../protocol/metadata.ts'
import { authorizationServerMetadataUrls } from '../../protocol/well-known.ts'
import type { Context } from './context.ts'
import { endpointPath } from './paths.ts'

/** The metadata document (RFC 8414 §2), at the places where clients of every MCP revision ask for it. */
export function metadataPaths({ issuer, resource, rootEndpoints }: Context): ReadonlySet<string> {
  const paths = authorizationServerMetadataUrls(issuer).map((url) => new URL(url).pathname)
  // MCP 2025-03-26 drops the path.
  if (rootEndpoints && new URL(issuer).origin === new URL(resource).origin)
    paths.push('/.well-known/oauth-authorization-server')
  return new Set(paths)
}

export async function metadataDocument(context: Context): Promise<Response> {
  const { revocation, jwks } = await context.metadata.endpoints()
  const { issuer, scopes } = context
  const url = (name: 'authorize' | 'token' | 'register'): string =>
    new URL(endpointPath(issuer, name), issuer).href
  const document: AuthorizationServerMetadata = {
    issuer,
    authorization_endpoint: url('authorize'),
    token_endpoint: url('token'),
    registration_endpoint: url('register'),
    scopes_supported: [...scopes.keys()],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    // OpenID Connect Discovery §3 requires these two; ID tokens are not issued.
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    ...defined({
      jwks_uri: jwks,
      // The provider's own: there is nothing to correct.
      revocation_endpoint: revocation,
      revocation_endpoint_auth_methods_supported: revocation === undefined ? undefined : ['none'],
    }),
  }
  return json(document, { headers: publicFor(600) })
}
