import { publicFor } from '../http/cache-control.ts'
import { methods } from '../http/methods.ts'
import { json } from '../http/responses.ts'
import { defined } from '../lib/defined.ts'
import { signatureAlgorithms } from '../protocol/jws.ts'
import type { AuthorizationServerMetadata } from '../protocol/metadata.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { Context, Endpoint } from './context.ts'
import { answering } from './endpoint.ts'

type Handler = (request: Request) => Promise<Response>

/** Any origin may read these, without credentials. */
const cors = { origins: '*', methods: 'GET' } as const
const cacheable = (seconds: number): { headers: Record<string, string> } => ({
  headers: publicFor(seconds),
})

/** The metadata document at each pathname where a client of any MCP revision asks for it (RFC 8414 §3). */
export function metadataRoutes(
  context: Context,
  available: ReadonlySet<Endpoint>,
): [pathname: string, Handler][] {
  let document: AuthorizationServerMetadata | undefined
  const get = (): Response => json((document ??= metadata(context, available)), cacheable(3600))
  const handler = methods({ GET: get }, { cors })
  const urls = authorizationServerMetadataUrls(context.issuer)
  const paths = new Set(urls.map((url) => new URL(url).pathname))
  // MCP 2025-03-26 drops the path of the MCP server, and so of an issuer on the same host.
  if (isEmbedded(context)) paths.add('/.well-known/oauth-authorization-server')
  return [...paths].map((path) => [path, handler])
}

/**
 * Whether clients of MCP 2025-03-26 look for this server at the root of its host: a resource is there, too.
 */
export function isEmbedded({ issuer, options, resources }: Context): boolean {
  const { origin } = new URL(issuer)
  return options.rootEndpoints && resources.all.some(({ resource }) => new URL(resource).origin === origin)
}

/** The key set (RFC 7517 §5). */
export function jwksEndpoint(context: Context): Handler {
  const get = async (): Promise<Response> => json({ keys: await context.keys.publicKeys() }, cacheable(600))
  return methods({ GET: answering(context, get) }, { cors })
}

/**
 * RFC 8414 §2, with what OpenID Connect Discovery §3 requires, because SDK clients also read it there. No
 * member is null.
 */
function metadata(context: Context, available: ReadonlySet<Endpoint>): AuthorizationServerMetadata {
  const { issuer, options, resources, paths, keys } = context
  const url = (name: Endpoint): string => new URL(paths[name], issuer).href
  const confidential = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
  const all = ['none', ...confidential]
  // RFC 8414 §2 requires the algorithms if `private_key_jwt` is listed.
  const algorithms = [...signatureAlgorithms]
  const ifAvailable = <T>(name: Endpoint, value: T): T | undefined =>
    available.has(name) ? value : undefined
  return {
    issuer,
    authorization_endpoint: url('authorize'),
    token_endpoint: url('token'),
    jwks_uri: url('jwks'),
    scopes_supported: [...new Set(resources.all.flatMap(({ scopes }) => Object.keys(scopes)))],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: all,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [keys.algorithm],
    ...defined({
      registration_endpoint: ifAvailable('register', url('register')),
      revocation_endpoint: ifAvailable('revoke', url('revoke')),
      revocation_endpoint_auth_methods_supported: ifAvailable('revoke', all),
      revocation_endpoint_auth_signing_alg_values_supported: ifAvailable('revoke', algorithms),
      introspection_endpoint: ifAvailable('introspect', url('introspect')),
      introspection_endpoint_auth_methods_supported: ifAvailable('introspect', confidential),
      introspection_endpoint_auth_signing_alg_values_supported: ifAvailable('introspect', algorithms),
      client_id_metadata_document_supported: options.clientDocuments === false ? undefined : true,
    }),
  }
}
