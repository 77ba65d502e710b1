import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import { OAuthAuthProvider as FrameworkProvider } from 'mcp-framework'
import { ConfigurationError } from '../../errors.ts'
import { createResourceServer, type ResourceServer } from '../../index.ts'
import { resolveRuntime, type ResolvedRuntime } from '../../lib/runtime.ts'
import { bearerChallenge } from '../../protocol/challenge.ts'
import type { AuthInfo, DeployedResource } from '../../types.ts'
import { endWithToken } from '../node-end.ts'
import { finishFlow, startFlow } from './flow.ts'
import { responseTo, toJudged, watchResponses } from './message.ts'
import type { OAuthAuthProviderOptions, ResolvedProviderOptions } from './options.ts'
import { resolveOptions } from './resolve.ts'
import { SessionOwners } from './sessions.ts'

export type { FrameworkIntrospection, OAuthAuthProviderOptions, ValidationOptions } from './options.ts'
export type { CustomValidator } from './verifier.ts'

/** What a tool finds with `getRequestContext()`: the claims of the token, and who is calling. */
export interface AuthenticatedContext {
  readonly [claim: string]: unknown
  /** What the guard found: `subject`, `scopes`, `hasScope()`. */
  readonly auth: AuthInfo
  /** Not enumerable, so that it is not logged by accident. */
  readonly token: string
}

/**
 * Who is calling, for a tool: `authOf(getRequestContext())`. Throws ConfigurationError if the request did not
 * pass {@link OAuthAuthProvider}.
 */
export function authOf(context: object | undefined): AuthInfo {
  const { auth } = (context ?? {}) as { auth?: AuthInfo }
  if (auth === undefined)
    throw new ConfigurationError(
      'authOf',
      'must get getRequestContext() of a request that OAuthAuthProvider admitted',
    )
  return auth
}

/** How the framework answers a request that is not admitted. */
export interface AuthError {
  /** The HTTP status of the answer. */
  status: number
  /** What is wrong, without a credential. */
  message: string
  /** Headers of the answer, for example `WWW-Authenticate`. */
  headers: Record<string, string>
}

/**
 * The `OAuthAuthProvider` of `mcp-framework`, with Tollgate as the judge, on its HTTP stream and SSE
 * transports. It is a subclass, because the framework writes challenges and metadata only for its own class.
 *
 * The framework asks about each request; without a good token it answers 401 `invalid_token`, 403
 * `insufficient_scope` with the scopes that are missing, or 503 with `Retry-After` if the issuer is out of
 * reach. A session that the caller has not opened with a token is 404, and a stream ends with its token.
 *
 * @throws ConfigurationError if an option is wrong, unknown or missing, or weakens the verification.
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 *
 * @example
 * const provider = new OAuthAuthProvider({
 *   authorizationServers: [issuer],
 *   resource,
 *   validation: { type: 'jwt' },
 * })
 */
export class OAuthAuthProvider extends FrameworkProvider {
  readonly #settings: ResolvedProviderOptions
  readonly #rs: ResourceServer
  readonly #deployed: DeployedResource
  readonly #runtime: ResolvedRuntime
  readonly #owners = new SessionOwners()

  constructor(options: OAuthAuthProviderOptions) {
    const settings = resolveOptions(options)
    const rs = createResourceServer(settings.server)
    const [deployed] = rs.deployment.resources as [DeployedResource]
    const { resource, metadata } = deployed
    // The framework demands a validation, and never asks it: `authenticate` is ours.
    const validation = { type: 'jwt', jwksUri: resource, audience: resource, issuer: resource } as const
    super({ resource, authorizationServers: [...(metadata.authorization_servers ?? [])], validation })
    this.#settings = settings
    this.#rs = rs
    this.#deployed = deployed
    this.#runtime = resolveRuntime(settings.server)
    watchResponses()
  }

  /**
   * Who is calling, or false: then {@link getAuthError} and {@link getWWWAuthenticateHeader} say why, to the
   * same caller.
   */
  override authenticate(message: IncomingMessage): Promise<false | { data: AuthenticatedContext }> {
    // The framework asks for the reason without saying for which request.
    const outcome: Outcome = {}
    outcomes.enterWith(outcome)
    return this.#authenticate(message, outcome)
  }

