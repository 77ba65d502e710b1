import type { AuthMethod, PrivateKey } from '../http/client-auth.ts'
import type { TokenAnswer } from '../http/token-endpoint.ts'
import type { Awaitable, Clock, Fetch } from '../types.ts'

export type { TokenAnswer } from '../http/token-endpoint.ts'

/** A client that was registered by hand. */
export interface PreregisteredClient {
  /**
   * The authorization server that knows it, exactly as its metadata writes it. The credentials are sent
   * nowhere else.
   */
  issuer: string
  /** Its `client_id` there. */
  clientId: string
  /** Its secret there. Default: none, a public client or one with a key. */
  clientSecret?: string
  /**
   * For `private_key_jwt`: an asymmetric signing key, with its key id if the server wants one. Default: none.
   */
  privateKey?: PrivateKey
  /**
   * Default: `private_key_jwt` with a key; with a secret what the server lists, Basic before post; `none`
   * without a secret.
   */
  authMethod?: AuthMethod
  /**
   * The MCP servers that this client gets tokens for; others are refused before anything is sent (RFC 9700
   * §4.9.1). A URL stands for itself and the paths below it. Required with `grant`, because no user sees
   * which server asks; and if a preset in `providers` leaves `resource` out, because those tokens are valid
   * at every server that trusts the issuer. Default: every server that names the issuer.
   */
  servers?: readonly string[]
  /**
   * Origins of the authorization server's endpoints beside the issuer's own. A client that was registered by
   * hand has one redirect URI for all issuers, so an authorization server that sends no `iss` must keep its
   * endpoints at its own origin or at one of these (mix-up, RFC 9700 §4.4). Default: none.
   */
  endpointOrigins?: readonly string[]
}

/** Which server asks for what: show it to the user before the authorization server's page. */
export interface AuthorizationRequest {
  /** The MCP server that asks: origin and path. */
  server: string
  /** The authorization server whose page the user sees. */
  issuer: string
  /** What is asked for. Undefined: the server decides. */
  scopes: readonly string[] | undefined
}

/**
 * How the user gets to the authorization server and back. `loopbackRedirect` and `pasteRedirect` make one.
 */
export interface Redirect {
  /** The redirect URI, if it is fixed beforehand. */
  readonly uri?: string
  /**
   * Starts to listen at the redirect URI, before the client registers. `handle` answers what the browser is
   * shown. With a `segment` the redirect URI is for one issuer only, and its path ends with it (RFC 9700
   * §4.4.2.2); without that, issuers that send no `iss` must have all endpoints at their own origin.
   * `preferred` is the redirect URI of the last registration.
   */
  listen(
    handle: (request: Request) => Promise<Response>,
    options: { preferred: string | undefined; segment?: string },
  ): Promise<{ uri: string; close(): Awaitable<void> }>
  /**
   * Shows the URL to the user, if possible with what `request` says. May resolve to the URL at which the
   * browser arrived, if the user pasted it.
   */
  open(url: URL, request: AuthorizationRequest): Awaitable<string | URL | undefined | void>
}

/** The result of an authorization. */
export interface Authorized {
  /** The URL of the MCP server that the tokens are for. */
  resource: string
  /** The authorization server that issued them. */
  issuer: string
  /** The user: the option `subject` of the client. */
  subject: string
  /** What was granted, if the server said so. */
  scopes: readonly string[] | undefined
}

/**
 * Where a client stores registrations, pending authorizations and tokens. Values are secret: a reader can act
 * as the user. Keys consist of `[A-Za-z0-9:_-]` and are short.
 */
export interface ClientStorage {
  /** The value, or undefined if there is none (any more). */
  get(key: string): Promise<string | undefined>
  /**
   * The value is stored when the promise resolves: a rotated refresh token is used only after that. With
   * `expiresAt`, in seconds since the epoch, the storage may drop the value after that time; unfinished
   * authorizations are not deleted otherwise. `owner` names the user of such a value: a storage with a bound
   * drops values of the same owner only.
   */
  set(key: string, value: string, options?: { expiresAt?: number; owner?: string }): Promise<void>
  /** Removes the value, if there is one. */
  delete(key: string): Promise<void>
  /**
   * Runs `work` while no other caller, in this process or another, runs work under the same key. A holder
   * that died must not block the others for ever; one that lives may hold the lock for as long as a user
   * needs to approve.
   */
  exclusively<T>(key: string, work: () => Promise<T>): Promise<T>
}

/**
 * How a client gets tokens without a user. `clientCredentials`, `workloadIdentity` and `enterpriseManaged`
 * make one.
 */
export type UnattendedGrant = (request: GrantRequest) => Promise<TokenAnswer>

/** What a {@link UnattendedGrant} works with. */
export interface GrantRequest {
  /** The URL of the MCP server. */
  readonly server: string
  /** The authorization server, as its metadata writes it. */
  readonly issuer: string
  /**
   * Whether `clients` or `providers` name the issuer. If not, only the MCP server does: credentials that are
   * valid elsewhere must not go there.
   */
  readonly issuerIsConfigured: boolean
  /** The resource identifier of the MCP server. */
  readonly resource: string
  /** `scope`, and `resource` or what the provider takes instead, for the token request. */
  readonly parameters: Readonly<Record<string, string | undefined>>
  /** Sends a request to the issuer's token endpoint, authenticated as this client. */
  requestTokens(
    grantType: string,
    parameters: Readonly<Record<string, string | undefined>>,
  ): Promise<TokenAnswer>
  /** For other endpoints: public https only, no redirects, JSON objects only. */
  readonly fetch: Fetch
  /** Seconds since the epoch. */
  readonly clock: Clock
}
