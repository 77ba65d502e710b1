import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, commonOptions, host, oneOrMore, preset, type CommonOptions } from './preset.ts'

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
  const { domain, audience, scopeClaims, ...common } = readOptions('workos', options, {
    domain: host().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const issuer = `https://${domain}`
  return preset(
    {
      provider: 'workos',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}/oauth2/jwks`,
        algorithms: ['RS256'],
        audience: audienceRule(audience),
        typ: 'jwt',
        scopeClaims: ['scope', ...(scopeClaims ?? [])],
      },
      signIn: {
        name: 'AuthKit',
        protocol: 'oidc',
        offlineScope: 'offline_access',
        idTokenAlgorithms: ['RS256'],
        // Other refresh tokens that the application holds for the user keep working.
        revocationEndsAll: false,
      },
    },
    common,
  )
}
