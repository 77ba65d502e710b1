import { func } from '../lib/options.ts'
import type { AuthInfo, Awaitable } from '../types.ts'
import { deploymentOf } from './deployment.ts'
import { createGuard, type AdmitOptions } from './guard/guard.ts'
import { createLocator } from './guard/locate.ts'
import { checkNeed, type Requirement } from './guard/need.ts'
import { ProtectedResource } from './guard/protected-resource.ts'
import { resolveOptions } from './options.ts'
import type { AdmitNeed, Need, ProtectNeed, ResourceServer, ResourceServerOptions } from './types.ts'

/**
 * The guard of an MCP server. It verifies access tokens, refuses requests as the MCP authorization
 * specification says, serves the protected resource metadata, and gives the handler an `AuthInfo` that the
 * official SDK takes as it is.
 *
 * @throws ConfigurationError if an option is wrong or unknown; the message names the option and the fix.
 * @see [MCP Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization),
 * [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728), [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
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
  const { resources } = settings
  const targets = resources.map((resource, i) => new ProtectedResource(resource, i, settings))
  if (options.dangerouslyAllowHttp?.length)
    targets[0]!.runtime.event({ type: 'option.weakening', level: 'warning', detail: 'dangerouslyAllowHttp' })
  const { locate, handle } = createLocator(targets)
  const admit = createGuard(locate)
  const noNeed = checkNeed({}, resources, 'protect')
  const needOfAuthenticate = checkOnce((need: Need) => checkNeed(need, resources, 'authenticate'))
  const needOfAdmit = checkOnce((need: AdmitNeed) => checkNeed(need, resources, 'admit'))

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
    func().required(handler, 'handler')
    const required = need === undefined ? noNeed : checkNeed(need, resources, 'protect')
    const options: AdmitOptions = { anonymous, operations: need?.operations }
    return async (request, ...rest) => {
      const pending = admit(request, required, options)
      const admitted = pending instanceof Promise ? await pending : pending
      if (admitted instanceof Response) return admitted
      const response = handler(admitted.request, admitted.auth as AuthInfo<P> | undefined, ...rest)
      return admitted.finish(response instanceof Promise ? await response : response)
    }
  }

  return {
    metadataUrl: resources[0]!.metadataUrl,
    resources: resources.map(({ resource }) => resource),
    handle: async (request) => handle(request),
    async authenticate(request, need) {
      const required = need ? needOfAuthenticate(need) : noNeed
      const admitted = await admit(request, required, { anonymous: false, authOnly: true })
      return admitted instanceof Response ? admitted : (admitted.auth as unknown as AuthInfo<P>)
    },
    async admit(request, need) {
      const required = need ? needOfAdmit(need) : noNeed
      return admit(request, required, { anonymous: need?.optional === true, operations: need?.operations })
    },
    // `protect` handlers always get `auth`, so they are valid `optional` handlers.
    protect: <R extends unknown[]>(handler: unknown, need?: ProtectNeed) =>
      guard(handler as Handler<R>, need, false),
    optional: (handler, need) => guard(handler, need, true),
    get deployment() {
      return deploymentOf(options, settings, targets)
    },
  }
}

/** Callers pass the same object with each request, so it is checked the first time. */
function checkOnce<N extends object>(check: (need: N) => Requirement): (need: N) => Requirement {
  const checked = new WeakMap<N, Requirement>()
  return (need) => {
    const known = checked.get(need) ?? check(need)
    checked.set(need, known)
    return known
  }
}
