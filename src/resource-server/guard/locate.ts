import { OAuthError } from '../../errors.ts'
import { applyCors, isAllowedOrigin, preflight, type CorsPolicy } from '../../http/cors.ts'
import { asksForLoopback, hasHost, hostOf, pathOf } from '../../http/host.ts'
import { methods } from '../../http/methods.ts'
import { oauthError } from '../../http/responses.ts'
import type { Awaitable } from '../../types.ts'
import type { ProtectedResource } from './protected-resource.ts'

/**
 * The resource that the request is for, or the answer: metadata, a preflight, or a refusal of path, host or
 * origin.
 */
export type Locate = (
  request: Request,
  resource: string | undefined,
) => ProtectedResource | Awaitable<Response>

const wellKnown = '/.well-known/oauth-protected-resource'

/**
 * The steps before authentication. `handle` answers the metadata and the preflights of a resource's own path.
 */
export function createLocator(targets: readonly ProtectedResource[]): {
  locate: Locate
  handle: (request: Request) => Awaitable<Response> | undefined
} {
  const documents = new Map(targets.map((target) => [target, metadataEndpoint(target)]))
  const only = targets.length === 1 && targets[0]!.resource.host === undefined ? targets[0] : undefined

  const answerMetadata = (request: Request, url: string): Promise<Response> | undefined => {
    if (!url.includes(wellKnown)) return undefined
    const { pathname } = new URL(url)
    const host = hostOf(request)
    const target = targets.find(
      ({ resource }) =>
        (resource.host === undefined || resource.host === host) && resource.metadataPaths.includes(pathname),
    )
    return target && documents.get(target)!(request)
  }

  const find = (request: Request, resource: string | undefined): ProtectedResource | undefined => {
    if (resource !== undefined) return targets.find((target) => target.resource.resource === resource)
    return only ?? findByPath(targets, request)
  }

  return {
    locate(request, resource) {
      const { url } = request
      if (!hasHost(url)) return refuseHost()
      const document = answerMetadata(request, url)
      if (document !== undefined) return document
      const target = find(request, resource)
      if (target === undefined) return refusePath(targets, request)
      return answerPreflightOrRefuse(request, target) ?? target
    },
    handle(request) {
      const { url } = request
      if (!hasHost(url)) return refuseHost()
      const document = answerMetadata(request, url)
      if (document !== undefined || request.method !== 'OPTIONS') return document
      const target = findByPath(targets, request)
      return target && ownsPath(target, request) ? answerPreflightOrRefuse(request, target) : undefined
    },
  }
}

/** RFC 9728 §3: the document, built once. Public, so any origin may read it. */
function metadataEndpoint({ resource }: ProtectedResource): (request: Request) => Promise<Response> {
  const text = JSON.stringify(resource.metadata)
  const headers = { 'content-type': 'application/json', 'cache-control': 'public, max-age=600' }
  const cors: CorsPolicy = { origins: '*', methods: 'GET' }
  return methods({ GET: () => new Response(text, { headers }) }, { cors })
}

/**
 * Refuses another host (DNS rebinding) or origin (MCP transports, Security Warning), and answers CORS
 * preflights; undefined: neither.
 */
function answerPreflightOrRefuse(request: Request, target: ProtectedResource): Response | undefined {
  if (target.resource.loopback && !asksForLoopback(request)) {
    return refuseInvalid(target, 421, wrongHost)
  }
  const mayBePreflight = request.method === 'OPTIONS'
  // If every origin may call, there is nothing to compare.
  if (target.cors.origins === '*' && !mayBePreflight) return undefined
  const origin = request.headers.get('origin')
  if (origin === null) return undefined
  // A preflight of another origin gets no permission, which says the same as 403.
  if (mayBePreflight && request.headers.has('access-control-request-method'))
    return preflight(request, target.cors)
  if (isAllowedOrigin(origin, target.cors)) return undefined
  return applyCors(request, refuseInvalid(target, 403, 'This origin is not allowed'), target.cors)
}

const wrongHost = 'Host not allowed: this server only answers for its configured host'

function refuseInvalid(target: ProtectedResource, status: number, problem: string): Response {
  const { runtime, resource } = target
  runtime.event({
    type: 'request.refused',
    level: 'warning',
    resource: resource.resource,
    status,
    detail: problem,
  })
  return oauthError(new OAuthError('invalid_request', problem, { status }))
}

/** Bun leaves an invalid `Host` out of the URL. */
const refuseHost = (): Response =>
  oauthError(new OAuthError('invalid_request', 'The Host header is not valid'))

/** There is no resource at this path: 404, or 421 if only the host is wrong (RFC 9110 §15.5.20). */
function refusePath(targets: readonly ProtectedResource[], request: Request): Response {
  const { pathname } = new URL(request.url)
  if (isAmbiguous(request, pathname))
    return oauthError(new OAuthError('invalid_request', 'The path is not in its normal form'))
  const elsewhere = targets.some(
    ({ resource: { host, path, metadataPaths } }) =>
      host !== undefined && (isBelow(pathname, path) || metadataPaths.includes(pathname)),
  )
  return elsewhere
    ? oauthError(new OAuthError('invalid_request', wrongHost, { status: 421 }))
    : oauthError(
        new OAuthError('invalid_request', 'There is no protected resource at this path', { status: 404 }),
      )
}

/** The resource with the longest path that contains the request's. */
function findByPath(targets: readonly ProtectedResource[], request: Request): ProtectedResource | undefined {
  const { pathname, host: asked } = new URL(request.url)
  if (isAmbiguous(request, pathname)) return undefined
  let host: string | undefined
  const longest = (spelling: (path: string) => string): ProtectedResource | undefined => {
    let best: ProtectedResource | undefined
    for (const target of targets) {
      const { path, host: own } = target.resource
      if (!isBelow(spelling(pathname), spelling(path))) continue
      if (best !== undefined && best.resource.path.length >= path.length) continue
      if (own === undefined || own === (host ??= hostOf(request))) best = target
    }
    return best
  }
  const exact = longest((path) => path)
  // A router that ignores case (Express) would run the handler of another resource than the one that is
  // judged.
  if (exact === undefined || exact !== longest((path) => path.toLowerCase())) return undefined
  const { host: own } = exact.resource
  // Of an absolute request target, some hosts write its host into the URL and leave another one in the
  // header: one request would be for two tenants.
  const contradicted =
    own !== undefined &&
    own !== asked &&
    targets.some(({ resource }) => resource.host === asked && !resource.loopback)
  return contradicted ? undefined : exact
}

/**
 * Whether a router might read another path than the guard: encoded unreserved characters, separators and
 * percent signs, empty segments (RFC 3986 §6.2.2), and what the URL parser changes (dot segments), because
 * Deno does not normalise the target.
 */
const isAmbiguous = (request: Request, pathname: string): boolean =>
  pathOf(request.url) !== pathname ||
  /\/\/|%(?:2[5def]|3\d|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae])/i.test(pathname)

const isBelow = (pathname: string, path: string): boolean =>
  pathname === path || (pathname.startsWith(path) && pathname.charCodeAt(path.length) === 0x2f)

/** A resource without a path shares its host with other endpoints, so it only owns the path `/`. */
function ownsPath({ resource }: ProtectedResource, request: Request): boolean {
  return resource.path !== '' || new URL(request.url).pathname === '/'
}
