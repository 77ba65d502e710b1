import * as v from 'valibot'
import { OAuthError } from '../errors.ts'
import type { AuthorizationServerMetadata, ProtectedResourceMetadata } from './metadata.ts'

// Providers write null where a member should be absent; unknown members are passed over.
const text = v.nullish(v.string())
// Identifiers and URLs end up in messages and logs: printable ASCII, so that no terminal escape gets there.
const plain = v.pipe(v.string(), v.regex(/^[\x21-\x7e]*$/))
const url = v.nullish(plain)
const list = v.nullish(v.array(v.string()))
const flag = v.nullish(v.boolean())

const protectedResource = v.object({
  resource: plain,
  authorization_servers: v.nullish(v.array(plain)),
  scopes_supported: list,
  bearer_methods_supported: list,
  jwks_uri: url,
  resource_name: text,
  resource_documentation: text,
  resource_policy_uri: text,
  resource_tos_uri: text,
  resource_signing_alg_values_supported: list,
  dpop_signing_alg_values_supported: list,
  dpop_bound_access_tokens_required: flag,
})

const authorizationServer = v.object({
  issuer: plain,
  authorization_endpoint: url,
  token_endpoint: url,
  registration_endpoint: url,
  jwks_uri: url,
  revocation_endpoint: url,
  introspection_endpoint: url,
  userinfo_endpoint: url,
  scopes_supported: list,
  response_types_supported: list,
  response_modes_supported: list,
  grant_types_supported: list,
  token_endpoint_auth_methods_supported: list,
  token_endpoint_auth_signing_alg_values_supported: list,
  revocation_endpoint_auth_methods_supported: list,
  introspection_endpoint_auth_methods_supported: list,
  code_challenge_methods_supported: list,
  authorization_response_iss_parameter_supported: flag,
  client_id_metadata_document_supported: flag,
  dpop_signing_alg_values_supported: list,
  subject_types_supported: list,
  id_token_signing_alg_values_supported: list,
  service_documentation: text,
})

/** The document of RFC 9728 §3.2. Rejects with `invalid_response` where it is none. */
export function parseProtectedResourceMetadata(value: unknown): ProtectedResourceMetadata {
  return parse(protectedResource, value, 'protected resource metadata')
}

/** The document of RFC 8414 §3.2 or of OpenID Connect Discovery §4.2. Rejects with `invalid_response` where it is none. */
export function parseAuthorizationServerMetadata(value: unknown): AuthorizationServerMetadata {
  return parse(authorizationServer, value, 'authorization server metadata')
}

function parse<T>(schema: v.GenericSchema<unknown, object>, value: unknown, what: string): T {
  const result = v.safeParse(schema, value)
  if (!result.success) {
    const [{ path }] = result.issues
    const member = path?.map(({ key }) => String(key)).join('.') ?? 'the document'
    throw new OAuthError(
      'invalid_response',
      `This is no ${what}: ${member} is missing or of the wrong type`,
      { status: 502 },
    )
  }
  return Object.fromEntries(
    Object.entries(result.output).filter(([, each]) => each !== null && each !== undefined),
  ) as T
}
