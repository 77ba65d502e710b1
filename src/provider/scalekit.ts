import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { base, commonOptions, preset, segment, type CommonOptions } from './preset.ts'

/** Options of {@link scalekit}. */
export interface ScalekitOptions extends CommonOptions {
  /** For example `https://example.scalekit.com`. */
  environmentUrl: string
  /**
   * The MCP server's resource id, for example `res_123`. Default: none, and the preset is for sign-in only.
   */
  resourceId?: string
}

/**
 * Scalekit. It is moving from the environment to the resource as issuer: both are accepted, but only for
 * this resource.
 *
 * @see [MCP authentication](https://docs.scalekit.com/authenticate/mcp/quickstart/)
 */
export function scalekit(options: ScalekitOptions): Provider {
  const { environmentUrl, resourceId, scopeClaims, ...common } = readOptions('scalekit', options, {
    environmentUrl: base().required,
    resourceId: segment(),
    ...commonOptions(),
  })
  if (resourceId === undefined)
    return preset(
      {
        provider: 'scalekit',
        issuer: environmentUrl,
        signIn: {
          name: 'Scalekit',
          protocol: 'oidc',
          offlineScope: 'offline_access',
          idTokenAlgorithms: ['RS256'],
        },
      },
      common,
    )
  const issuer = `${environmentUrl}/resources/${resourceId}`
  return preset(
    {
      provider: 'scalekit',
      issuer,
      jwt: {
        issuer,
        alsoIssuers: [environmentUrl],
        jwksUri: `${environmentUrl}/keys`,
        algorithms: ['RS256'],
        audience: { aud: [resourceId] },
        typ: 'jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
      },
    },
    common,
  )
}
