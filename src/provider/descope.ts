import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import {
  audienceRule,
  base,
  commonOptions,
  oneOrMore,
  preset,
  segment,
  type CommonOptions,
} from './preset.ts'

/** Options of {@link descope}. */
export interface DescopeOptions extends CommonOptions {
  /** The project's id. */
  projectId: string
  /** The MCP server's id in Descope. Default: none, the project's own issuer. */
  mcpServerId?: string
  /** For a custom domain. Default: `https://api.descope.com`. */
  baseUrl?: string
  /** Default: the resource itself, which is the MCP server's Resource URL in Descope. */
  audience?: string | readonly string[]
}

/**
 * Descope. The tokens of a project name the project, one of its tenants or the MCP server as their issuer;
 * what they are for stands in `aud`.
 *
 * @see [Gateway integrations](https://docs.descope.com/mcp/gateways/integrations)
 */
export function descope(options: DescopeOptions): Provider {
  const { projectId, mcpServerId, baseUrl, audience, scopeClaims, ...common } = readOptions(
    'descope',
    options,
    {
      projectId: segment().required,
      mcpServerId: segment(),
      baseUrl: base().default('https://api.descope.com'),
      audience: oneOrMore(),
      ...commonOptions(),
    },
  )
  const own = `${baseUrl}/v1/apps/${projectId}`
  const issuer = mcpServerId === undefined ? own : `${baseUrl}/v1/apps/agentic/${projectId}/${mcpServerId}`
  return preset(
    {
      provider: 'descope',
      issuer,
      jwt: {
        issuer,
        // How a token came about decides which of these it names: the project, one of its tenants, or the
        // MCP server. One key set signs all.
        alsoIssuers: [...(mcpServerId === undefined ? [] : [own]), `${own}/*`],
        jwksUri: `${baseUrl}/${projectId}/.well-known/jwks.json`,
        algorithms: ['RS256'],
        audience: audienceRule(audience),
        typ: 'jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
      },
      // An MCP server's issuer is for MCP clients.
      ...(mcpServerId === undefined && {
        signIn: { name: 'Descope', protocol: 'oidc', idTokenAlgorithms: ['RS256'] },
      }),
    },
    common,
  )
}
