import { ConfigurationError } from '../errors.ts'
import { defined } from '../lib/defined.ts'
import {
  either,
  flag,
  func,
  integer,
  list,
  matching,
  methods,
  readOptions,
  seconds,
  text,
  url,
  type OptionalOption,
} from '../lib/options.ts'
import { runtimeOptions } from '../lib/runtime.ts'
import { isSecureOrLoopback } from '../protocol/loopback.ts'
import { isScopeToken } from '../protocol/scope.ts'
import type { Awaitable, ErrorContext, Runtime } from '../types.ts'
import { checkEntry, entryRow, providerRow, type ProviderQuirks } from './entry-options.ts'
import type { Authorized, ClientStorage, PreregisteredClient, Redirect, UnattendedGrant } from './types.ts'
import type { CryptoKeyPair } from '../lib/web-types.ts'

/** Options of {@link createClient}. */
export interface ClientOptions extends Runtime {
  /**
   * For a web application its redirect URI, whose handler calls `client.callback` for that path and for the
   * paths one segment below it, which are for issuers that send no `iss`. For a native application what
   * `loopbackRedirect()` or `pasteRedirect()` returns. Default: none, and the user is never asked.
   */
  redirect?: string | Redirect
  /** Default: `memoryStorage()`. */
  storage?: ClientStorage
  /**
   * The user whose tokens these are, if one storage serves several: a non-empty string, so that an unknown
   * user does not get another user's tokens. Leave the option out for a single user. Default: a single user.
   */
  subject?: string
  /** Shown on the consent page. Default: `MCP client`. */
  clientName?: string
  /**
   * The https URL of the client-id metadata document, used at servers that support such documents. Default:
   * none.
   */
  clientMetadataUrl?: string
  /** Clients that were registered by hand. Default: none. */
  clients?: readonly PreregisteredClient[]
  /**
   * Called if there is no other way to register. The client needs this `redirectUri` at that issuer. The
   * answer is stored for this issuer. Default: none, and the request rejects with `registration_unavailable`.
   */
  askForClient?: (
    issuer: string,
    about: { redirectUri: string | undefined },
  ) => Awaitable<{ clientId: string; clientSecret?: string } | null | undefined>
  /**
   * Authorization servers that do not follow the standard: presets such as `entra({ … })`, or `{ issuer,
   * client }` with the quirks. Default: none.
   */
  providers?: readonly ProviderQuirks[]
  /**
   * Requested if neither the challenge nor the server's metadata name scopes. With `grant`: the most that is
   * ever requested. Default: none.
   */
  scopes?: readonly string[]
  /**
   * Tokens without a user: `clientCredentials()`, `enterpriseManaged({ … })`, `workloadIdentity({ … })`.
   * Default: none, a user approves.
   */
  grant?: UnattendedGrant
  /**
   * Sender-constrained tokens (RFC 9449). `true`: at servers that support them, with a key that is lost when
   * the process ends. A key pair: with that key. `false`: never. Default: if the server demands them, in its
   * metadata or by a challenge with DPoP only.
   */
  dpop?: boolean | CryptoKeyPair
  /** Seconds before its expiry at which a token is renewed, 0–600. Default 60. */
  refreshAhead?: number
  /** How often one request may ask for more scopes, 0–5. Default 2. */
  maxStepUps?: number
  /** Seconds that the user has to approve, 30–3600. Default 600. */
  authorizationTimeout?: number
  /**
   * Servers of revision 2025-03-26 that publish no metadata: `/authorize`, `/token` and `/register` at their
   * root. Default false.
   */
  allowDefaultEndpoints?: boolean
  /**
   * Origins that are used although they are not public https: `http://mcp:3000`. Default: none. A server on
   * loopback needs no entry if `redirect` ends on loopback or in an app.
   */
  dangerouslyAllowOrigins?: readonly string[]
  /** Called after the user has approved; its answer is what the browser is shown. Default: a page of ours. */
  onAuthorized?: (authorized: Authorized) => Awaitable<Response | void>
  /**
   * Receives each failure of an authorization (`where: 'authorization'`), a timeout included: its answer is
   * what the browser is shown. Also receives every other error that no caller gets, for example of a
   * revocation; its answer is ignored then. Default: a page of ours.
   */
  onError?: (error: unknown, context: ErrorContext) => Awaitable<Response | void>
}

