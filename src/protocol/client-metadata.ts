import * as v from 'valibot'
import { OAuthError } from '../errors.ts'
import { hasSecretKey, readPublishedKeys, type PublishedKeys } from './client-keys.ts'
import { hasDangerousScheme } from './dangerous-scheme.ts'
import {
  dangerousScheme,
  isLoopbackRedirect,
  isPrivateUseRedirect,
  redirectUriProblem,
  type RedirectPolicy,
} from './redirect-uri.ts'
import { isLoopbackHost } from './resource.ts'
import { formatScope, parseScope } from './scope.ts'

export type TokenEndpointAuthMethod =
  'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/** What a client says about itself (RFC 7591 §2), in the wire's names. Also the form of a pre-registered client. */
export interface ClientMetadata {
  client_id?: string
  client_secret?: string
  client_name?: string
  redirect_uris: readonly string[]
  token_endpoint_auth_method?: TokenEndpointAuthMethod
  /** With `private_key_jwt`: the only algorithm that the client signs with. Default: any asymmetric one. */
  token_endpoint_auth_signing_alg?: string
  /** With `private_key_jwt`: the public keys, or where they are. */
  jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  jwks_uri?: string
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

/** The grant types of a client that names none. */
export const defaultGrantTypes: readonly string[] = ['authorization_code', 'refresh_token']

/** How a client's metadata is judged. */
export interface ClientPolicy extends RedirectPolicy {
  /** Who wrote it: the deployment (default), a caller of the registration endpoint, or whoever publishes the document. */
  source?: 'configuration' | 'registration' | 'document'
  /**
   * Receives what was left out and why: redirect URIs beside one that can be used, and odd members that only display. Without it everything
   * that is not in order is refused.
   */
  dropped?: string[]
}

const names = v.pipe(v.array(v.string()), v.maxLength(10))
const schema = v.object({
  token_endpoint_auth_method: v.optional(v.string()),
  token_endpoint_auth_methods_supported: v.optional(names),
  grant_types: v.optional(names),
  response_types: v.optional(names),
  application_type: v.optional(v.picklist(['web', 'native'])),
  scope: v.optional(v.pipe(v.string(), v.maxLength(2000))),
})

/**
 * A client's metadata as it is enforced (RFC 7591 §2): what is missing has its default, what is unknown is dropped. A client that names no
 * authentication method is public: it gets no secret that it did not ask for, and the answer says so. Rejects with
 * `invalid_redirect_uri`, `invalid_software_statement` or `invalid_client_metadata`.
 */
export function parseClientMetadata(value: unknown, policy: ClientPolicy = {}): ClientMetadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('The metadata is not a JSON object')
  const raw = withoutEmpty(value)
  const result = v.safeParse(schema, raw)
  if (!result.success) {
    const [{ path }] = result.issues
    throw invalid(`${path?.map(({ key }) => String(key)).join('.')} does not have a value of RFC 7591 §2`)
  }
  if (raw['software_statement'] !== undefined)
    throw new OAuthError('invalid_software_statement', 'Software statements are not accepted')
  // Whatever it is for: a key that is not public any more is nobody's.
  if (hasSecretKey(raw['jwks'])) throw invalid('jwks has a secret or private key')
  const metadata = result.output as Present<typeof result.output>
  const grantTypes = metadata.grant_types ?? defaultGrantTypes
  if (!grantTypes.includes('authorization_code')) throw invalid('grant_types lacks authorization_code')
  if (metadata.response_types !== undefined && !metadata.response_types.includes('code'))
    throw invalid('response_types lacks code')
  const scopes = parseScope(metadata.scope ?? '')
  if (scopes === undefined) throw invalid('scope is not a list of scopes')
  const {
    token_endpoint_auth_method: preferred,
    token_endpoint_auth_methods_supported: listed,
    ...rest
  } = metadata
  const authentication = readAuthentication(raw, { preferred, listed: listed ?? [] }, policy)
  const { token_endpoint_auth_method: method } = authentication
  // A secret that many copies of an app carry is none, so private-use schemes are for public clients (RFC 8252 §8.5).
  const { privateUse = true } = policy
  const uris = redirectUris(raw['redirect_uris'], {
    ...policy,
    privateUse: method === 'none' || policy.dropped === undefined ? privateUse : false,
  })
  return {
    ...displayed(raw, policy.dropped),
    ...rest,
    ...(scopes.length === 0 ? {} : { scope: formatScope(scopes) }),
    // Real native clients call themselves web; what they can do is said by their redirect URIs.
    ...(metadata.application_type === 'web' && uris.some(isOnUsersMachine)
      ? { application_type: 'native' as const }
      : {}),
    redirect_uris: uris,
    grant_types: grantTypes.filter((each) => defaultGrantTypes.includes(each)),
    response_types: ['code'],
    ...authentication,
  }
}

