import { defined } from '../lib/defined.ts'
import { flag, oneOf, readOptions, strings, text } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import {
  audienceRule,
  base,
  clientAuth,
  commonOptions,
  oneOrMore,
  preset,
  providerName,
  type CommonOptions,
} from './preset.ts'

/** Options of {@link oidc}. */
export interface OidcOptions extends CommonOptions {
  /** Exactly as the provider's metadata and tokens write it, with or without the trailing slash. */
  issuer: string
  /** Default: the resource itself (RFC 8707). */
  audience?: string | readonly string[]
  /**
   * `'at+jwt'`: only RFC 9068 (default). `'jwt'`: also tokens typed `JWT` or not at all; with an
   * `audience`, they must state a scope or a client.
   */
  typ?: 'at+jwt' | 'jwt'
  /** Where opaque tokens are judged (RFC 7662); for `introspectionVerifier`. Default: none. */
  introspectionEndpoint?: string
  /** What users call it, for sign-in. Default: the issuer's host. */
  name?: string
  /** What tools call it: `auth.upstream('acme')`. Default `oidc`. */
  provider?: string
  /** What a sign-in always asks for, with `openid` among them. Default: `openid`, `profile`, `email`. */
  scopes?: readonly string[]
  /** How it takes the client's secret. Default: what its metadata lists, Basic before post. */
  clientAuth?: 'client_secret_basic' | 'client_secret_post'
  /**
   * `false`: revoking a token there ends no tokens of the user's other sign-ins, so `upstream()` may revoke
   * those that no grant keeps. Default: not known, so only the user's last grant is revoked there.
   */
  revocationEndsAll?: boolean
}

/**
 * Any authorization server that follows the standards. For verification: RFC 8414, RFC 9068, RFC 8707,
 * RFC 7662. For sign-in: OpenID Connect with a metadata document.
 *
 * @see [OpenID Connect Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html)
 */
export function oidc(options: OidcOptions): Provider {
  const given = readOptions('oidc', options, {
    issuer: base(true).required,
    audience: oneOrMore(),
    typ: oneOf(['at+jwt', 'jwt']),
    introspectionEndpoint: base(true),
    name: text(),
    provider: providerName().default('oidc'),
    scopes: strings(),
    clientAuth: clientAuth(),
    revocationEndsAll: flag(),
    ...commonOptions(),
  })
  const { issuer, audience, typ, introspectionEndpoint, scopeClaims, ...rest } = given
  const { name, provider, scopes, clientAuth: auth, revocationEndsAll, ...common } = rest
  const shared = {
    issuer,
    audience: audienceRule(audience),
    ...defined({ scopeClaims: scopeClaims?.length ? ['scope', 'scp', ...scopeClaims] : undefined }),
  }
  return preset(
    {
      provider,
      issuer,
      jwt: {
        ...shared,
        ...defined({
          typ,
          // An ID token has the client's id as its audience, and none of these claims.
          anyOfClaims:
            typ === 'jwt' && audience !== undefined
              ? ['scope', 'scp', 'client_id', 'cid', 'appid', ...(scopeClaims ?? [])]
              : undefined,
        }),
      },
      ...(introspectionEndpoint && { opaque: { ...shared, endpoint: introspectionEndpoint } }),
      signIn: {
        name: name ?? new URL(issuer).host,
        protocol: 'oidc',
        offlineScope: 'offline_access',
        ...defined({ scopes, clientAuth: auth, idTokenAlgorithms: common.algorithms, revocationEndsAll }),
      },
    },
    common,
  )
}
