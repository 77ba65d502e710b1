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
 * Descope.
 *
 * @see [Gateway integrations](https://docs.descope.com/mcp/gateways/integrations)
 */
export function descope(options: DescopeOptions): Provider {
  checkPreset('descope', options, ['projectId', 'mcpServerId', 'baseUrl', 'audience'])
  const root = base('baseUrl', options.baseUrl ?? 'https://api.descope.com')
  const project = segment('projectId', options.projectId)
  const server = options.mcpServerId
  const issuer =
    server === undefined
      ? `${root}/v1/apps/${project}`
      : `${root}/v1/apps/agentic/${project}/${segment('mcpServerId', server)}`
  return preset(
    {
      provider: 'descope',
      issuer,
      jwt: {
        issuer,
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
