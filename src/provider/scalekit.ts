import type { Provider } from '../types.ts'
import { base, checkPreset, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link scalekit}. */
export interface ScalekitOptions extends CommonOptions {
  /** For example `https://example.scalekit.com`. */
  environmentUrl: string
  /** The MCP server's resource id, for example `res_123`. */
  resourceId: string
}

/**
 * Scalekit. It is moving from the environment to the resource as issuer: both are accepted, for this resource alone.
 *
 * @see [MCP authentication](https://docs.scalekit.com/authenticate/mcp/quickstart/)
 */
export function scalekit(options: ScalekitOptions): Provider {
  checkPreset('scalekit', options, ['environmentUrl', 'resourceId'])
  const environment = base('environmentUrl', options.environmentUrl)
  const resourceId = segment('resourceId', options.resourceId)
  const issuer = `${environment}/resources/${resourceId}`
  return preset(
    {
      provider: 'scalekit',
      issuer,
      jwt: {
        issuer,
        alsoIssuers: [environment],
        jwksUri: `${environment}/keys`,
        algorithms: ['RS256'],
        audience: { aud: [resourceId] },
        typ: 'jwt',
        scopeClaims: ['scope', ...(options.scopeClaims ?? [])],
      },
    },
    options,
  )
}
