import { ConfigurationError } from '../errors.ts'
import {
  checkOptions,
  requireFunction,
  requireInteger,
  requireSeconds,
  requireString,
  requireStrings,
} from '../lib/options.ts'
import { canonicalResource, isSecureOrLoopback } from '../protocol/resource.ts'
import { isScopeToken } from '../protocol/scope.ts'
import type { Awaitable, ClientQuirks, ErrorContext, Runtime } from '../types.ts'
import type { Authorized, ClientStorage, Grant, PreregisteredClient, Redirect } from './types.ts'

/** Options of {@link createClient}. */
export interface ClientOptions extends Runtime {
  /**
   * The redirect URI of a web host, whose handler calls `client.callback` for it and for the paths one
   * segment below it, which are for issuers that send no `iss`; or how a native host does it. Without it no
   * person is asked.
   */
  redirect?: string | Redirect
  /** Default: this process's memory. */
  storage?: ClientStorage
  /**
   * Whose tokens these are, where one storage serves several people: a non-empty string, so that nobody who
   * is unknown shares the tokens of others who are. Leave the option out for one person.
   */
  subject?: string
  /** Shown on the consent page. Default: `MCP client`. */
  clientName?: string
  /** The https URL of the host's client-id metadata document, used where the server supports them. */
  clientMetadataUrl?: string
  /** Clients that were registered by hand. */
  clients?: readonly PreregisteredClient[]
  /**
   * Asked if there is no other way to register; the client needs this `redirectUri` there. The answer is
   * stored for this issuer.
   */
  askForClient?: (
    issuer: string,
    about: { redirectUri: string | undefined },
  ) => Awaitable<{ clientId: string; clientSecret?: string } | null | undefined>
  /**
   * What must be known of authorization servers that do not follow the standard: presets such as `entra({ …
   * })`, or `{ issuer, client }` with the quirks.
   */
  providers?: readonly { readonly issuer: string; readonly client?: ClientQuirks }[]
  /**
   * Asked for where neither the challenge nor the server's metadata names scopes. With `grant`: the most that
   * is ever asked for.
   */
  scopes?: readonly string[]
  /**
   * Tokens without a person: `clientCredentials()`, `enterpriseManaged({ … })`, `workloadIdentity({ … })`.
   */
  grant?: Grant
  /**
   * Sender-constrained tokens (RFC 9449). `true`: where the server can; a key pair: with it, so that tokens
   * outlive the process. Default: if the server demands it, in its metadata or by a challenge with DPoP
   * alone.
   */
  dpop?: boolean | CryptoKeyPair
  /** Seconds before the expiry at which a token is renewed, 0–600. Default 60. */
  refreshAhead?: number
  /** How often one request may ask for more scopes, 0–5. Default 2. */
  maxStepUps?: number
  /** Seconds that a person has to approve, 30–3600. Default 600. */
  authorizationTimeout?: number
  /**
   * Servers of revision 2025-03-26 that publish no metadata: `/authorize`, `/token` and `/register` at their
   * root. Default false.
   */
  allowDefaultEndpoints?: boolean
  /**
   * Origins that are not public https, and are used all the same: `http://mcp:3000`. Default none. A server
   * on loopback needs no entry if `redirect` ends on loopback or in an app.
   */
  dangerouslyAllowOrigins?: readonly string[]
  /** After a person has approved; its answer is what the browser is shown. */
  onAuthorized?: (authorized: Authorized) => Awaitable<Response | void>
  /**
   * Receives why an authorization failed (`where: 'authorization'`): its answer is what the browser is shown.
   * Also receives every other error that a caller does not get, for example of a revocation; an answer then
   * means nothing.
   */
  onError?: (error: unknown, context: ErrorContext) => Awaitable<Response | void>
}

/** Options with their defaults. */
export type ResolvedClientOptions = ClientOptions &
  Required<Pick<ClientOptions, 'subject' | 'clientName' | 'clients' | 'refreshAhead' | 'maxStepUps'>> & {
    authorizationTimeout: number
    dangerouslyAllowOrigins: readonly string[]
  }

const known = [
  ...[
    'fetch',
    'clock',
    'waitUntil',
    'onEvent',
    'repeatedEvents',
    'clientAddress',
    'redirect',
    'storage',
    'subject',
    'clientName',
  ],
  ...['clientMetadataUrl', 'clients', 'askForClient', 'providers', 'scopes', 'grant', 'dpop', 'refreshAhead'],
  ...['maxStepUps', 'authorizationTimeout', 'allowDefaultEndpoints', 'dangerouslyAllowOrigins'],
  ...['onAuthorized', 'onError'],
]

