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
  /** Compared exactly, as a raw string. */
  readonly issuer: string
  /** Where a token is judged: an https URL. */
  readonly endpoint: string
  /** `rfc7662`: POST `token=…` (default). The others are the provider's own form, described in its preset. */
  readonly style?: 'rfc7662' | 'google-tokeninfo' | 'github-check-token' | 'discord-me' | 'clerk-token-info'
  /** Default: `'resource'`. */
  readonly audience?: AudienceRule
  /** The first member that is there names the client. Default: `client_id`, `azp`, `cid`, `appid`. */
  readonly clientIdClaims?: readonly string[]
  /**
   * Dotted paths of members that list scopes, as a space-separated string or an array. Default: `scope`,
   * `scp`.
   */
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

/** What `passThrough()` must know. Data. */
export interface PassThroughProfile {
  /**
   * What stands before each scope in requests and not in tokens, for example Microsoft Entra ID's
   * `api://<id>/`. Default: nothing.
   */
  readonly scopePrefix?: string
  /**
   * It sends `iss` in authorization responses (RFC 9207), so clients cannot be passed through. Default: what
   * its metadata says.
   */
  readonly sendsIssuer?: boolean
}

/** How users sign in at a provider, for `upstream()`. Data: presets are made of it. */
export interface SignInProfile {
  /** What users call the provider: `GitHub`. */
  readonly name: string
  /**
   * Who says who signed in. `oidc`: an ID token (OpenID Connect Core §3.1.3.7). `oauth2`: the `userinfo`
   * endpoint, asked with the access token.
   */
  readonly protocol: 'oidc' | 'oauth2'
  /** Scopes that are always asked for. Default: `openid profile email` for `oidc`, none for `oauth2`. */
  readonly scopes?: readonly string[]
  /**
   * The scope that makes the provider issue a refresh token. It is asked for if tokens are kept. Default:
   * none.
   */
  readonly offlineScope?: string
  /**
   * Names of `authorizationParameters` that only make the provider issue a refresh token: they are left out
   * if tokens are not kept. Default: none.
   */
  readonly offlineParameters?: readonly string[]
  /** Between scopes in what the provider answers. Default: a space. */
  readonly scopeSeparator?: ' ' | ','
  /**
   * Scopes that the provider answers under another name: what is asked for → what it answers. Default: none.
   */
  readonly scopeAliases?: Readonly<Record<string, string>>
  /** Dotted path of the claim that names the user for ever. Default: `sub`. */
  readonly subjectClaim?: string
  /**
   * Dotted path of the claim that names the tenant, if the provider's ids of users are unique only there, for
   * example a workspace of Slack. The subject is then `<tenant>:<id>`. Default: none, the ids are unique at
   * the issuer.
   */
  readonly subjectTenantClaim?: string
  /**
   * Dotted paths of claims that a person recognises the account by. Default: `name`, `preferred_username`,
   * `email`.
   */
  readonly nameClaims?: readonly string[]
  /**
   * `never`: `email_verified` is not believed, because users or administrators of a tenant write addresses
   * that nobody checks. Default: an address counts if `email_verified` is true.
   */
  readonly emailVerified?: 'never'
  /**
   * Values of `iss` in ID tokens, if they are not the provider's `issuer`. `{tid}` stands for the token's
   * own `tid` claim, which must be a GUID (Microsoft Entra ID, multi-tenant).
   */
  readonly idTokenIssuers?: readonly string[]
  /**
   * Members of what says who signed in that must have exactly this value, or one of these: the id of a
   * workspace or a tenant. Other users get `access_denied`. Default: none.
   */
  readonly requiredClaims?: Readonly<Record<string, string | readonly string[]>>
  /** The key set of ID tokens, if the `endpoints` are given. Default: from the metadata. */
  readonly jwksUri?: string
  /** Algorithms of ID tokens. Default: RS256, PS256, ES256, EdDSA and their longer kin. */
  readonly idTokenAlgorithms?: readonly string[]
  /**
   * Values of `prompt` that are passed on; others are dropped. Default: `login`, `select_account`, `none`;
   * `oauth2`: none.
   */
  readonly prompts?: readonly string[]
  /** The parameter for the client's `login_hint`. Default: `login_hint` for `oidc`, none for `oauth2`. */
  readonly loginHintParameter?: string
  /**
   * Dotted path of the object in the token answer that has the user's tokens, for example Slack's
   * `authed_user`.
   */
  readonly tokenPath?: string
  /** Headers for the `userinfo` endpoint. */
  readonly userinfoHeaders?: Readonly<Record<string, string>>
  /**
   * How the client sends its secret. Default: what the metadata lists, Basic before post; post without
   * metadata.
   */
  readonly clientAuth?: 'client_secret_basic' | 'client_secret_post'
  /** What a `private_key_jwt` names as its audience. Default: the issuer. */
  readonly assertionAudience?: 'token_endpoint'
  /** There are no public clients, so sign-in needs a secret, a key or an assertion. Default: false. */
  readonly needsSecret?: boolean
  /** How tokens are revoked. Default: RFC 7009, if there is an endpoint. */
  readonly revocation?: 'rfc7009' | 'github' | 'none'
  /**
   * Whether revoking one token ends all tokens of this user and application. `false` only if the provider's
   * documentation says that other sign-ins go on: then a sign-in that no grant keeps is revoked at once. In
   * any other case only the last grant is revoked there; `true` sends one token, because it is enough.
   * Default: not known.
   */
  readonly revocationEndsAll?: boolean
  /** Token exchange on behalf of the user. Default: none. `rfc8693`, or the form of Microsoft Entra ID. */
  readonly exchange?: 'rfc8693' | 'entra'
}

/** An identity provider, as data. What `okta({ … })` and its siblings return. */
export interface Provider {
  /** The preset's name, for example `okta`. */
  readonly provider: string
  /** Its issuer identifier, compared exactly. */
  readonly issuer: string
  /** How its JWT access tokens look. Absent: they are opaque, or not verified. */
  readonly jwt?: JwtProfile
  /** How its opaque access tokens are judged. Absent: they are JWTs, or not verified. */
  readonly opaque?: OpaqueProfile
  /** What an OAuth client must know beyond the standard. Absent: nothing. */
  readonly client?: ClientQuirks
  /** If users can sign in there. */
  readonly signIn?: SignInProfile
  /** What `passThrough()` must know. Absent: nothing. */
  readonly passThrough?: PassThroughProfile
  /** The application registered there, if it has no secret. */
  readonly clientId?: string
  /**
   * What the deployment is registered with there: for introspection and for sign-in. Not enumerable, so
   * that it is not logged by accident.
   */
  readonly credentials?: { readonly clientId: string; readonly clientSecret: string }
}
