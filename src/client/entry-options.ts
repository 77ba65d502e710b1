import {
  clientSecret,
  custom,
  flag,
  list,
  matching,
  object,
  oneOf,
  optionError,
  record,
  secretError,
  text,
  url,
  type OptionalOption,
} from '../lib/options.ts'
import { canonicalResource } from '../protocol/resource.ts'
import type { ClientQuirks } from '../types.ts'
import type { UnattendedGrant, PreregisteredClient } from './types.ts'

/** What the client needs of a preset. */
export interface ProviderQuirks {
  /** The issuer that it is about. */
  readonly issuer: string
  /** What it does otherwise than the standard. Default: nothing. */
  readonly client?: ClientQuirks
}

/** The credential that each authentication method needs. */
const credentials = {
  none: undefined,
  client_secret_basic: 'clientSecret',
  client_secret_post: 'clientSecret',
  private_key_jwt: 'privateKey',
} as const

/** An entry of `clients`. */
export const entryRow = (): OptionalOption<PreregisteredClient> =>
  object({
    issuer: url('the URL of the authorization server that knows this client').required,
    clientId: text().required,
    clientSecret: clientSecret(),
    privateKey: privateKey(),
    authMethod: oneOf(Object.keys(credentials) as (keyof typeof credentials)[]),
    servers: list(matching<string>('the URL of an MCP server without fragment', isServer)),
    endpointOrigins: list(origin()),
  }) as OptionalOption<PreregisteredClient>

/** What the table does not say: which options of an entry need which others. */
export function checkEntry(
  name: string,
  entry: PreregisteredClient,
  { providers, grant }: { providers: readonly ProviderQuirks[]; grant?: UnattendedGrant | undefined },
): void {
  const { authMethod, issuer, servers } = entry
  const credential = authMethod && credentials[authMethod]
  if (credential !== undefined && entry[credential] === undefined)
    throw optionError(
      `${name}.${credential}`,
      `given for authMethod ${JSON.stringify(authMethod)}`,
      undefined,
    )
  const unbound = providers.some((provider) => provider.issuer === issuer && isUnbound(provider.client))
  if (servers === undefined ? !unbound && grant === undefined : servers.length > 0) return
  const why = unbound
    ? `${issuer} does not bind tokens to a resource: a server that gets one can use it elsewhere`
    : 'No user sees which server asks for a token'
  throw optionError(`${name}.servers`, 'the MCP servers that this client is for', servers, why)
}

/** Whether the tokens are not bound to a resource (RFC 8707): a server that gets one can use it elsewhere. */
export const isUnbound = (quirks: ClientQuirks | undefined): boolean => quirks?.resource === 'omit'

/** An entry of `providers`: a preset, which has other members for other roles, or `{ issuer, client }`. */
export function providerRow(): OptionalOption<ProviderQuirks> {
  const what = 'a preset such as entra({ … }), or { issuer, client }'
  const quirks = object({
    resource: oneOf(['omit', 'audience']),
    assumeS256: flag(),
    omitPrompt: flag(),
    retryRefreshWithoutResource: flag(),
    tokenTypes: list(text()),
    endpoints: object({
      authorization: url().required,
      token: url().required,
      userinfo: url(),
      revocation: url(),
    }),
    endpointOrigins: list(origin()),
    authorizationParameters: record(
      matching<string>('a string', isString).required,
      '{ access_type: "offline" }',
    ),
  })
  return custom(what, (value, name) => {
    if (!isObject(value)) throw optionError(name, what, value)
    const { issuer, client } = value as { issuer?: unknown; client?: unknown }
    text().required(issuer, `${name}.issuer`)
    quirks(client, `${name}.client`)
    return value as ProviderQuirks
  })
}

/** No message shows a key that was passed as text. */
const privateKey = (): OptionalOption<CryptoKey> => {
  const what = 'a CryptoKey, or { key, kid }'
  return custom(what, (value, name) => {
    if (!isObject(value)) throw secretError(name, what, value)
    return value as CryptoKey
  })
}

const origin = (): OptionalOption<string> =>
  url('an origin such as "https://login.example.com"', (url, text) => url.origin === text)

const isServer = (value: unknown): boolean => isString(value) && canonicalResource(value) !== undefined

const isString = (value: unknown): value is string => typeof value === 'string'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
