import { defined } from '../lib/defined.ts'
import { flag, oneOf, readOptions, record, strings, text } from '../lib/options.ts'
import type { Provider } from '../types.ts'
import {
  audienceRule,
  base,
  clientAuth,
  oneOrMore,
  opaqueOptions,
  preset,
  providerName,
  type OpaqueOptions,
} from './preset.ts'

/** Options of {@link oauth2}. */
export interface Oauth2Options extends OpaqueOptions {
  /**
   * Names the provider, and with the subject every user of it: it must not change. If ids are unique only in
   * a tenant or a workspace, it has to name that, too.
   */
  issuer: string
  /** Where the user approves (RFC 6749 §3.1). */
  authorizationEndpoint: string
  /** Where codes and refresh tokens go (RFC 6749 §3.2). */
  tokenEndpoint: string
  /** Says who signed in, as JSON, to who brings the access token. */
  userinfoEndpoint: string
  /** RFC 7009. Default: none. */
  revocationEndpoint?: string
  /**
   * Where tokens are judged (RFC 7662); for `introspectionVerifier`. Default: none, tokens cannot be
   * verified.
   */
  introspectionEndpoint?: string
  /** For `introspectionVerifier`: what `aud` must have. Default: the resource itself (RFC 8707). */
  audience?: string | readonly string[]
  /** Dotted path of the member that names the user for ever. Never an email or a name. Default `sub`. */
  subjectClaim?: string
  /**
   * Dotted paths of members that a person recognises the account by. Default: `name`, `preferred_username`,
   * `email`.
   */
  nameClaims?: readonly string[]
  /** What a sign-in always asks for. Default: none. */
  scopes?: readonly string[]
  /** Between scopes in the provider's answers. Default: a space. */
  scopeSeparator?: ' ' | ','
  /** What users call it. Default: the issuer's host. */
  name?: string
  /** What tools call it: `auth.upstream('acme')`. Default `oauth2`. */
  provider?: string
  /** How it takes the client's secret. Default `client_secret_post`. */
  clientAuth?: 'client_secret_basic' | 'client_secret_post'
  /**
   * `false`: revoking a token there ends no tokens of the user's other sign-ins, so `upstream()` may revoke
   * those that no grant keeps. Default: not known, so only the user's last grant is revoked there.
   */
  revocationEndsAll?: boolean
  /** Parameters for the authorization request. Default: none. */
  authorizationParameters?: Readonly<Record<string, string>>
}

/**
 * A provider without ID tokens and metadata: its endpoints are given, and who signed in is what the user
 * info endpoint says.
 *
 * @see [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749)
 */
export function oauth2(options: Oauth2Options): Provider {
  const given = readOptions('oauth2', options, {
    issuer: base(true).required,
    authorizationEndpoint: base(true).required,
    tokenEndpoint: base(true).required,
    userinfoEndpoint: base(true).required,
    revocationEndpoint: base(true),
    introspectionEndpoint: base(true),
    audience: oneOrMore(),
    subjectClaim: text(),
    nameClaims: strings(),
    scopes: strings(),
    scopeSeparator: oneOf([' ', ',']),
    name: text(),
    provider: providerName().default('oauth2'),
    clientAuth: clientAuth(),
    revocationEndsAll: flag(),
    authorizationParameters: record(text().required, '{ access_type: "offline" }'),
    ...opaqueOptions(),
  })
  const { issuer, provider, introspectionEndpoint, audience, scopeClaims } = given
  return preset(
    {
      provider,
      issuer,
      ...(introspectionEndpoint && {
        opaque: {
          issuer,
          endpoint: introspectionEndpoint,
          audience: audienceRule(audience),
          ...defined({ scopeClaims: scopeClaims?.length ? ['scope', ...scopeClaims] : undefined }),
        },
      }),
      client: {
        resource: 'omit',
        assumeS256: true,
        endpoints: {
          authorization: given.authorizationEndpoint,
          token: given.tokenEndpoint,
          userinfo: given.userinfoEndpoint,
          ...defined({ revocation: given.revocationEndpoint }),
        },
        ...defined({ authorizationParameters: given.authorizationParameters }),
      },
      signIn: {
        name: given.name ?? new URL(issuer).host,
        protocol: 'oauth2',
        ...defined({
          subjectClaim: given.subjectClaim,
          nameClaims: given.nameClaims,
          scopes: given.scopes,
          scopeSeparator: given.scopeSeparator,
          clientAuth: given.clientAuth,
          revocationEndsAll: given.revocationEndsAll,
        }),
      },
    },
    { clientId: given.clientId, clientSecret: given.clientSecret },
  )
}
