import { ConfigurationError } from '../errors.ts'
import type { AuthInfo, Awaitable } from '../types.ts'

/** The handler of a Worker. */
export type WorkerHandler<Env, Context> = (
  request: Request,
  env: Env,
  context: Context,
) => Awaitable<Response>

/**
 * A Worker whose servers are built once per isolate, from the bindings of the first request. Use it if
 * `import { env } from 'cloudflare:workers'` is not available. `build` gets no request's context, because
 * what it builds outlives the request: as `waitUntil`, pass the one of `cloudflare:workers`.
 *
 * @example
 * import { waitUntil } from 'cloudflare:workers'
 * export default worker((env: { RESOURCE: string; ISSUER: string }) => {
 *   const rs = createResourceServer({
 *     resource: env.RESOURCE,
 *     authorizationServers: [env.ISSUER],
 *     waitUntil,
 *   })
 *   return rs.protect((request, auth) => mcp(request, { authInfo: auth }))
 * })
 */
export function worker<Env = unknown, Context = unknown>(
  build: (env: Env) => WorkerHandler<Env, Context>,
): { fetch: (request: Request, env: Env, context: Context) => Promise<Response> } {
  if (typeof build !== 'function')
    throw new ConfigurationError('build', 'must be a function from env to a handler')
  let handler: WorkerHandler<Env, Context> | undefined
  return {
    async fetch(request, env, context) {
      handler ??= built(build(env))
      return handler(request, env, context)
    },
  }
}

/** `ctx.auth`, as `@cloudflare/workers-oauth-provider` 1.x names its members. */
export interface ContextAuth {
  /** Not enumerable, so that it is not logged by accident. */
  readonly token: string
  /** The resource of the token. */
  audience: string
  /** The OAuth client. */
  clientId: string
  /** Seconds since the epoch. */
  expiresAt: number
  /** The scopes that the guard found, with those that they imply. */
  scope: string[]
  /** The subject; absent if the token has no user. */
  userId?: string
}

/**
 * Gives a request's `ExecutionContext` what Cloudflare's own libraries read there, and returns it: `props`
 * for `McpAgent.serve()` and `getMcpAuthContext()` of `agents`, and `auth` for handlers that were written for
 * `@cloudflare/workers-oauth-provider`. `props`: those of the grant by default, an empty object if it has
 * none. An `McpAgent` keeps the props with which its session began, so they say who the user is; which
 * operations a request may use is decided in the guard (`operationScopes`), and `createSessions().bind` of
 * `tollgate/sessions` keeps the sessions of users apart (session hijacking).
 *
 * @example
 * const agent = NotesAgent.serve('/mcp')
 * const guarded = rs.protect(
 *   sessions.bind((request, auth, env: Env, context: ExecutionContext) =>
 *     agent.fetch(withoutAgentHeaders(request), env, withAuth(context, auth)),
 *   ),
 * )
 */
export function withAuth<Context extends object, P, Props = P>(
  context: Context,
  auth: AuthInfo<P>,
  props: Props = (auth.props ?? {}) as Props,
): Context & { props: Props; auth: ContextAuth } {
  const { clientId, expiresAt, scopes, subject } = auth
  const shown: Omit<ContextAuth, 'token'> = {
    audience: auth.resource.href,
    clientId,
    expiresAt,
    scope: [...scopes],
    ...(subject === undefined ? {} : { userId: subject }),
  }
  Object.defineProperty(shown, 'token', { value: auth.token })
  // Defined, not assigned: a context may have `props` of its own that is read-only.
  for (const [name, value] of Object.entries({ props, auth: shown }))
    Object.defineProperty(context, name, { value, configurable: true, enumerable: true })
  return context as Context & { props: Props; auth: ContextAuth }
}

/** By these, `agents` and `partyserver` tell their Durable Objects what the Worker has decided. */
const agentHeader = /^(?:x-agents-|x-cf-agents-|x-partykit-|cf-mcp-)/

/**
 * The request without the headers by which Cloudflare's `agents` talks to its own Durable Objects. It takes
 * them from any caller: with `x-agents-lifecycle-props` a caller could be another user to the agent (confused
 * deputy). Pass each request through it before an `McpAgent`, as the example of {@link withAuth} does.
 */
export function withoutAgentHeaders(request: Request): Request {
  const names = [...request.headers.keys()].filter((name) => agentHeader.test(name))
  if (names.length === 0) return request
  const headers = new Headers(request.headers)
  for (const name of names) headers.delete(name)
  return new Request(request, { headers })
}

/** A promise belongs to the request that made it, and other requests would wait for ever. */
function built<Env, Context>(handler: WorkerHandler<Env, Context>): WorkerHandler<Env, Context> {
  if (typeof handler !== 'function')
    throw new ConfigurationError('build', 'must return the handler itself, not a promise of it')
  return handler
}
