import { defined } from '../lib/defined.ts'
import { isJsonObject } from '../lib/json.ts'
import { OAuthError } from '../errors.ts'
import { invalidMetadata, readDisplayed, type DisplayedMetadata } from './client-display.ts'
import { hasSecretKey, readPublishedKeys, type PublishedKeys } from './client-keys.ts'
import {
  dangerousScheme,
  isLoopbackRedirect,
  isPrivateUseRedirect,
  redirectUriProblem,
  type RedirectPolicy,
} from './redirect-uri.ts'
import { formatScope, parseScope } from './scope.ts'

/** How a client authenticates (RFC 7591 §2). */
export type TokenEndpointAuthMethod =
  'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/**
 * What a client says about itself (RFC 7591 §2), in the wire's names. Also the form of a pre-registered
 * client.
 */
export interface ClientMetadata extends DisplayedMetadata {
  /** Its id. Required in `clients`, and in `clients.put`. */
  client_id?: string
  /** At least 16 random characters. Default: none, the client is public or has keys. */
  client_secret?: string
  /** Whole URIs, compared exactly; of a loopback address any port (RFC 8252 §7.3). */
  redirect_uris: readonly string[]
  /** Default: `none`; with a `client_secret` by Basic or in the body, as the client likes. */
  token_endpoint_auth_method?: TokenEndpointAuthMethod
  /** With `private_key_jwt`: the only algorithm that the client signs with. Default: any asymmetric one. */
  token_endpoint_auth_signing_alg?: string
  /** With `private_key_jwt`: the public keys, or their URL. */
  jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  /** The https URL of the public keys, in place of `jwks`. */
  jwks_uri?: string
  /** Default: `authorization_code`, `refresh_token`. */
  grant_types?: readonly string[]
  /** Default: `code`, the only one. */
  response_types?: readonly string[]
  /** A redirect URI on the user's machine makes `web` to `native`. Default: absent. */
  application_type?: 'web' | 'native'
  /** The most that it may ask for, separated by spaces. Default: all scopes of the resource. */
  scope?: string
}

/** The grant types of a client that names none. */
export const defaultGrantTypes: readonly string[] = ['authorization_code', 'refresh_token']

/** How a client's metadata is judged. */
export interface ClientPolicy extends RedirectPolicy {
  /**
   * Who wrote it: the deployment (default), a caller of the registration endpoint, or the publisher of the
   * document.
   */
  source?: 'configuration' | 'registration' | 'document'
  /**
   * Receives what was left out and why: redirect URIs beside one that can be used, and odd members that
   * only display. Without it everything that is not in order is refused.
   */
  dropped?: string[]
}

/**
 * A client's metadata as it is enforced (RFC 7591 §2): what is missing has its default, what is unknown is
 * dropped. A client that names no authentication method is public: it gets no secret that it did not ask
 * for, and the answer says so. Rejects with `invalid_redirect_uri`, `invalid_software_statement` or
 * `invalid_client_metadata`.
 */
export function parseClientMetadata(value: unknown, policy: ClientPolicy = {}): ClientMetadata {
  if (!isJsonObject(value)) throw invalidMetadata('The metadata is not a JSON object')
  const raw = withoutEmpty(value)
  const metadata = readEnforced(raw)
  if (raw['software_statement'] !== undefined)
    throw new OAuthError('invalid_software_statement', 'Software statements are not accepted')
  // A private key that was published proves nothing, whatever it is for.
  if (hasSecretKey(raw['jwks'])) throw invalidMetadata('jwks has a secret or private key')
  const grantTypes = metadata.grant_types ?? defaultGrantTypes
  if (!grantTypes.includes('authorization_code'))
    throw invalidMetadata('grant_types lacks authorization_code')
  if (metadata.response_types !== undefined && !metadata.response_types.includes('code'))
    throw invalidMetadata('response_types lacks code')
  const scopes = parseScope(metadata.scope ?? '')
  if (scopes === undefined) throw invalidMetadata('scope is not a list of scopes')
  const authentication = readAuthentication(raw, metadata, policy)
  const { token_endpoint_auth_method: method } = authentication
  // A secret that many copies of an app carry is none, so private-use schemes are for public clients (RFC
  // 8252 §8.5).
  const { privateUse = true } = policy
  const uris = redirectUris(raw['redirect_uris'], {
    ...policy,
    privateUse: method === 'none' || policy.dropped === undefined ? privateUse : false,
  })
  // Real native clients call themselves web; what they are is said by their redirect URIs.
  const { application_type: type } = metadata
  return {
    ...readDisplayed(raw, policy.dropped, policy.source),
    ...defined({
      scope: scopes.length === 0 ? undefined : formatScope(scopes),
      application_type: type && (uris.some(isOnUsersMachine) ? 'native' : type),
    }),
    redirect_uris: uris,
    grant_types: grantTypes.filter((each) => defaultGrantTypes.includes(each)),
    response_types: ['code'],
    ...authentication,
  }
}