  async #authenticate(
    message: IncomingMessage,
    outcome: Outcome,
  ): Promise<false | { data: AuthenticatedContext }> {
    const { resource } = this.#deployed
    const response = responseTo(message)
    const admitted = await this.#rs.admit(toJudged(message, resource, this.#settings.headerName))
    const refused = admitted instanceof Response ? admitted : this.#refuseSession(message, admitted.auth!)
    if (admitted instanceof Response || refused !== undefined) {
      outcome.error = await this.#errorOf(refused as Response)
      // Of the headers, the framework writes only the challenge.
      for (const name of ['retry-after', 'cache-control']) {
        const value = outcome.error.headers[name]
        if (value !== undefined && response?.headersSent === false) response.setHeader(name, value)
      }
      return false
    }
    const auth = admitted.auth!
    if (response !== undefined) {
      this.#owners.watch(message, response, auth)
      setImmediate(endWithToken, response, admitted)
    }
    return { data: contextOf(auth) }
  }

  /** The protected resource metadata (RFC 9728 §2). The framework serves two members of it, at the root. */
  getProtectedResourceMetadata(): DeployedResource['metadata'] {
    return this.#deployed.metadata
  }

  /** Why the last `authenticate` of this caller refused. */
  override getAuthError(): AuthError {
    const headers = { 'www-authenticate': this.#challenge() }
    return outcomes.getStore()?.error ?? { status: 401, message: unauthorized, headers }
  }

  /** The challenge of that refusal. The framework's own words count only if there was none. */
  override getWWWAuthenticateHeader(error?: string, errorDescription?: string): string {
    return outcomes.getStore()?.error?.headers['www-authenticate'] ?? this.#challenge(error, errorDescription)
  }

  /**
   * Starts an authorization of the option `client` at this server, and returns the URL for the user's
   * browser. `redirectUri`: that of the client, with the path `callbackPath`. Rejects with ConfigurationError
   * without `client`. The client stores the pending authorization for its `subject`.
   */
  async startAuthorizationFlow(redirectUri: string): Promise<{ authorizationUrl: string; state: string }> {
    return startFlow(this.#settings, this.#deployed.resource, redirectUri)
  }

  /**
   * Finishes it, and returns what the browser is shown: 400 if `state` or `iss` (RFC 9207) is not right.
   * `iss`: the parameter of the callback, which an issuer that sends it makes necessary. The client stores
   * the tokens, which are not returned.
   */
  async handleCallback(code: string, state: string, redirectUri: string, iss?: string): Promise<Response> {
    return finishFlow(this.#settings, { code, state, redirectUri, iss })
  }

  /** Session hijacking. The status by which MCP says that a session is over. */
  #refuseSession(message: IncomingMessage, auth: AuthInfo): Response | undefined {
    if (this.#owners.admit(message, auth)) return undefined
    this.#runtime.event({
      type: 'request.refused',
      level: 'warning',
      resource: this.#deployed.resource,
      issuer: auth.issuer,
      subject: auth.subject,
      clientId: auth.clientId,
      status: 404,
      detail: 'The caller has not opened this session',
    })
    return Response.json({ error_description: 'Session not found' }, { status: 404 })
  }

  async #errorOf(refused: Response): Promise<AuthError> {
    const headers = Object.fromEntries(refused.headers)
    // The framework serves the metadata at the root only.
    const challenge = headers['www-authenticate']?.replace(this.#deployed.metadataUrl, this.#metadataUrl())
    // It writes a challenge in any case: without `error`, it says nothing about the token.
    headers['www-authenticate'] = challenge ?? this.#challenge()
    const text = await refused.text()
    const { error_description: message = unauthorized } = text === '' ? {} : JSON.parse(text)
    return { status: refused.status, message, headers }
  }

  #challenge(error?: string, description?: string): string {
    const { requiredScopes: scope } = this.#settings.server
    return bearerChallenge({ error, description, scope, resourceMetadata: this.#metadataUrl() })
  }

  #metadataUrl(): string {
    return new URL('/.well-known/oauth-protected-resource', this.#deployed.resource).href
  }
}

/** What came of one `authenticate`, for the code that awaits it. */
interface Outcome {
  error?: AuthError
}

const outcomes = new AsyncLocalStorage<Outcome>()

const unauthorized = 'Unauthorized'

function contextOf(auth: AuthInfo): AuthenticatedContext {
  return Object.defineProperty({ ...auth.claims, auth } as never, 'token', { value: auth.token })
}
