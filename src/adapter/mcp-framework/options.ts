import type { Client } from '../../client/index.ts'
import type { ResourceServerOptions } from '../../index.ts'
import type { Runtime } from '../../types.ts'
import type { CustomValidator } from './verifier.ts'

/** Options of {@link OAuthAuthProvider}: those of the framework's class, and what the guard needs beyond. */
export interface OAuthAuthProviderOptions extends Runtime {
  /**
   * The issuer of the tokens, as its metadata writes it. With `validation`, the one entry may be another URL,
   * at which clients find its metadata. Without, they are what `createResourceServer` takes: issuers,
   * presets, servers. Required unless there is `authorizationServer`.
   */
  authorizationServers?: ResourceServerOptions['authorizationServers']
  /** The older name of the one entry of `authorizationServers`. Default: none. */
  authorizationServer?: string
  /** The URL that users type into their client, with its path. Required unless there is `resourceUri`. */
  resource?: string
  /** The older name of `resource`. Default: none. */
  resourceUri?: string
  /**
   * How tokens are verified. Default: by what `authorizationServers` says; with `authorizationServer`, JWTs
   * of that issuer.
   */
  validation?: ValidationOptions
  /** As `validation.introspection`; without `validation`, all tokens are judged there. Default: none. */
  introspection?: FrameworkIntrospection
  /** For `introspection`, if it names no client. Default: none. */
  clientId?: string
  /** The secret of `clientId`. Default: none. */
  clientSecret?: string
  /** The header that carries `Bearer <token>`: `Authorization` (default), or a name that begins with `X-`. */
  headerName?: string
  /** The scopes that every request needs. Default: none. */
  requiredScopes?: readonly string[]
  /**
   * How long a good token is not judged again, in seconds, 0–3600. Default: 300 with `customValidator`, else
   * to its end.
   */
  tokenCacheTTL?: number
  /** Only `true`, which is the default. */
  strictAudienceValidation?: boolean
  /**
   * Is asked about each good token, and may refuse it. What it throws is 503, as is no answer in 10 s.
   * Default: none.
   */
  customValidator?: CustomValidator
  /**
   * What `createClient()` of `tollgate/client` returned, for `startAuthorizationFlow` and `handleCallback`.
   * Default: none.
   */
  client?: Pick<Client, 'authorize' | 'callback'>
  /** The path of the redirect URI of `client`. Default `/oauth/callback`. */
  callbackPath?: string
  /** As in `createResourceServer`. Default: see there. */
  allowedOrigins?: ResourceServerOptions['allowedOrigins']
  /** As in `createResourceServer`. Default: none. */
  dangerouslyAllowHttp?: readonly string[]
}

/** How tokens are verified. */
export interface ValidationOptions {
  /** JWTs, or tokens that the issuer is asked about (RFC 7662). */
  type: 'jwt' | 'introspection'
  /** Compared exactly with `iss`. Default: the one entry of `authorizationServers`. */
  issuer?: string
  /** What `aud` has. Default: the resource. */
  audience?: string
  /** Default: from the issuer's metadata. */
  jwksUri?: string
  /** Asymmetric ones. Default: all that `jwtVerifier` takes. */
  algorithms?: readonly string[]
  /** With `type: 'introspection'`: where. Default: the option `introspection`. */
  introspection?: FrameworkIntrospection
}

/** Where opaque tokens are judged (RFC 7662). */
export interface FrameworkIntrospection {
  /** The https URL of the introspection endpoint. */
  endpoint: string
  /** Who asks. Default: the option `clientId`. */
  clientId?: string
  /** Its secret. Default: the option `clientSecret`. */
  clientSecret?: string
  /** How long a positive answer may be used, in *milliseconds*, 0–3 600 000. Default 60 000. */
  cacheTTL?: number
}

/** What the class works with. */
export interface ResolvedProviderOptions {
  readonly server: ResourceServerOptions
  readonly headerName: string
  readonly client: OAuthAuthProviderOptions['client']
  readonly callbackPath: string
}
