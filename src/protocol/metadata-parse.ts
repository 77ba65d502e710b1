import { isJsonObject } from '../lib/json.ts'
import { OAuthError } from '../errors.ts'
import type { AuthorizationServerMetadata, ProtectedResourceMetadata } from './metadata.ts'

const isText = (value: unknown): value is string => typeof value === 'string'
// Identifiers and URLs end up in messages and logs: printable ASCII, so that no terminal escape gets there.
const isUrl = (value: unknown): boolean => isText(value) && /^[\x21-\x7e]*$/.test(value)

const kinds = {
  text: isText,
  url: isUrl,
  list: isText,
  urls: isUrl,
  flag: (value: unknown): boolean => typeof value === 'boolean',
}

/**
 * The members that are read; unknown ones are passed over. By hand and not with valibot: the client is
 * smaller by a tenth.
 */
type Schema = Readonly<Record<string, keyof typeof kinds>>

const protectedResource: Schema = {
  resource: 'url',
  authorization_servers: 'urls',
  scopes_supported: 'list',
  bearer_methods_supported: 'list',
  jwks_uri: 'url',
  resource_name: 'text',
  resource_documentation: 'text',
  resource_policy_uri: 'text',
  resource_tos_uri: 'text',
  resource_signing_alg_values_supported: 'list',
  dpop_signing_alg_values_supported: 'list',
  dpop_bound_access_tokens_required: 'flag',
}

const authorizationServer: Schema = {
  issuer: 'url',
  authorization_endpoint: 'url',
  token_endpoint: 'url',
  registration_endpoint: 'url',
  jwks_uri: 'url',
  revocation_endpoint: 'url',
  introspection_endpoint: 'url',
  userinfo_endpoint: 'url',
  scopes_supported: 'list',
  response_types_supported: 'list',
  response_modes_supported: 'list',
  grant_types_supported: 'list',
  token_endpoint_auth_methods_supported: 'list',
  token_endpoint_auth_signing_alg_values_supported: 'list',
  revocation_endpoint_auth_methods_supported: 'list',
  introspection_endpoint_auth_methods_supported: 'list',
  code_challenge_methods_supported: 'list',
  authorization_response_iss_parameter_supported: 'flag',
  client_id_metadata_document_supported: 'flag',
  dpop_signing_alg_values_supported: 'list',
  subject_types_supported: 'list',
  id_token_signing_alg_values_supported: 'list',
  service_documentation: 'text',
}

/** The document of RFC 9728 §3.2. Rejects with `invalid_response` if the value is not such a document. */
export function parseProtectedResourceMetadata(value: unknown): ProtectedResourceMetadata {
  return parse(protectedResource, 'resource', value, 'protected resource metadata')
}

/**
 * The document of RFC 8414 §3.2 or of OpenID Connect Discovery §4.2. Rejects with `invalid_response` if the
 * value is not such a document.
 */
export function parseAuthorizationServerMetadata(value: unknown): AuthorizationServerMetadata {
  return parse(authorizationServer, 'issuer', value, 'authorization server metadata')
}

function parse<T>(schema: Schema, required: string, value: unknown, what: string): T {
  const wrong = (member: string): Error =>
    new OAuthError('invalid_response', `This is no ${what}: ${member} is missing or of the wrong type`, {
      status: 502,
    })
  if (!isJsonObject(value)) throw wrong('the document')
  const members: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(schema)) {
    const member = value[name]
    // Providers write null instead of leaving a member out.
    if ((member === null || member === undefined) && name !== required) continue
    if (kind !== 'list' && kind !== 'urls') {
      if (!kinds[kind](member)) throw wrong(name)
    } else if (!Array.isArray(member)) throw wrong(name)
    else {
      const odd = member.findIndex((each) => !kinds[kind](each))
      if (odd >= 0) throw wrong(`${name}.${odd}`)
    }
    members[name] = member
  }
  return members as T
}
