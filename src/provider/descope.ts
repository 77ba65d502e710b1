import type { Provider } from '../types.ts'
import { audience, base, checkPreset, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link descope}. */
export interface DescopeOptions extends CommonOptions {
  projectId: string
  /** The MCP server's id in Descope. Default: none, the project's own issuer. */
  mcpServerId?: string
  /** For a custom domain. Default: `https://api.descope.com`. */
  baseUrl?: string
  /** Default: the resource itself, which is the MCP server's Resource URL in Descope. */
  audience?: string | readonly string[]
}

/**
 * Descope. The tokens of a project name the project, one of its tenants or the MCP server as their issuer; what they are for stands in `aud`.
 *
 * @see [Gateway integrations](https://docs.descope.com/mcp/gateways/integrations)
 */
export function descope(options: DescopeOptions): Provider {
  checkPreset('descope', options, ['projectId', 'mcpServerId', 'baseUrl', 'audience'])
  const root = base('baseUrl', options.baseUrl ?? 'https://api.descope.com')
  const project = segment('projectId', options.projectId)
  const server = options.mcpServerId
  const own = `${root}/v1/apps/${project}`
  const issuer =
    server === undefined ? own : `${root}/v1/apps/agentic/${project}/${segment('mcpServerId', server)}`
  return preset(
    {
      provider: 'descope',
      issuer,
      jwt: {
        issuer,
        // How a token came about decides which of these it names: the project, one of its tenants, or the MCP server. One key set signs all.
        alsoIssuers: [...(server === undefined ? [] : [own]), `${own}/*`],
        jwksUri: `${root}/${project}/.well-known/jwks.json`,
        algorithms: ['RS256'],
        audience: audience(options.audience),
        typ: 'jwt',
        scopeClaims: ['scope', ...(options.scopeClaims ?? [])],
      },
    },
    options,
  )
}
