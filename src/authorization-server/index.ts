import { OAuthError } from '../errors.ts'
import { asksForLoopback, hasHost } from '../http/host.ts'
import { methods } from '../http/methods.ts'
import { oauthError } from '../http/responses.ts'
import { isLoopbackHost } from '../protocol/resource.ts'
import type { AuthorizationServer, Endpoints } from '../types.ts'
import { accountEndpoint } from './account.ts'
import { authorizeEndpoint } from './authorize/endpoint.ts'
import { callbackEndpoint } from './authorize/callback.ts'
import type { Context, Endpoint } from './context.ts'
import { createContext } from './create-context.ts'
import { introspectionEndpoint, mayIntrospect } from './token/introspection.ts'
import { isEmbedded, jwksEndpoint, metadataRoutes } from './metadata.ts'
import type { AuthorizationServerOptions } from './options.ts'
import type { Grant } from './grants.ts'
import { callbackPath } from './paths.ts'
import { registrationEndpoint, type Register } from './client/registration.ts'
import { revocationEndpoint } from './token/revocation.ts'
import type { ClientAdministration } from './client/stored-administration.ts'
import { tokenEndpoint } from './token/endpoint.ts'
import { createVerifier } from './token/verifier.ts'

export type { ClientMetadata } from '../protocol/client-metadata.ts'
export type { Identity, RateLimiter, SignIn, SignInLeg, UpstreamTokens } from '../types.ts'
export type { Jwk, KeyRingOptions } from './keys.ts'
export type { AuthorizationServerOptions, Branding, Lifetimes, ResourcePolicy } from './options.ts'
export { memoryRateLimiter } from './rate-limit.ts'
export type { Grant } from './grants.ts'
export { dangerouslyDevSignIn } from './sign-in/development.ts'
export { ownLogin } from './sign-in/own-login.ts'
export type { ClientAdministration, RegisteredClient } from './client/stored-administration.ts'

/** An authorization server in the same deployment as the MCP server that it serves. */
export interface EmbeddedAuthorizationServer extends AuthorizationServer, Endpoints {
  /** What users have granted. */
  readonly grants: {
    /** The user's live grants. */
    list(subject: string): Promise<Grant[]>
    /**
     * Revokes one of the user's grants, or all: refresh is dead at once; access tokens see `checkRevocation`.
     */
    revoke(subject: string, grantId?: string): Promise<void>
  }
  readonly clients: ClientAdministration
  /** Kills everything that was issued: new keys, a new epoch. Other isolates notice within 300 s. */
  revokeAll(): Promise<void>
}

type Handler = (request: Request) => Promise<Response>

/**
 * The authorization server: OAuth 2.1 for MCP clients of every revision, for those who have users and no such server yet.
 * `handle` answers its endpoints and leaves everything else alone; the object itself is what `createResourceServer` takes.
 *
 * @throws ConfigurationError where an option is wrong, missing or unknown.
 * @see [OAuth 2.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1), [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414), [RFC 7591](https://www.rfc-editor.org/rfc/rfc7591)
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
      revoke: (subject, grantId) => context.grants.revoke(subject, grantId),
    },
    clients: administration,
    revokeAll: () => context.keys.revokeAll(),
  }
}

/** Clients in browsers call these across origins; the only credential is in the request itself. */
const open = { origins: '*', methods: 'POST' } as const

function createEndpoints(context: Context, register: Register): ReadonlyMap<Endpoint, Handler> {
  const endpoints = new Map<Endpoint, Handler>([
    ['authorize', authorizeEndpoint(context)],
    ['account', accountEndpoint(context)],
    ['token', methods({ POST: tokenEndpoint(context) }, { cors: open })],
    ['revoke', methods({ POST: revocationEndpoint(context) }, { cors: open })],
    ['jwks', jwksEndpoint(context)],
  ])
  if ([...context.clients.preregistered.values()].some(mayIntrospect))
    endpoints.set('introspect', methods({ POST: introspectionEndpoint(context) }))
  if (context.options.registration !== false)
    endpoints.set('register', methods({ POST: registrationEndpoint(context, register) }, { cors: open }))
  return endpoints
}

/**
 * On loopback: 421 for a request that names another host, as a page does that came by DNS rebinding (RFC 9110
 * §15.5.20).
 */
function refuseForeignHost({ issuer, runtime }: Context, request: Request): Response | undefined {
  if (asksForLoopback(request)) return undefined
  const problem = 'Host not allowed: this server only answers for its own host'
  runtime.event({ type: 'request.refused', level: 'warning', issuer, status: 421, detail: problem })
  return oauthError(new OAuthError('invalid_request', problem, { status: 421 }))
}

/** By pathname, and by nothing else: no header chooses where a request goes. */
function createRoutes(
  context: Context,
  endpoints: ReadonlyMap<Endpoint, Handler>,
): ReadonlyMap<string, Handler> {
  const routes = new Map<string, Handler>(metadataRoutes(context, new Set(endpoints.keys())))
  for (const [name, handler] of endpoints) routes.set(context.paths[name], handler)
  if (context.signIn.finish !== undefined) routes.set(callbackPath(context), callbackEndpoint(context))
  if (!isEmbedded(context)) return routes
  // MCP 2025-03-26, Fallbacks for Servers without Metadata Discovery.
  for (const name of ['authorize', 'token', 'register'] as const) {
    const handler = endpoints.get(name)
    if (handler !== undefined && !routes.has(`/${name}`)) routes.set(`/${name}`, handler)
  }
  return routes
}