/** What decides something. */
interface Enforced {
  token_endpoint_auth_method?: string
  token_endpoint_auth_methods_supported?: readonly string[]
  grant_types?: readonly string[]
  response_types?: readonly string[]
  application_type?: 'web' | 'native'
  scope?: string
}

const isList = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= 10 && value.every((each) => typeof each === 'string')
const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= 2000

const forms: Readonly<Record<keyof Enforced, (value: unknown) => boolean>> = {
  token_endpoint_auth_method: isText,
  token_endpoint_auth_methods_supported: isList,
  grant_types: isList,
  response_types: isList,
  application_type: (value) => value === 'web' || value === 'native',
  scope: isText,
}

function readEnforced(raw: Record<string, unknown>): Enforced {
  for (const [name, isGood] of Object.entries(forms))
    if (raw[name] !== undefined && !isGood(raw[name]))
      throw invalidMetadata(`${name} does not have a value of RFC 7591 §2`)
  return raw
}

type Authentication = { token_endpoint_auth_method: TokenEndpointAuthMethod } & PublishedKeys

/**
 * How the client authenticates, of what it says that it can (RFC 7591 §2; OpenID Connect RP Metadata
 * Choices: the list beside the single value). A document that lists `none` is of a public client, whatever
 * it prefers; its keys are kept, because an assertion that is sent must be valid.
 */
function readAuthentication(
  raw: Record<string, unknown>,
  { token_endpoint_auth_method: preferred, token_endpoint_auth_methods_supported: listed = [] }: Enforced,
  { source = 'configuration', dropped }: ClientPolicy,
): Authentication {
  const said = preferred === undefined ? listed : [preferred, ...listed]
  const order = source === 'document' ? methods.document : [preferred, 'none', ...listed]
  const accepted = order.filter((each) => each !== undefined && said.includes(each))
  const method = said.length === 0 ? 'none' : accepted.find((each) => isMethod(each, methods[source]))
  if (method === undefined)
    throw invalidMetadata(`token_endpoint_auth_method is not one of ${methods[source].join(', ')}`)
  const signs = source !== 'registration' && said.includes('private_key_jwt')
  const keys = signs ? readPublishedKeys(raw) : {}
  if (typeof keys !== 'string') return { token_endpoint_auth_method: method, ...keys }
  if (method === 'private_key_jwt') throw invalidMetadata(keys)
  // It needs none.
  dropped?.push(keys)
  return { token_endpoint_auth_method: method }
}

const isMethod = (
  name: string | undefined,
  among: readonly TokenEndpointAuthMethod[],
): name is TokenEndpointAuthMethod => among.some((each) => each === name)

const methods: Readonly<Record<NonNullable<ClientPolicy['source']>, readonly TokenEndpointAuthMethod[]>> = {
  configuration: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  registration: ['none', 'client_secret_basic', 'client_secret_post'],
  document: ['none', 'private_key_jwt'],
}

const isOnUsersMachine = (uri: string): boolean => isLoopbackRedirect(uri) || isPrivateUseRedirect(uri)

/**
 * Those that can be used. One that cannot never refuses the client that has others, unless its scheme is
 * dangerous.
 */
function redirectUris(value: unknown, policy: ClientPolicy): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 20)
    throw new OAuthError('invalid_redirect_uri', 'redirect_uris must list 1 to 20 URIs')
  const problems: string[] = []
  const usable = value.filter((uri: unknown, i): uri is string => {
    const problem = redirectUriProblem(uri, policy)
    if (problem === undefined) return true
    const told = `redirect_uris[${i}] ${problem}`
    if (problem === dangerousScheme || policy.dropped === undefined)
      throw new OAuthError('invalid_redirect_uri', told)
    problems.push(told)
    return false
  })
  if (usable.length === 0) throw new OAuthError('invalid_redirect_uri', problems[0]!)
  policy.dropped?.push(...problems)
  return usable
}

/** Clients write null, an empty text or an empty list for a member that should be absent. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)

const withoutEmpty = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => !isEmpty(each)))
