import * as v from 'valibot'
import { OAuthError } from '../errors.ts'
import { redirectUriProblem } from './redirect-uri.ts'
import { parseScope } from './scope.ts'

export type TokenEndpointAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post'

/** What a client says about itself (RFC 7591 §2), in the wire's names. Also the form of a pre-registered client. */
export interface ClientMetadata {
  client_id?: string
  client_secret?: string
  client_name?: string
  redirect_uris: readonly string[]
  token_endpoint_auth_method?: TokenEndpointAuthMethod
  grant_types?: readonly string[]
  response_types?: readonly string[]
  application_type?: 'web' | 'native'
  scope?: string
  client_uri?: string
  logo_uri?: string
  tos_uri?: string
  policy_uri?: string
  contacts?: readonly string[]
}

/** The grant types that a client has where it names none. */
export const defaultGrantTypes: readonly string[] = ['authorization_code', 'refresh_token']

const short = v.pipe(v.string(), v.maxLength(200))
const schema = v.object({
  client_name: v.nullish(short),
  token_endpoint_auth_method: v.nullish(v.picklist(['none', 'client_secret_basic', 'client_secret_post'])),
  grant_types: v.nullish(v.pipe(v.array(v.string()), v.maxLength(10))),
  response_types: v.nullish(v.pipe(v.array(v.string()), v.maxLength(10))),
  application_type: v.nullish(v.picklist(['web', 'native'])),
  scope: v.nullish(v.pipe(v.string(), v.maxLength(2000))),
  client_uri: v.nullish(v.string()),
  logo_uri: v.nullish(v.string()),
  tos_uri: v.nullish(v.string()),
  policy_uri: v.nullish(v.string()),
  contacts: v.nullish(v.pipe(v.array(short), v.maxLength(5))),
})

/**
 * A client's metadata as it is enforced (RFC 7591 §2): what is missing has its default, what is unknown is dropped. A client that names no
 * authentication method is public: it gets no secret that it did not ask for, and the answer says so. Rejects with
 * `invalid_redirect_uri`, `invalid_software_statement` or `invalid_client_metadata`.
 */
export function parseClientMetadata(
  value: unknown,
  policy: { allowRedirects?: readonly string[] } = {},
): ClientMetadata {
  const result = v.safeParse(schema, value)
  if (!result.success) {
    const [{ path }] = result.issues
    throw invalid(
      `${path?.map(({ key }) => String(key)).join('.') ?? 'The document'} is not as RFC 7591 has it`,
    )
  }
  const raw = value as Record<string, unknown>
  if (!isEmpty(raw['software_statement'])) {
    throw new OAuthError('invalid_software_statement', 'Software statements are not accepted')
  }
  const metadata = withoutEmpty(result.output)
  for (const [name, uri] of Object.entries(raw)) {
    if (/^(client|logo|tos|policy|jwks)_uri(#|$)/.test(name) && !isEmpty(uri) && !isHttps(uri))
      throw invalid(`${name.split('#', 1)[0]} is not an https URL`)
  }
  const grantTypes = metadata.grant_types ?? defaultGrantTypes
  if (!grantTypes.includes('authorization_code')) throw invalid('grant_types lacks authorization_code')
  if (metadata.response_types !== undefined && !metadata.response_types.includes('code'))
    throw invalid('response_types lacks code')
  if (metadata.scope !== undefined && parseScope(metadata.scope) === undefined)
    throw invalid('scope is no list of scopes')
  return {
    ...metadata,
    redirect_uris: redirectUris(raw['redirect_uris'], metadata.application_type, policy.allowRedirects),
    grant_types: grantTypes.filter((each) => defaultGrantTypes.includes(each)),
    response_types: ['code'],
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? 'none',
  }
}

function redirectUris(
  value: unknown,
  applicationType: 'web' | 'native' | undefined,
  allow: readonly string[] | undefined,
): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 20) {
    throw new OAuthError('invalid_redirect_uri', 'redirect_uris must list 1 to 20 URIs')
  }
  for (const [i, uri] of value.entries()) {
    const problem = redirectUriProblem(uri, { applicationType, allow })
    if (problem !== undefined) throw new OAuthError('invalid_redirect_uri', `redirect_uris[${i}] ${problem}`)
  }
  return value as string[]
}

/** Only shown, never fetched at registration; so the form is all there is to judge. */
function isHttps(uri: unknown): boolean {
  if (typeof uri !== 'string' || uri.length > 2048 || !/^https:\/\/[\x21-\x7e]+$/.test(uri)) return false
  if (!URL.canParse(uri)) return false
  const { username, password } = new URL(uri)
  return username === '' && password === ''
}

const invalid = (problem: string): OAuthError => new OAuthError('invalid_client_metadata', problem)

/** Clients write null or an empty string where a member should be absent. */
const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === ''

type WithoutEmpty<T> = { [K in keyof T]?: Exclude<T[K], null | undefined> }

function withoutEmpty<T extends object>(value: T): WithoutEmpty<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => !isEmpty(each))) as WithoutEmpty<T>
}
