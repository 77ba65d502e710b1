import type { ResourceServer } from '../index.ts'
import { defined } from '../lib/defined.ts'
import { flag, func, readOptions, strings, text } from '../lib/options.ts'
import type { AuthInfo, Runtime } from '../types.ts'
import { askGuard, findResource, requireServer, type Question } from './mcp-guard.ts'
import { buildLazily, type Lazy } from './parts.ts'
import { checkRoute } from './route.ts'

/** Options of {@link verifyToken} and {@link authOptions}. */
export interface McpHandlerAuthOptions {
  /** Which of several resources this route is. Default: the only one. */
  resource?: string
  /** Scopes that each request needs beside the resource's `requiredScopes`. Default: none. */
  scopes?: readonly string[]
  /**
   * Whether a request without a token reaches the handler, with `request.auth` undefined. A bad token is
   * still 401. Default false, whatever `required` of `withMcpAuth` says.
   */
  optional?: boolean
  /**
   * Receives what neither the token nor an outage explains, for example an error of the function that makes
   * the resource server. The client gets 500. Outages and what your own verifiers throw go to `onError` of
   * the resource server. Default: `console.error`.
   */
  onError?: Runtime['onError']
}

/** The options of `withMcpAuth` that {@link authOptions} makes. */
export interface WithMcpAuthOptions {
  required: boolean
  requiredScopes: string[]
  resourceMetadataPath: string
  resourceUrl: string
}

/**
 * The `verifyToken` of mcp-handler's `withMcpAuth` (version 2): the request goes through the guard of the
 * resource server, with its checks of Host (DNS rebinding), Origin and several credentials. It rejects with
 * errors that mcp-handler answers with 401 `invalid_token`, 403 `insufficient_scope`, 400 `invalid_request`,
 * and in an outage with 500 and `temporarily_unavailable`, never with 401. `rs` may be a function, which the
 * first request calls.
 *
 * @throws ConfigurationError if an option is wrong or unknown, or if this route does not say which of several
 * resources it is; with a function, that is 500 and goes to `onError`.
 *
 * @example
 * const authHandler = withMcpAuth(handler, verifyToken(rs), authOptions(rs))
 */
export function verifyToken<P = unknown>(
  rs: Lazy<ResourceServer<P>>,
  options: McpHandlerAuthOptions = {},
): (request: Request, token?: string) => Promise<AuthInfo<P> | undefined> {
  const { resource, scopes, optional, onError } = read('verifyToken', options)
  const need = defined({ resource, scopes })
  const admit = buildLazily(rs, (built) => {
    requireServer('verifyToken', built)
    checkRoute(built, need)
    built.protect(() => new Response(), need)
    const whole = { ...need, optional }
    return (request: Request) => built.admit(request, whole)
  })
  const question: Question<P> = {
    where: 'verifyToken',
    admit: async (request) => admit()(request),
    optional,
    errors: undefined,
    onError,
  }
  return async (request) => askGuard(question, withoutBody(request))
}

/**
 * The options of `withMcpAuth` that belong to {@link verifyToken}. The URL of the metadata comes from the
 * configuration: by itself mcp-handler takes its host from `X-Forwarded-Host`, which any client can send.
 *
 * @throws ConfigurationError if an option is wrong or unknown, or does not say which of several resources.
 */
export function authOptions<P = unknown>(
  rs: ResourceServer<P>,
  options: McpHandlerAuthOptions = {},
): WithMcpAuthOptions {
  const { resource, scopes, optional } = read('authOptions', options)
  const { requiredScopes, metadataUrl } = findResource('authOptions', rs, resource)
  const { origin, pathname } = new URL(metadataUrl)
  return {
    required: !optional,
    requiredScopes: [...new Set([...requiredScopes, ...(scopes ?? [])])],
    resourceMetadataPath: pathname,
    resourceUrl: origin,
  }
}

const read = (caller: string, options: McpHandlerAuthOptions) =>
  readOptions(
    caller,
    options,
    { resource: text(), scopes: strings(), optional: flag().default(false), onError: func() },
    {
      required: 'optional',
      requiredScopes: 'scopes',
      resourceMetadataPath: 'it follows from the resource',
      resourceUrl: 'it is the resource of the resource server',
    },
  )

/** mcp-handler passes the request on, so the guard neither reads its body nor takes the token off it. */
const withoutBody = ({ url, method, headers }: Request): Request => new Request(url, { method, headers })
