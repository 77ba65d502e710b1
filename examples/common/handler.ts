// Which part answers which path.
import type { Endpoints, ResourceServer } from 'tollgate'

type Handler = (request: Request) => Promise<Response>

/**
 * The OAuth endpoints and the metadata, then the MCP server. The guard refuses every request without a token, so it
 * stands before the MCP server's path only: a browser that opens the host gets 404, and where to connect.
 */
export function handler(
  { as, rs }: { as?: Endpoints | undefined; rs: ResourceServer },
  guarded: Handler,
): Handler {
  const [resource] = rs.resources as [string]
  const { pathname: path } = new URL(resource)
  return async (request) => {
    const answer = (await as?.handle(request)) ?? (await rs.handle(request))
    if (answer) return answer
    if (new URL(request.url).pathname === path) return guarded(request)
    return new Response(`The MCP server is at ${resource}\n`, { status: 404 })
  }
}
