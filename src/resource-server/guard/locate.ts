import { OAuthError } from '../../errors.ts'
import { applyCors, isAllowedOrigin, preflight, type CorsPolicy } from '../../http/cors.ts'
import { asksForLoopback, hasHost, hostOf, pathOf } from '../../http/host.ts'
import { methods } from '../../http/methods.ts'
import { oauthError } from '../../http/responses.ts'
import type { ProtectedResource } from '../protected-resource.ts'

/** What comes before authentication: which resource, metadata, host, origin, preflight. */
export interface Entrance {
  /** Where the request goes, or its answer. */
  enter(request: Request, resource: string | undefined): ProtectedResource | Response | Promise<Response>
  /** The metadata document or a preflight of a resource's own path; undefined: not mine. */
  handle(request: Request): Response | Promise<Response> | undefined
}

const wellKnown = '/.well-known/oauth-protected-resource'

export function createEntrance(places: readonly ProtectedResource[]): Entrance {
  const documents = new Map(places.map((place) => [place, metadataEndpoint(place)]))
  const only = places.length === 1 && places[0]!.resource.host === undefined ? places[0] : undefined

  const metadata = (request: Request): Promise<Response> | undefined => {
    if (!request.url.includes(wellKnown)) return undefined
    const { pathname } = new URL(request.url)
    const host = hostOf(request)
    const place = places.find(
      ({ resource }) =>
        (resource.host === undefined || resource.host === host) && resource.metadataPaths.includes(pathname),
    )
    return place && documents.get(place)!(request)
  }

  const find = (request: Request, resource: string | undefined): ProtectedResource | undefined => {
    if (resource !== undefined) return places.find((place) => place.resource.resource === resource)
    return only ?? byPath(places, request)
  }

  return {
    enter(request, resource) {
      if (!hasHost(request)) return noHost()
      const document = metadata(request)
      if (document !== undefined) return document
      const place = find(request, resource)
      if (place === undefined) return nowhere(places, request)
      return turnedAway(request, place) ?? place
    },
    handle(request) {
      if (!hasHost(request)) return noHost()
      const document = metadata(request)
      if (document !== undefined || request.method !== 'OPTIONS') return document
      const place = byPath(places, request)
      return place && ownsPath(place, request) ? turnedAway(request, place) : undefined
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

/** The answer of those who get no further (MCP transports, Security Warning), and of preflights. */
function turnedAway(request: Request, place: ProtectedResource): Response | undefined {
  const { headers } = request
  if (place.resource.loopback && !asksForLoopback(request)) {
    return refused(place, 421, 'This server answers for its own host alone')
  }
  const mayBePreflight = request.method === 'OPTIONS'
  // Where every origin may call, there is nothing to look up.
  if (place.cors.origins === '*' && !mayBePreflight) return undefined
  const origin = headers.get('origin')
  if (origin === null) return undefined
  // A preflight of another origin gets no permission, which says the same as 403.
  if (mayBePreflight && headers.has('access-control-request-method')) return preflight(request, place.cors)
  if (isAllowedOrigin(origin, place.cors)) return undefined
  return applyCors(request, refused(place, 403, 'This origin may not call'), place.cors)
}

function refused(place: ProtectedResource, status: number, problem: string): Response {
  const { runtime, resource } = place
  runtime.event({
    type: 'request.refused',
    level: 'warning',
    resource: resource.resource,
    status,
    detail: problem,
  })
  return oauthError(new OAuthError('invalid_request', problem, { status }))
}

const noHost = (): Response => oauthError(new OAuthError('invalid_request', 'The Host header is not valid'))

/** No resource here: 404, or 421 where the path is right and the host is not (RFC 9110 §15.5.20). */
function nowhere(places: readonly ProtectedResource[], request: Request): Response {
  const { pathname } = new URL(request.url)
  if (isAmbiguous(request, pathname))
    return oauthError(new OAuthError('invalid_request', 'The path is not in its normal form'))
  const elsewhere = places.some(
    ({ resource: { host, path, metadataPaths } }) =>
      host !== undefined && (isBelow(pathname, path) || metadataPaths.includes(pathname)),
  )
  return elsewhere
    ? oauthError(
        new OAuthError('invalid_request', 'This server answers for its own host alone', { status: 421 }),
      )
    : oauthError(
        new OAuthError('invalid_request', 'There is no protected resource at this path', { status: 404 }),
      )
}

/** The longest path that holds the request's. */
function byPath(places: readonly ProtectedResource[], request: Request): ProtectedResource | undefined {
  const { pathname, host: asked } = new URL(request.url)
  if (isAmbiguous(request, pathname)) return undefined
  let host: string | undefined
  const longest = (spelling: (path: string) => string): ProtectedResource | undefined => {
    let best: ProtectedResource | undefined
    for (const place of places) {
      const { path, host: own } = place.resource
      if (!isBelow(spelling(pathname), spelling(path))) continue
      if (best !== undefined && best.resource.path.length >= path.length) continue
      if (own === undefined || own === (host ??= hostOf(request))) best = place
    }
    return best
  }
  const exact = longest((path) => path)
  // A router that ignores case (Express) would run the handler of another resource than the one that is judged.
  if (exact === undefined || exact !== longest((path) => path.toLowerCase())) return undefined
  const { host: own } = exact.resource
  // Of an absolute target, some hosts write its host into the URL and leave another one in the header: two tenants of one request.
  const contradicted =
    own !== undefined &&
    own !== asked &&
    places.some(({ resource }) => resource.host === asked && !resource.loopback)
  return contradicted ? undefined : exact
}

/**
 * Whether a router might read another path than the guard: encoded unreserved characters, separators and percent signs, empty segments
 * (RFC 3986 §6.2.2), and whatever the URL parser changes (dot segments), since Deno leaves the target as it came.
 */
const isAmbiguous = (request: Request, pathname: string): boolean =>
  pathOf(request.url) !== pathname ||
  /\/\/|%(?:2[5def]|3\d|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae])/i.test(pathname)

const isBelow = (pathname: string, path: string): boolean =>
  pathname === path || (pathname.startsWith(path) && pathname.charCodeAt(path.length) === 0x2f)

/** A resource that is a whole host shares it with other endpoints, so only the very path is its own. */
function ownsPath({ resource }: ProtectedResource, request: Request): boolean {
  return resource.path !== '' || new URL(request.url).pathname === '/'
}
