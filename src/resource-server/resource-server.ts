import { applyCors } from '../http/cors.ts'
import { isOwn } from '../lib/own-request.ts'
import { requireFunction } from '../lib/options.ts'
import type { AuthInfo, Awaitable } from '../types.ts'
import { deploymentOf } from './deployment.ts'
import { createEntrance } from './guard/locate.ts'
import { createGate, type AdmitOptions } from './guard/guard.ts'
import { finish } from './guard/finish.ts'
import { resolveOptions } from './options.ts'
import { ProtectedResource } from './protected-resource.ts'
import { requirement, type Requirement } from './guard/need.ts'
import type { Need, ProtectNeed, ResourceServer, ResourceServerOptions } from './types.ts'

/**
 * The guard of an MCP server: verifies access tokens, answers what the MCP authorization specification demands, serves the protected resource metadata, and
 * hands the handler an `AuthInfo` that the official SDK takes as it is.
 *
 * @throws ConfigurationError where an option is wrong or unknown; the message names the option and the fix.
 * @see [MCP Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization), [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728), [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
 *
 * @example
 * const rs = createResourceServer({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: ['https://login.example.com'],
 * })
 * export default { fetch: rs.protect((request, auth) => mcp(request, { authInfo: auth })) }
 */
export function createResourceServer<P = unknown>(options: ResourceServerOptions): ResourceServer<P> {
  const settings = resolveOptions(options)
  const places = settings.resources.map((resource, i) => new ProtectedResource(resource, i, settings))
  if (options.dangerouslyAllowHttp?.length)
    places[0]!.runtime.event({ type: 'option.weakening', level: 'warning', detail: 'dangerouslyAllowHttp' })
  const entrance = createEntrance(places)
  const admit = createGate(entrance, settings.runtime.onEvent !== undefined)
  const { resources } = settings
  const nothing = requirement({}, resources)
  const needs = new WeakMap<Need, Requirement>()

  const requirementOf = (need: Need | undefined): Requirement => {
    if (need === undefined) return nothing
    const known = needs.get(need) ?? requirement(need, resources)
    needs.set(need, known)
    return known
  }

  type Handler<R extends unknown[]> = (
    request: Request,
    auth: AuthInfo<P> | undefined,
    ...rest: R
  ) => Awaitable<Response>

  const guard = <R extends unknown[]>(
    handler: Handler<R>,
    need: ProtectNeed | undefined,
    anonymous: boolean,
  ): ((request: Request, ...rest: R) => Promise<Response>) => {
    requireFunction('handler', handler)
    const required = need === undefined ? nothing : requirement(need, resources, ['operations'])
    const options: AdmitOptions = { anonymous, operations: need?.operations }
    return async (request, ...rest) => {
      const admitted = admit(request, required, options)
      const admission = admitted instanceof Promise ? await admitted : admitted
      if (admission instanceof Response) return admission
      const { place, verified, filter, answers } = admission
      const inner =
        (settings.stripAuthorization || isOwn(request)) && verified !== undefined
          ? withoutAuthorization(admission.request)
          : admission.request
      const made = handler(inner, verified?.auth as AuthInfo<P> | undefined, ...rest)
      let response = made instanceof Promise ? await made : made
      if (filter !== undefined)
        response = await filter(response, (scopes) =>
          scopes.every((each) => verified?.granted.has(each) === true),
        )
      return finish(request, response, place, verified, answers)
    }
  }

  return {
    metadataUrl: settings.resources[0]!.metadataUrl,
    resources: resources.map(({ resource }) => resource),
    handle: async (request) => entrance.handle(request),
    async authenticate(request, need) {
      const admission = await admit(request, requirementOf(need), { anonymous: false })
      return admission instanceof Response ? admission : (admission.verified!.auth as AuthInfo<P>)
    },
    // An authorized handler is a handler of everybody that never meets nobody.
    protect: <R extends unknown[]>(handler: unknown, need?: ProtectNeed) =>
      guard(handler as Handler<R>, need, false),
    optional: (handler, need) => guard(handler, need, true),
    withCors(request, response) {
      const place = entrance.enter(request, undefined)
      return place instanceof ProtectedResource ? applyCors(request, response, place.cors) : response
    },
    get deployment() {
      return deploymentOf(options, settings)
    },
  }
}

/** In place where the request lets us, which costs nothing; a copy where it does not (Workers). */
function withoutAuthorization(request: Request): Request {
  try {
    request.headers.delete('authorization')
  } catch {
    // Immutable: copied below.
  }
  if (!request.headers.has('authorization')) return request
  const headers = new Headers(request.headers)
  headers.delete('authorization')
  return new Request(request, { headers })
}
