import type { Provider } from '../types.ts'
import { audience, checkPreset, host, preset, type CommonOptions } from './preset.ts'

/** Options of {@link workos}. */
export interface WorkosOptions extends CommonOptions {
  /** The AuthKit domain, for example `example.authkit.app`. */
  domain: string
  /** Default: the resource itself, which must stand in the dashboard's Resource Indicators. */
  audience?: string | readonly string[]
}

/**
 * WorkOS AuthKit.
 *
 * @see [Model Context Protocol](https://workos.com/docs/authkit/mcp)
 */
export function workos(options: WorkosOptions): Provider {
  checkPreset('workos', options, ['domain', 'audience'])
  const issuer = `https://${host('domain', options.domain)}`
  return preset(
    {
      provider: 'workos',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}/oauth2/jwks`,
        algorithms: ['RS256'],
        audience: audience(options.audience),
        typ: 'jwt',
        scopeClaims: ['scope', ...(options.scopeClaims ?? [])],
      },
    },
    options,
  )
}
