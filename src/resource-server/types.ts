import type {
  AuthInfo,
  AuthorizationServer,
  Awaitable,
  Cache,
  Endpoints,
  Deployment,
  ExchangeTarget,
  Provider,
  Runtime,
  SignInRuntime,
  UpstreamToken,
} from '../types.ts'

/** Options of `createResourceServer`. */
export interface ResourceServerOptions extends Runtime {
  /**
   * The URL that users type into their client: the resource identifier of RFC 8707 and RFC 9728, and the
   * audience of tokens. https, or http on this machine. Of several resources, the request's path chooses.
   */
  resource: string | readonly ResourceOptions[]
  /**
   * Who issues tokens: an issuer's URL, a preset, an embedded server or a verifier. At least one that clients
   * can get tokens from.
   */
  authorizationServers: readonly (string | Provider | AuthorizationServer)[]
  /**
   * For the metadata document. Default: what the embedded authorization server offers for the resource,
   * otherwise `requiredScopes`.
   */
  scopesSupported?: readonly string[]
  /** The scopes that every request needs. Default: none. */
  requiredScopes?: readonly string[]
  /**
   * The scopes that the first challenge (401) asks for, beside those that the request needs: `'required'`,
   * none; `'offered'`, all of `scopesSupported`; or a list. Default: `'offered'` with an embedded server,
   * whose consent page lets the user choose, otherwise `'required'`. Some clients never ask for more later,
   * so they only get what this challenge asks for.
   */
  firstChallengeScopes?: 'required' | 'offered' | readonly string[]
  /**
   * Which scope includes which others, for example `{ admin: ['write'], write: ['read'] }`. Transitive.
   * Default: none.
   */
  scopeImplies?: Readonly<Record<string, readonly string[]>>
  /**
   * Scopes that follow from other claims (RBAC): by dotted claim path and value, for example `{ roles: {
   * editor: ['notes:write'] } }`, or a function. They add to the token's own scopes. Roles say what a *user*
   * may do, so only map what every client of that user may do. Default: none.
   */
  scopesFromClaims?: ScopesFromClaims
  /**
   * Browser origins that may call (CORS). A list: exactly these. Default: `*` without credentials for an
   * https resource; only loopback origins for a loopback resource. A request from another origin is 403
   * before it is authenticated.
   */
  allowedOrigins?: '*' | readonly string[]
  /** Shares key sets between instances. Default: each instance keeps them in memory. */
  cache?: Cache
  /**
   * Encrypts and authenticates the entries of `cache` against cache poisoning: who can write to the cache
   * could otherwise sign tokens. At least 32 bytes, the same on every instance. Of a list, the first one
   * seals, and all open. Default: entries are not authenticated.
   */
  cacheSecret?: string | readonly string[]
  /**
   * Verified tokens in memory, per resource. `size`: 1–1 000 000 entries, default 10 000. `false`: every
   * request is verified anew.
   */
  tokenCache?: { size: number } | false
  /**
   * The longest token that is read, in characters: 1024–65 536, default 16 384. A longer one is 431, never
   * `invalid_token`. The host has a limit of its own (Node: 16 kB for all headers, `--max-http-header-size`).
   */
  maxTokenLength?: number
  /**
   * The public URL of this server's root, if a proxy removes a path prefix: `https://example.com/api`. The
   * resource lies below it; requests arrive without the prefix, and the metadata is announced below it.
   * Default: no prefix is removed.
   */
  publicUrl?: string
  /** For the metadata document (RFC 9728 §2). Default: absent. */
  resourceName?: string
  /** URL of the documentation, for the metadata document. Default: absent. */
  documentation?: string
  /** URL of the policy on the data, for the metadata document. Default: absent. */
  policy?: string
  /** URL of the terms of service, for the metadata document. Default: absent. */
  termsOfService?: string
  /**
   * What `auth.exchange()` does with a token: `tokenExchange(provider)` of `tollgate/upstream/exchange`,
   * which gets `fetch`, `clock` and `onEvent` of this server. Default: nothing, unless the token's own
   * authorization server offers it.
   */
  exchange?: (auth: AuthInfo, target: ExchangeTarget, runtime: SignInRuntime) => Promise<UpstreamToken>
  /** Remove `Authorization` from the request that the handler gets. Default false. */
  stripAuthorization?: boolean
  /**
   * http origins that are allowed although they are not on this machine, for example `http://mcp:3000` in a
   * compose network. Default: none.
   */
  dangerouslyAllowHttp?: readonly string[]
}

/** One of several resources. The resource server's options are the defaults. */
export interface ResourceOptions {
  /** The resource identifier. Required unless there are `hosts`. */
  resource?: string
  /**
   * Instead of `resource`: the hosts of the request (`mcp.example.com`, `localhost:3000`), each of which
   * makes a resource with `path`. Any other host is 421. Default: `resource` says it.
   */
  hosts?: readonly string[]
  /** The path for `hosts`. Default `/`. */
  path?: string
  /** Who issues tokens for this resource. Default: as in {@link ResourceServerOptions}. */
  authorizationServers?: readonly (string | Provider | AuthorizationServer)[]
  /** For its metadata document. Default: as in {@link ResourceServerOptions}. */
  scopesSupported?: readonly string[]
  /** The scopes that every request to it needs. Default: as in {@link ResourceServerOptions}. */
  requiredScopes?: readonly string[]
  /** The scopes that its first challenge asks for. Default: as in {@link ResourceServerOptions}. */
  firstChallengeScopes?: 'required' | 'offered' | readonly string[]
  /** For its metadata document (RFC 9728 §2). Default: as in {@link ResourceServerOptions}. */
  resourceName?: string
  /** URL of its documentation. Default: as in {@link ResourceServerOptions}. */
  documentation?: string
  /** URL of its policy on the data. Default: as in {@link ResourceServerOptions}. */
  policy?: string
  /** URL of its terms of service. Default: as in {@link ResourceServerOptions}. */
  termsOfService?: string
}

