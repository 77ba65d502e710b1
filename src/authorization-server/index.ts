import { OAuthError } from '../errors.ts'
import { asksForLoopback, hasHost } from '../http/host.ts'
import { methods } from '../http/methods.ts'
import { oauthError } from '../http/responses.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { AuthorizationServer, Endpoints } from '../types.ts'
import { accountEndpoint, revokeGrants } from './account.ts'
import { callbackEndpoint } from './authorize/callback.ts'
import { authorizeEndpoint } from './authorize/endpoint.ts'
import { registrationEndpoint, type Register } from './client/registration.ts'
import type { ClientAdministration } from './client/stored-administration.ts'
import type { Context, Endpoint } from './context.ts'
import { createContext } from './create-context.ts'
import type { Grant } from './grants.ts'
import { isEmbedded, jwksEndpoint, metadataRoutes } from './metadata.ts'
import type { AuthorizationServerOptions } from './options.ts'
import { legPaths } from './paths.ts'
import { tokenEndpoint } from './token/endpoint.ts'
import { introspectionEndpoint, mayIntrospect } from './token/introspection.ts'
import { revocationEndpoint } from './token/revocation.ts'
import { createVerifier } from './token/verifier.ts'

export type { ClientMetadata, TokenEndpointAuthMethod } from '../protocol/client-metadata.ts'
export type {
  Branding,
  Identity,
  RateLimiter,
  SignIn,
  SignInCallback,
  SignInLeg,
  UpstreamTokens,
} from '../types.ts'
export type { ClientAdministration, RegisteredClient } from './client/stored-administration.ts'
export type { Grant } from './grants.ts'
export type { Jwk, KeyRingOptions, SigningAlgorithm } from './keys.ts'
export type { LinkedAccounts } from './links.ts'
export type {
  AuthorizationServerOptions,
  Choice,
  Choices,
  ConsentOptions,
  Lifetimes,
  PendingTokens,
  ResourcePolicy,
  TokensDecision,
} from './options.ts'
export { memoryRateLimiter } from './rate-limit.ts'
export { ownLogin, type OwnLoginOptions } from './sign-in/own-login.ts'

/** An authorization server in the same deployment as the MCP servers that it issues tokens for. */
export interface EmbeddedAuthorizationServer extends AuthorizationServer, Endpoints {
  /** What users have granted. */
  readonly grants: {
    /** The live grants of this user. Rejects with UnavailableError. */
    list(subject: string): Promise<Grant[]>
    /**
     * Revokes one grant of this user, or all; all also ends the linked accounts. Refresh tokens are dead at
     * once; JWT access tokens live on until `checkRevocation` notices or they expire. Rejects with
     * UnavailableError.
     */
    revoke(subject: string, grantId?: string): Promise<void>
  }
  /** Which clients there are, and which are blocked. */
  readonly clients: ClientAdministration
  /**
   * Revokes everything that was issued: a new signing key and a new epoch. Other isolates notice within 300
   * s. Rejects with UnavailableError.
   */
  revokeAll(): Promise<void>
}

type Handler = (request: Request) => Promise<Response>

/**
 * Creates an OAuth 2.1 authorization server for MCP clients of every revision. `handle` answers its endpoints
 * and returns undefined for any other request; the object itself is an entry of `authorizationServers` of
 * `createResourceServer`.
 *
 * @throws ConfigurationError if an option is wrong, missing or unknown.
 * @see [OAuth 2.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1)
 * @see [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)
 * @see [RFC 7591](https://www.rfc-editor.org/rfc/rfc7591)
 *
 * @example
 * const as = createAuthorizationServer({
 *   issuer: 'https://notes.example.com',
 *   secret: process.env.TOLLGATE_SECRET,
 *   store: memoryStore(),
 *   signIn: ownLogin({ identify, loginUrl: '/login' }),
 *   resources: { 'https://notes.example.com/mcp': { scopes: { 'notes:read': 'Read your notes' } } },
 * })
 * const rs = createResourceServer({ resource: 'https://notes.example.com/mcp', authorizationServers: [as] })
 */
