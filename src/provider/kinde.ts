import { readOptions } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, commonOptions, host, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link kinde}. */
export interface KindeOptions extends CommonOptions {
  /** The business's domain or the custom one, for example `example.kinde.com`. */
  domain: string
  /** The API's audience. Default: the resource itself, which is how the API should be named. */
  audience?: string | readonly string[]
}

/**
 * Kinde. An API is asked for with `audience`; `resource` is not known. Refresh tokens need the scope
 * `offline`.
 *
 * @see [Verifying JSON web
 * tokens](https://docs.kinde.com/build/tokens/verifying-json-web-tokens/)
 */
export function kinde(options: KindeOptions): Provider {
  const { domain, audience, scopeClaims, ...common } = readOptions('kinde', options, {
    domain: host().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const issuer = `https://${domain}`
  return preset(
    {
      provider: 'kinde',
      issuer,
      jwt: {
        issuer,
        jwksUri: `${issuer}/.well-known/jwks`,
        algorithms: ['RS256'],
        audience: audienceRule(audience),
        typ: 'jwt',
        anyOfClaims: ['scp'],
        scopeClaims: ['scp', ...(scopeClaims ?? [])],
        clientIdClaims: ['azp'],
      },
      client: { resource: 'audience' },
      signIn: { name: 'Kinde', protocol: 'oidc', offlineScope: 'offline', idTokenAlgorithms: ['RS256'] },
    },
    common,
  )
}