/** Options with their defaults. */
export type ResolvedClientOptions = ClientOptions &
  Required<
    Pick<
      ClientOptions,
      | 'subject'
      | 'clientName'
      | 'clients'
      | 'providers'
      | 'refreshAhead'
      | 'maxStepUps'
      | 'authorizationTimeout'
      | 'dangerouslyAllowOrigins'
    >
  >

/** Wrong names that resemble no right one. */
const mistakes = {
  redirectUri: 'redirect',
  redirectUrl: 'redirect',
  callbackUrl: 'redirect',
  store: 'storage',
  userId: 'subject',
  name: 'clientName',
  timeout: 'authorizationTimeout',
  clientId: 'pass { issuer, clientId } in "clients"',
  clientSecret: 'pass { issuer, clientId, clientSecret } in "clients"',
  issuer: 'the MCP server names its issuer; a client that is registered there is an entry in "clients"',
  server: 'pass the URL to client.fetch()',
  resource: 'pass the URL to client.fetch()',
}

/** Throws ConfigurationError for an unknown or unusable option. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const { subject, ...resolved } = readOptions(
    'createClient',
    options,
    {
      redirect: either(
        webUrl(),
        methods<Redirect>(['listen', 'open'], 'what loopbackRedirect() or pasteRedirect() returns'),
      ),
      storage: methods<ClientStorage>(
        ['get', 'set', 'delete', 'exclusively'],
        'a ClientStorage, with the methods get, set, delete and exclusively',
      ),
      subject: text(),
      clientName: text().default('MCP client'),
      clientMetadataUrl: documentUrl(),
      clients: list(entryRow()).default([]),
      askForClient: func(),
      providers: list(providerRow()).default([]),
      scopes: list(matching<string>('a scope (RFC 6749 §3.3)', isScope)),
      grant: func('what clientCredentials(), workloadIdentity() or enterpriseManaged() returns'),
      dpop: matching<boolean | CryptoKeyPair>('true, false or a CryptoKeyPair', isDpop),
      refreshAhead: seconds({ min: 0, max: 600 }).default(60),
      maxStepUps: integer({ min: 0, max: 5 }).default(2),
      authorizationTimeout: seconds({ min: 30, max: 3600 }).default(600),
      allowDefaultEndpoints: flag(),
      dangerouslyAllowOrigins: list(text()).default([]),
      onAuthorized: func(),
      ...runtimeOptions(),
    },
    mistakes,
  )
  // An explicit undefined would give an unknown user the tokens of the single one.
  if (Object.hasOwn(options, 'subject') && subject === undefined)
    throw new ConfigurationError(
      'subject',
      'must be a non-empty string; got undefined. Leave the option out for a single user',
    )
  resolved.clients.forEach((entry, i) => checkEntry(`clients[${i}]`, entry, resolved))
  return { ...defined(resolved), subject: subject ?? '' }
}

/** https, or http on loopback, without fragment. */
export const webUrl = (): OptionalOption<string> =>
  url('an https URL without fragment (http only on loopback)', isWebUrl)

export const isWebUrl = (url: URL, text: string): boolean => isSecureOrLoopback(url) && !text.includes('#')

/** Client ID metadata documents, draft-01 §3: https, with a path. */
const documentUrl = (): OptionalOption<string> =>
  url(
    'an https URL with a path and without fragment',
    (url, text) => url.protocol === 'https:' && url.pathname !== '/' && !text.includes('#'),
  )

const isScope = (value: unknown): boolean => typeof value === 'string' && isScopeToken(value)

const isDpop = (value: unknown): boolean =>
  typeof value === 'boolean' || (typeof value === 'object' && value !== null && 'privateKey' in value)