export function createAuthorizationServer(options: AuthorizationServerOptions): EmbeddedAuthorizationServer {
  const { context, register, administration } = createContext(options)
  context.signIn.check?.(
    context.issuer,
    context.resources.all.flatMap(({ scopes }) => Object.keys(scopes)),
  )
  const endpoints = createEndpoints(context, register)
  const routes = createRoutes(context, endpoints)
  const isLoopback = isLoopbackHost(new URL(context.issuer).hostname)

  return {
    issuer: context.issuer,
    offeredScopes(resource) {
      const found = context.resources.find(resource)
      return found && Object.keys(found.scopes)
    },
    verifier: (resource) => createVerifier(context, resource),
    async handle(request) {
      if (!hasHost(request.url)) return undefined
      const route = routes.get(new URL(request.url).pathname)
      if (route === undefined) return undefined
      return (isLoopback ? refuseForeignHost(context, request) : undefined) ?? route(request)
    },
    grants: {
      list: (subject) => context.grants.list(subject),
      revoke: (subject, grantId) => revokeGrants(context, subject, grantId),
    },
    clients: administration,
    revokeAll: () => context.keys.revokeAll(),
  }
}

/** Clients in browsers call these across origins. The only credential is in the request itself. */
const open = { origins: '*', methods: 'POST' } as const

function createEndpoints(context: Context, register: Register): ReadonlyMap<Endpoint, Handler> {
  const endpoints = new Map<Endpoint, Handler>([
    ['authorize', lazy(() => authorizeEndpoint(context))],
    ['account', lazy(() => accountEndpoint(context))],
    ['token', lazy(() => methods({ POST: tokenEndpoint(context) }, { cors: open }))],
    ['revoke', lazy(() => methods({ POST: revocationEndpoint(context) }, { cors: open }))],
    ['jwks', lazy(() => jwksEndpoint(context))],
  ])
  if ([...context.clients.preregistered.values()].some(mayIntrospect))
    endpoints.set(
      'introspect',
      lazy(() => methods({ POST: introspectionEndpoint(context) })),
    )
  if (context.options.registration !== false)
    endpoints.set(
      'register',
      lazy(() => methods({ POST: registrationEndpoint(context, register) }, { cors: open })),
    )
  return endpoints
}

/** Made at the first request, because most cold starts serve one endpoint or none. */
function lazy(create: () => Handler): Handler {
  let handler: Handler | undefined
  return (request) => (handler ??= create())(request)
}

/**
 * DNS rebinding: a server on loopback answers 421 to a request that names another host (RFC 9110 §15.5.20).
 */
function refuseForeignHost({ issuer, runtime }: Context, request: Request): Response | undefined {
  if (asksForLoopback(request)) return undefined
  const problem = 'Host not allowed: this server only answers for its configured host'
  runtime.event({ type: 'request.refused', level: 'warning', issuer, status: 421, detail: problem })
  return oauthError(new OAuthError('invalid_request', problem, { status: 421 }))
}

/** Handlers by pathname. No header chooses where a request goes. */
function createRoutes(
  context: Context,
  endpoints: ReadonlyMap<Endpoint, Handler>,
): ReadonlyMap<string, Handler> {
  const routes = new Map<string, Handler>(metadataRoutes(context, new Set(endpoints.keys())))
  for (const [name, handler] of endpoints) routes.set(context.paths[name], handler)
  const { links, signIn } = context
  if (signIn.finish !== undefined) {
    const callback = lazy(() => callbackEndpoint(context))
    for (const path of legPaths(context, signIn)) routes.set(path, callback)
  }
  for (const [path, handler] of links?.routes(routes) ?? []) routes.set(path, handler)
  if (!isEmbedded(context)) return routes
  // MCP 2025-03-26, Fallbacks for Servers without Metadata Discovery.
  for (const name of ['authorize', 'token', 'register'] as const) {
    const handler = endpoints.get(name)
    if (handler !== undefined && !routes.has(`/${name}`)) routes.set(`/${name}`, handler)
  }
  return routes
}
