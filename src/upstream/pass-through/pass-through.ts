import { OAuthError } from '../../errors.ts'
import { asksForLoopback, hasHost } from '../../http/host.ts'
import { methods } from '../../http/methods.ts'
import { oauthError } from '../../http/responses.ts'
import { resolveRuntime } from '../../lib/runtime.ts'
import { isLoopbackHost } from '../../protocol/loopback.ts'
import type { Endpoints, Provider } from '../../types.ts'
import { answeringJson, answeringText, createLimit } from './answers.ts'
import { authorize } from './authorize.ts'
import type { Context } from './context.ts'
import { metadataDocument, metadataPaths } from './metadata.ts'
import { resolveSettings, type PassThroughOptions } from './options.ts'
import { endpointPath } from './paths.ts'
import { ProviderMetadata } from './provider-metadata.ts'
import { register } from './register.ts'
import { token } from './token.ts'

export type { PassThroughOptions } from './options.ts'

/** An entry of `authorizationServers` that stands in front of a provider's own endpoints. */
export interface PassThrough extends Provider, Endpoints {
  /** The scopes that clients see; the same for each resource. */
  offeredScopes(resource: string): readonly string[]
  /**
   * Asks the provider for its metadata now and not at the first request. Rejects with ConfigurationError if
   * the provider cannot be passed through, with UnavailableError if it cannot be asked.
   */
  ready(): Promise<void>
}

/**
 * Passes MCP clients through to a provider that is nearly good enough: it issues tokens for this resource,
 * but has no registration, no metadata that MCP clients take, or no `resource`. Tokens and consent are the
 * provider's own; nothing is stored here.
 *
 * @throws ConfigurationError if an option is wrong, or if this provider cannot be passed through: it sends
 *   `iss` (RFC 9207), has no PKCE, or demands a secret. Then use `signIn: upstream(…)`.
 * @see [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)
 *
 * @example
 * const as = passThrough(entra({ tenantId, clientId: server }), {
 *   resource: 'https://notes.example.com/mcp',
 *   clientId: publicClient,
 *   redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'http://localhost/callback'],
 *   scopes: ['Notes.Read'],
 * })
 * const rs = createResourceServer({ resource: 'https://notes.example.com/mcp', authorizationServers: [as] })
 */
export function passThrough(provider: Provider, options: PassThroughOptions): PassThrough {
  const settings = resolveSettings(provider, options)
  const { issuer, clientId, scopes, verifier } = settings
  const runtime = resolveRuntime(options)
  const allowLoopback = isLoopbackHost(new URL(issuer).hostname)
  const context: Context = {
    ...settings,
    provider,
    runtime,
    allowLoopback,
    metadata: new ProviderMetadata(provider, runtime, allowLoopback),
    attempt: createLimit(settings, runtime),
  }
  const routes = createRoutes(context)
  return {
    ...provider,
    issuer,
    clientId,
    offeredScopes: () => [...scopes.keys()],
    ...(verifier && { verifier: verifier.verifier.bind(verifier) }),
    async ready() {
      await context.metadata.endpoints()
    },
    async handle(request) {
      const route = hasHost(request.url) ? routes.get(new URL(request.url).pathname) : undefined
      if (route === undefined) return undefined
      // DNS rebinding: a server on loopback answers only for loopback names.
      if (allowLoopback && !asksForLoopback(request))
        return oauthError(new OAuthError('invalid_request', 'Host not allowed', { status: 421 }))
      return route(request)
    },
  }
}

type Handler = (request: Request) => Promise<Response>

/** Clients in browsers call these across origins. The only credential is in the request itself. */
const open = { origins: '*', methods: 'POST' } as const

/** Handlers by pathname. */
function createRoutes(context: Context): ReadonlyMap<string, Handler> {
  const { issuer, resource, rootEndpoints } = context
  const metadata = methods(
    { GET: answeringJson(context, () => metadataDocument(context)) },
    { cors: { origins: '*', methods: 'GET' } },
  )
  const routes = new Map<string, Handler>([...metadataPaths(context)].map((path) => [path, metadata]))
  const endpoints = {
    authorize: methods({ GET: answeringText(context, (request) => authorize(context, request)) }),
    token: methods({ POST: answeringJson(context, (request) => token(context, request)) }, { cors: open }),
    register: methods(
      { POST: answeringJson(context, (request) => register(context, request)) },
      { cors: open },
    ),
  }
  for (const name of ['authorize', 'token', 'register'] as const) {
    routes.set(endpointPath(issuer, name), endpoints[name])
    // MCP 2025-03-26, Fallbacks for Servers without Metadata Discovery.
    if (rootEndpoints && new URL(issuer).origin === new URL(resource).origin)
      routes.set(`/${name}`, endpoints[name])
  }
  return routes
}
