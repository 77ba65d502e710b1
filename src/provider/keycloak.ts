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

/** Options of {@link keycloak}. */
export interface KeycloakOptions extends CommonOptions {
  /** Where Keycloak is, with its path if it has one, for example `https://id.example.com`. */
  url: string
  /** The realm's name. */
  realm: string
  /**
   * What the audience mapper puts in. Default: the resource itself, which is what the mapper should put in.
   */
  audience?: string | readonly string[]
}

/**
 * Keycloak. It ignores `resource`: an audience mapper on a client scope must put the audience into the
 * token, which is for `account` otherwise.
 *
 * @see [Securing applications](https://www.keycloak.org/securing-apps/oidc-layers)
 */
export function keycloak(options: KeycloakOptions): Provider {
  const { url, realm, audience, scopeClaims, ...common } = readOptions('keycloak', options, {
    url: base().required,
    realm: segment().required,
    audience: oneOrMore(),
    ...commonOptions(),
  })
  const issuer = `${url}/realms/${realm}`
  const shared = {
    issuer,
    audience: audienceRule(audience),
    scopeClaims: ['scope', ...(scopeClaims ?? [])],
    clientIdClaims: ['client_id', 'azp'],
  }
  return preset(
    {
      provider: 'keycloak',
      issuer,
      jwt: {
        ...shared,
        jwksUri: `${issuer}/protocol/openid-connect/certs`,
        // What a realm or a client can be set to, without the HMACs.
        algorithms: [
          ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
          ...['ES256', 'ES384', 'ES512', 'EdDSA'],
        ],
        typ: 'jwt',
        // ID, refresh and logout tokens are signed with the same key and say so here.
        requiredClaims: { typ: 'Bearer' },
      },
      opaque: { ...shared, endpoint: `${issuer}/protocol/openid-connect/token/introspect` },
      passThrough: { sendsIssuer: true },
      signIn: {
        name: 'Keycloak',
        protocol: 'oidc',
        // Other refresh tokens end with the browser's session, which idles for 30 minutes by default.
        offlineScope: 'offline_access',
        nameClaims: ['preferred_username', 'name'],
        exchange: 'rfc8693',
      },
    },
    common,
  )
}