/**
 * Scopes by dotted claim path and value, or a function from claims to scopes. What the function throws goes
 * to `onError`.
 */
export type ScopesFromClaims =
  | Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  | ((claims: Readonly<Record<string, unknown>>) => readonly string[])

/** What a request needs beyond a good token. */
export interface Need {
  /** Scopes beside `requiredScopes`; one challenge names all of them. Default: none. */
  scopes?: readonly string[]
  /** Which of several resources, if the path does not say. Default: the path says it. */
  resource?: string
  /** The token's `acr` must be one of these (RFC 9470). Default: any. */
  acrValues?: readonly string[]
  /**
   * The user must have signed in at most so many seconds ago (RFC 9470). 0–31 536 000 seconds. Default: any.
   */
  maxAge?: number
}

/** What `protect` takes. */
export interface ProtectNeed extends Need {
  /** Scopes per tool, prompt and resource: `operationScopes({ … })` of `tollgate/operations`. */
  operations?: OperationJudge
}

/** What `admit` takes. */
export interface AdmitNeed extends ProtectNeed {
  /** Also admit a request without a token, with `auth` undefined. A bad token is still 401. Default false. */
  optional?: boolean
}

/** An admitted request. */
export interface AdmittedRequest<P = unknown> {
  /** Who is calling; undefined for a request without a token, which only `optional` admits. */
  readonly auth: AuthInfo<P> | undefined
  /**
   * The request for the handler: with the body that the rules for operations have read, and with
   * `stripAuthorization` without the token.
   */
  readonly request: Request
  /**
   * The handler's response as it goes out: with CORS headers, `Cache-Control` and the headers of the verifier
   * (`Deprecation`), lists filtered, and an event stream that ends with its token. Call it once, with every
   * response of the handler.
   */
  finish(response: Response): Response
  /**
   * For a host whose handler writes to a socket, so that `finish` cannot end its stream. Calls `end` once,
   * when the answer has to end: the token has expired or was revoked, or the answer to a POST has lasted
   * 3600 s. Returns a function that stops the watch; call it when the answer is complete.
   */
  onEnd(end: () => void): () => void
}

/** Judges the operations of a request. `operationScopes()` of `tollgate/operations` makes one. */
export interface OperationJudge {
  /** Every scope that a rule names. One that no authorization server offers is refused at construction. */
  readonly scopes?: readonly string[]
  /** Reads and judges the body. Rejects with an OAuthError, or with what a rule threw. */
  judge(request: Request, auth: AuthInfo | undefined): Promise<OperationJudgement>
}

/** What an {@link OperationJudge} decides: an answer that refuses, or what the operations need. */
export type OperationJudgement =
  | {
      readonly refused: Response
      readonly operation?: string
      /** The reason, for the event: one line. */
      readonly detail?: string
    }
  | {
      /** The scopes that the operations of this request need. */
      readonly scopes: readonly string[]
      /**
       * Whether all messages are requests that end with an answer. Such a stream outlives its token, a
       * subscription does not. Undefined: not known.
       */
      readonly answers?: boolean
      /** The operations, for an event, for example `tools/call write_note`; without queries. */
      readonly operation?: string
      /** The request for the handler, with the body that was judged. */
      readonly request: Request
      /** Changes the handler's answer. `carries`: whether the token carries all of these scopes. */
      readonly filter?: (response: Response, carries: (scopes: readonly string[]) => boolean) => Response
    }

/** The guard of a protected resource. */
export interface ResourceServer<P = unknown> extends Endpoints {
  /** Where the metadata of the (first) resource is. */
  readonly metadataUrl: string
  /** The identifiers of the resources, in the order of the options. */
  readonly resources: readonly string[]
  /** The metadata document and preflights; `undefined` for everything else. */
  handle(request: Request): Promise<Response | undefined>
  /** Who is calling, or the answer that refuses: 401, 403, 400, 421 or 503. The request stays as it is. */
  authenticate(request: Request, need?: Need): Promise<AuthInfo<P> | Response>
  /** A handler that is only called with a good token. Includes `handle`. */
  protect<R extends unknown[]>(
    handler: (request: Request, auth: AuthInfo<P>, ...rest: R) => Awaitable<Response>,
    need?: ProtectNeed,
  ): (request: Request, ...rest: R) => Promise<Response>
  /** A handler that is also called without a token; a bad token is still 401. Includes `handle`. */
  optional<R extends unknown[]>(
    handler: (request: Request, auth: AuthInfo<P> | undefined, ...rest: R) => Awaitable<Response>,
    need?: ProtectNeed,
  ): (request: Request, ...rest: R) => Promise<Response>
  /**
   * Admits a request, or answers it: `protect` in two steps, for adapters and for hosts whose handler is not
   * a function from request to response. A Response is the answer and goes out as it is (the metadata, a
   * preflight, 401, 403, 400, 421, 431 or 503); otherwise pass the handler's response through `finish`.
   *
   * @example
   * const admitted = await rs.admit(request)
   * if (admitted instanceof Response) return admitted
   * return admitted.finish(await mcp(admitted.request, { authInfo: admitted.auth }))
   */
  admit(request: Request, need?: AdmitNeed): Promise<Response | AdmittedRequest<P>>
  /** What `deploymentFindings(rs)` of `tollgate/doctor` reads. */
  readonly deployment: Deployment
}
