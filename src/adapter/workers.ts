import { ConfigurationError } from '../errors.ts'
import type { Awaitable } from '../types.ts'

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
 * export default worker((env: Env) => {
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

/** A promise belongs to the request that made it, and other requests would wait for ever. */
function built<Env, Context>(handler: WorkerHandler<Env, Context>): WorkerHandler<Env, Context> {
  if (typeof handler !== 'function')
    throw new ConfigurationError('build', 'must return the handler itself, not a promise of it')
  return handler
}