type Authentication = { token_endpoint_auth_method: TokenEndpointAuthMethod } & PublishedKeys

/**
 * How the client authenticates, of what it says that it can (RFC 7591 §2; OpenID Connect RP Metadata Choices: the list beside the single
 * value). A document that lists `none` is of a public client, whatever it prefers; its keys are kept, because an assertion that is sent must be valid.
 */
function readAuthentication(
  raw: Record<string, unknown>,
  { preferred, listed }: { preferred: string | undefined; listed: readonly string[] },
  { source = 'configuration', dropped }: ClientPolicy,
): Authentication {
  const said = preferred === undefined ? listed : [preferred, ...listed]
  const order = source === 'document' ? methods.document : [preferred, 'none', ...listed]
  const accepted = order.filter((each) => each !== undefined && said.includes(each))
  const method = said.length === 0 ? 'none' : accepted.find((each) => isMethod(each, methods[source]))
  if (method === undefined)
    throw invalid(`token_endpoint_auth_method is not one of ${methods[source].join(', ')}`)
  const signs = source !== 'registration' && said.includes('private_key_jwt')
  const keys = signs ? readPublishedKeys(raw) : {}
  if (typeof keys !== 'string') return { token_endpoint_auth_method: method, ...keys }
  if (method === 'private_key_jwt') throw invalid(keys)
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

/** Members without a value are not there at all. */
type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

const isOnUsersMachine = (uri: string): boolean => isLoopbackRedirect(uri) || isPrivateUseRedirect(uri)

/** Those that can be used. One that cannot never refuses the client that has others, unless its scheme is dangerous. */
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

type Displayed = Pick<
  ClientMetadata,
  'client_name' | 'contacts' | 'client_uri' | 'logo_uri' | 'tos_uri' | 'policy_uri'
>

/** Members that are only shown: an odd one is dropped, a dangerous one refuses the client (RFC 7591 §5). */
function displayed(raw: Record<string, unknown>, dropped: string[] | undefined): Displayed {
  const kept: Record<string, unknown> = {}
  const keep = (name: string, problem: string | undefined): void => {
    if (problem === undefined) kept[name] = raw[name]
    else if (dropped === undefined) throw invalid(`${name} ${problem}`)
    else dropped.push(`${name} ${problem}`)
  }
  for (const [name, value] of Object.entries(raw)) {
    const [base = ''] = name.split('#', 1)
    if (base === 'jwks_uri' || uriMembers.includes(base)) {
      if (isDangerous(base, value)) throw invalid(`${base} is not an https URL`)
      // What is localized (RFC 7591 §2.2) is judged, and not shown.
      if (base === name && base !== 'jwks_uri')
        keep(name, isHttps(value) ? undefined : 'is not an https URL, or is too long')
    } else if (name === 'client_name') {
      keep(name, isShort(value) ? undefined : 'is not a text of at most 200 characters')
    } else if (name === 'contacts') {
      const list = Array.isArray(value) && value.length <= 5 && value.every(isShort)
      keep(name, list ? undefined : 'is not a list of at most 5 short texts')
    }
  }
  return kept
}

const uriMembers = ['client_uri', 'logo_uri', 'tos_uri', 'policy_uri']

const isShort = (value: unknown): boolean => typeof value === 'string' && value.length <= 200

/** Only shown, never fetched at registration; so the form is all there is to judge. */
function isHttps(uri: unknown): boolean {
  if (typeof uri !== 'string' || uri.length > 2048 || !/^https:\/\/[\x21-\x7e]+$/.test(uri)) return false
  if (!URL.canParse(uri)) return false
  const { username, password } = new URL(uri)
  return username === '' && password === ''
}

/** A script, something of the system, an address inside a network (SSRF); a picture or a key set must be https. */
function isDangerous(name: string, uri: unknown): boolean {
  if (name === 'jwks_uri') return !isHttps(uri)
  if (typeof uri !== 'string') return false
  const text = uri.trim()
  if (hasDangerousScheme(text)) return true
  if (!/^http:/i.test(text) || !URL.canParse(text)) return false
  const { hostname } = new URL(text)
  return name === 'logo_uri' || (!isLoopbackHost(hostname) && /^(?:\[|[\d.]+$)/.test(hostname))
}

const invalid = (problem: string): OAuthError => new OAuthError('invalid_client_metadata', problem)

/** Clients write null, an empty text or an empty list for a member that should be absent. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)

const withoutEmpty = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => !isEmpty(each)))