/** Throws ConfigurationError for an unknown or unusable option. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  checkOptions('createClient', options, known)
  if (typeof options.redirect === 'string') checkUrlOption('redirect', options.redirect)
  else if (options.redirect !== undefined) checkRedirect(options.redirect)
  if (options.grant !== undefined) requireFunction('grant', options.grant)
  if (options.clientMetadataUrl !== undefined) checkDocumentUrl(options.clientMetadataUrl)
  for (const scope of requireStrings('scopes', options.scopes ?? []))
    if (!isScopeToken(scope))
      throw new ConfigurationError('scopes', `${JSON.stringify(scope)} is not a scope`)
  options.providers?.forEach(checkProvider)
  const clients = options.clients ?? []
  clients.forEach((client, i) => checkClient(client, i, options))
  return {
    ...options,
    clients,
    ...(options.storage === undefined ? {} : { storage: requireStorage(options.storage) }),
    subject: Object.hasOwn(options, 'subject') ? requireString('subject', options.subject) : '',
    clientName: options.clientName ?? 'MCP client',
    refreshAhead: requireSeconds('refreshAhead', options.refreshAhead, { min: 0, max: 600, default: 60 }),
    maxStepUps: requireInteger('maxStepUps', options.maxStepUps, { min: 0, max: 5, default: 2 }),
    authorizationTimeout: requireSeconds('authorizationTimeout', options.authorizationTimeout, {
      min: 30,
      max: 3600,
      default: 600,
    }),
    dangerouslyAllowOrigins: requireStrings('dangerouslyAllowOrigins', options.dangerouslyAllowOrigins ?? []),
  }
}

export function checkUrlOption(option: string, value: string): void {
  if (!URL.canParse(value) || !isSecureOrLoopback(new URL(value)) || value.includes('#'))
    throw new ConfigurationError(
      option,
      `pass an https URL without fragment (http only on loopback); got "${value}"`,
    )
}

function checkRedirect(redirect: Redirect): void {
  if (typeof redirect.listen !== 'function' || typeof redirect.open !== 'function')
    throw new ConfigurationError('redirect', 'pass a URL, or what loopbackRedirect() or pasteRedirect() made')
}

/** Client ID metadata documents, draft-01 §3: https, with a path. */
function checkDocumentUrl(value: string): void {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== 'https:' || url.pathname === '/' || value.includes('#'))
    throw new ConfigurationError('clientMetadataUrl', 'pass an https URL with a path and without fragment')
}

/** Presets are data that anybody can write. */
function checkProvider(
  { issuer, client = {} }: NonNullable<ClientOptions['providers']>[number],
  i: number,
): void {
  requireString(`providers[${i}].issuer`, issuer)
  const at = `providers[${i}].client`
  checkOptions(at, client, quirks)
  requireStrings(`${at}.tokenTypes`, client.tokenTypes ?? [])
}

const quirks: (keyof ClientQuirks)[] = [
  ...(['resource', 'assumeS256', 'endpoints', 'endpointOrigins', 'authorizationParameters'] as const),
  ...(['tokenTypes', 'omitPrompt', 'retryRefreshWithoutResource'] as const),
]

function checkClient(client: PreregisteredClient, i: number, { providers = [], grant }: ClientOptions): void {
  const at = `clients[${i}]`
  checkOptions(at, client, [
    'issuer',
    'clientId',
    'clientSecret',
    'privateKey',
    'authMethod',
    'servers',
    'endpointOrigins',
  ])
  if (typeof client.issuer !== 'string' || !URL.canParse(client.issuer))
    throw new ConfigurationError(`${at}.issuer`, 'name the authorization server that knows this client')
  requireString(`${at}.clientId`, client.clientId)
  if (client.clientSecret !== undefined) requireString(`${at}.clientSecret`, client.clientSecret)
  const unbound = providers.some(
    ({ issuer, client: quirks }) => issuer === client.issuer && isUnbound(quirks),
  )
  checkServers(`${at}.servers`, client, unbound, grant !== undefined)
  for (const origin of requireStrings(`${at}.endpointOrigins`, client.endpointOrigins ?? []))
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new ConfigurationError(
        `${at}.endpointOrigins`,
        `must be origins such as "https://login.example.com"; got ${JSON.stringify(origin)}`,
      )
  if (client.authMethod === undefined) return
  if (!Object.hasOwn(needs, client.authMethod))
    throw new ConfigurationError(`${at}.authMethod`, `pass one of ${Object.keys(needs).join(', ')}`)
  const needed = needs[client.authMethod]
  if (needed !== undefined && client[needed] === undefined)
    throw new ConfigurationError(`${at}.${needed}`, `${client.authMethod} needs it`)
}

/**
 * Whether the tokens of this provider are not bound to a resource (RFC 8707): whoever gets one can use it
 * elsewhere.
 */
export const isUnbound = (quirks: ClientQuirks | undefined): boolean => quirks?.resource === 'omit'

function checkServers(
  option: string,
  { issuer, servers }: PreregisteredClient,
  unbound: boolean,
  unattended: boolean,
): void {
  if (servers === undefined && !unbound && !unattended) return
  if (servers === undefined || requireStrings(option, servers).length === 0)
    throw new ConfigurationError(
      option,
      `name the MCP servers that this client is for; ${
        unattended
          ? 'a grant without a person would give a token to every server that names the issuer'
          : `${JSON.stringify(issuer)} does not bind tokens to a resource, so every server that names it would get tokens that are good elsewhere`
      }`,
    )
  for (const server of servers)
    if (canonicalResource(server) === undefined)
      throw new ConfigurationError(
        option,
        `must be URLs of MCP servers without fragment; got ${JSON.stringify(server)}`,
      )
}

/** What each method of a client proves itself with. */
const needs = {
  none: undefined,
  client_secret_basic: 'clientSecret',
  client_secret_post: 'clientSecret',
  private_key_jwt: 'privateKey',
} as const

function requireStorage(storage: ClientStorage): ClientStorage {
  for (const method of ['get', 'set', 'delete', 'exclusively'] as const)
    if (typeof storage[method] !== 'function')
      throw new ConfigurationError('storage', `needs a method ${method}; see ClientStorage`)
  return storage
}
