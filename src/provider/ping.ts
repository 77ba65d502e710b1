import { readOptions, text } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import { audienceRule, commonOptions, oneOrMore, preset, type CommonOptions } from './preset.ts'

/** Options of {@link ping}. */
export interface PingOptions extends CommonOptions {
  /** The environment's id, a GUID. */
  environmentId: string
  /** The region's host. Default `auth.pingone.com`. */
  domain?: string
  /** The custom resource's audience. Default: the resource itself, which is how it should be named. */
  audience?: string | readonly string[]
}

/**
 * PingOne. `resource` is not known: which custom resource a token is for follows from the scopes that are
 * asked for. Access tokens are typed `at+jwt` from 2027-03-02 on, and before that if the environment says so.
 * Refresh tokens come by the application's grant types, without a scope of their own.
 *
 * @see [Token
 * claims](https://developer.pingidentity.com/pingone-api/foundations/authentication-concepts/access-tokens-and-id-tokens/token-claims.html)
 */
export function ping(options: PingOptions): Provider {
  const { environmentId, domain, audience, scopeClaims, ...common } = readOptions('ping', options, {
    environmentId: text('the id of an environment, a GUID', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      .required,
    domain: text('the host of a region, for example auth.pingone.eu', /^auth\.pingone\.[a-z.]+$/).default(
      'auth.pingone.com',
    ),
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const issuer = `https://${domain}/${environmentId}/as`
  const shared = {
    issuer,
    audience: audienceRule(audience),
    scopeClaims: ['scope', ...(scopeClaims ?? [])],
    clientIdClaims: ['client_id'],
  }
  return preset(
    {
      provider: 'ping',
      issuer,
      jwt: {
        ...shared,
        jwksUri: `${issuer}/jwks`,
        algorithms: ['RS256'],
        typ: 'jwt',
        anyOfClaims: ['scope'],
      },
      opaque: { ...shared, endpoint: `${issuer}/introspect` },
      client: { resource: 'omit' },
      signIn: { name: 'PingOne', protocol: 'oidc', idTokenAlgorithms: ['RS256'] },
    },
    common,
  )
}
