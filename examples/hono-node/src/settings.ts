import { env, issuer, publicUrl } from './host.ts'

/** The MCP server's URL, as clients type it. */
export const resource = `${publicUrl}/mcp`

/** The guard refuses every request without a token, so it gets the MCP server's path only. */
export const isMcp = (request: Request): boolean =>
  new URL(request.url).pathname === new URL(resource).pathname

/** At any other path, for example for a browser that opens the host. */
export const notFound = (): Response => new Response(`The MCP server is at ${resource}\n`, { status: 404 })

export const isOnThisMachine = ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(issuer).hostname)

/** An environment variable that this server cannot run without. */
export function setting(name: string): string {
  const value = env[name]
  if (!value) throw new Error(`The environment variable ${name} is not set. README.md says what it is for.`)
  return value
}
