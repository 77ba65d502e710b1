// Three resources of one deployment, one below another: for hosts whose router must not read another path
// than the guard.
import { createResourceServer, type AuthInfo, type ResourceServer } from '../../src/index.ts'
import { jwtVerifier } from '../../src/resource-server/verify/jwt.ts'
import { issuer } from './suite-app.ts'

/** The paths of the resources. */
export const places = ['/notes/mcp', '/notes/mcp/admin', '/mail/mcp'] as const

export function routedServer(url: string, keys: { keys: readonly object[] }): ResourceServer {
  return createResourceServer({
    resource: places.map((path) => ({ resource: url + path })),
    authorizationServers: [jwtVerifier({ issuer, keys })],
  })
}

/** The handler of the resource at this path says which handler it is, and what the guard let in. */
export const handlerOf =
  (path: string) =>
  (_request: Request, auth: AuthInfo): Response =>
    Response.json({ handler: path, resource: auth.resource.pathname })

/** One handler for all, which routes by the URL as a program without a framework does. */
export function routedHandler(rs: ResourceServer): (request: Request) => Promise<Response> {
  return rs.protect((request, auth) => {
    const { pathname } = new URL(request.url)
    const place = places.findLast((path) => pathname === path || pathname.startsWith(`${path}/`))
    return place === undefined ? new Response(null, { status: 404 }) : handlerOf(place)(request, auth)
  })
}
