/**
 * How a token names whom it is for.
 *
 * - `'resource'`: `aud` contains the resource (RFC 9068 §4); the default.
 * - `{ aud }`: `aud` contains one of these fixed values, for providers that do not honour RFC 8707.
 * - `{ claim, equals, aud }`: the provider does not bind tokens to a resource; this claim equals one of the
 *   values. With `aud`, the token's
 * `aud` contains one of these values as well. A token whose `aud` names another URL than the resource is
 * refused in every case.
 */
export type AudienceRule =
  | 'resource'
  | { readonly aud: readonly string[] }
  | { readonly claim: string; readonly equals: readonly string[]; readonly aud?: readonly string[] }

/** How an issuer's JWT access tokens look. Data: presets are made of it. */
export interface JwtProfile {
  /** Compared exactly, as a raw string. */
  readonly issuer: string
  /**
   * Other values of `iss` that the same issuer is known to write. An entry that ends with `/*` stands for
   * exactly one more path segment. Default: none.
   */
  readonly alsoIssuers?: readonly string[]
  /** Default: from the issuer's metadata (RFC 8414, then OpenID Connect Discovery). */
  readonly jwksUri?: string
  /**
   * Asymmetric JWS algorithms (RS, PS, ES, EdDSA). Default: RS256, PS256, ES256, EdDSA and their longer
   * kin.
   */
  readonly algorithms?: readonly string[]
  /** Default: `'resource'`. */
  readonly audience?: AudienceRule
  /** Refuse tokens whose `aud` names others too. Default: false. */
  readonly strictAudience?: boolean
  /**
   * `'at+jwt'`: only RFC 9068 (default). `'jwt'`: also `typ: JWT` or none, while whatever looks like an ID
   * token is refused.
   */
  readonly typ?: 'at+jwt' | 'jwt'
  /**
   * Other values of the header's `typ` that this issuer's access tokens carry, for example Okta's own.
   * Default: none.
   */
  readonly alsoTypes?: readonly string[]
  /** Claims that must have exactly this value, for example `{ token_use: 'access' }`. */
  readonly requiredClaims?: Readonly<Record<string, string>>
  /**
   * At least one of these claims must be there, for example `['scp', 'roles']`: ID tokens have none of
   * them. Default: no such demand.
   */
  readonly anyOfClaims?: readonly string[]
  /**
   * Dotted paths of claims that list scopes, as a space-separated string or an array. Default: `['scope',
   * 'scp']`.
   */
  readonly scopeClaims?: readonly string[]
  /**
   * The first that is there names the client. Default: `['client_id', 'azp', 'cid', 'appid']`; when set,
   * one of them must be there.
   */
  readonly clientIdClaims?: readonly string[]
}

/** How an issuer's opaque access tokens are judged. Data: presets are made of it. */
export interface OpaqueProfile {
  readonly issuer: string
  readonly endpoint: string
  /** `rfc7662`: POST `token=…` (default). The others are the provider's own form, described in its preset. */
  readonly style?: 'rfc7662' | 'google-tokeninfo' | 'github-check-token' | 'discord-me' | 'clerk-token-info'
  readonly audience?: AudienceRule
  readonly clientIdClaims?: readonly string[]
  readonly scopeClaims?: readonly string[]
}

/** What an OAuth client (also an upstream sign-in) must know beyond the standard. Data. */
export interface ClientQuirks {
  /** `omit`: never send `resource`; `audience`: send it as `audience`. Default: send `resource`. */
  readonly resource?: 'omit' | 'audience'
  /** S256 works although the metadata does not say so. */
  readonly assumeS256?: boolean
  /** Never send `prompt`, which is `consent` with `offline_access` otherwise. */
  readonly omitPrompt?: boolean
  /** A refresh that is refused with `resource` is tried once more without it. */
  readonly retryRefreshWithoutResource?: boolean
  /**
   * Other values of `token_type` that stand for a bearer token, for example Slack's `user`. Default: only
   * `Bearer` and `DPoP`.
   */
  readonly tokenTypes?: readonly string[]
  /** Endpoints, if there is no metadata document. */
  readonly endpoints?: {
    readonly authorization: string
    readonly token: string
    readonly userinfo?: string
    readonly revocation?: string
  }
  /** Origins of its endpoints beside the issuer's own. */
  readonly endpointOrigins?: readonly string[]
  /** Parameters for the authorization request, for example `access_type=offline`. */
  readonly authorizationParameters?: Readonly<Record<string, string>>
}

/** An identity provider, as data. What `okta({ … })` and its siblings return. */
export interface Provider {
  /** The preset's name, for example `okta`. */
  readonly provider: string
  readonly issuer: string
  readonly jwt?: JwtProfile
  readonly opaque?: OpaqueProfile
  readonly client?: ClientQuirks
  /**
   * What the deployment is registered with there: for introspection and for sign-in. Not enumerable, so
   * that it is not logged by accident.
   */
  readonly credentials?: { readonly clientId: string; readonly clientSecret: string }
}
