import type { AuthInfo, Awaitable, Cache, Runtime } from './types.ts'

/** What a verifier found in a token. */
export interface VerifiedToken {
  /** Who issued the token. */
  issuer: string
  /** The user. Undefined: the client acts for itself. */
  subject: string | undefined
  /** The client that the token was issued to. */
  clientId: string
  /** What the token was granted. */
  scopes: readonly string[]
  /** Seconds since the epoch. */
  expiresAt: number
  /** The claims of the token, or the answer of the introspection. */
  claims: Readonly<Record<string, unknown>>
  /** What the application attached at sign-in. */
  props?: unknown
  /** What the user chose at consent, by name. */
  choices?: Readonly<Record<string, string>>
  /** See {@link AuthInfo}. */
  upstream?: AuthInfo['upstream']
  link?: AuthInfo['link']
  exchange?: AuthInfo['exchange']
  /**
   * Until when the guard may keep this result, in seconds since the epoch. Default: `expiresAt`. 0: not at
   * all.
   */
  cacheUntil?: number
  /**
   * Asked each time before a kept result is used again. Throws InvalidTokenError or UnavailableError;
   * `undefined` means nothing to ask.
   */
  revalidate?: () => Awaitable<void>
  /** Go onto the answer of whatever this token lets through, for example `Deprecation` (RFC 9745). */
  responseHeaders?: Readonly<Record<string, string>>
}

/** A JWS in compact form (RFC 7515 §7.1), parsed once per request. Nothing in it is verified. */
export interface UnverifiedJws {
  /** The token as it came. */
  readonly token: string
  /** The decoded JOSE header. */
  readonly header: Readonly<Record<string, unknown>>
  /** The decoded claims. */
  readonly payload: Readonly<Record<string, unknown>>
}

/**
 * Judges one kind of token for one resource. `jws` is the same token, parsed, if it is a JWS: the guard
 * parses it once for all verifiers.
 */
export interface TokenVerifier {
  /**
   * Whether this verifier recognises the token as its own. `'otherwise'`: it takes the token if no other
   * verifier recognises it. Default: `'otherwise'`.
   */
  accepts?(token: string, jws?: UnverifiedJws): boolean | 'otherwise'
  /** Rejects with InvalidTokenError or UnavailableError; only a result means "authenticated". */
  verify(token: string, jws?: UnverifiedJws): Promise<VerifiedToken>
  /**
   * Whether tokens can be verified now: asks for what `verify` needs, and no more often than it would.
   * Rejects with UnavailableError. For a readiness check. Default: not known.
   */
  ready?(): Awaitable<void>
}

/** An issuer of tokens for a resource: a preset, or the embedded server. */
export interface AuthorizationServer {
  /** Its issuer identifier (RFC 8414 §2), compared exactly. */
  readonly issuer: string
  /**
   * False: no OAuth issuer that a client could go to (API keys), so it stands in no metadata. Default:
   * true.
   */
  readonly listed?: boolean
  /** What its JWTs are signed with, if that is known: an issuer has one of them, never both. */
  readonly signing?: 'secret' | 'keys'
  /**
   * The scopes that it offers for this resource, if they are known: the guard's default for
   * `scopesSupported`, and a bound for its options.
   */
  offeredScopes?(resource: string): readonly string[] | undefined
  /**
   * Makes the verifier of its tokens for this resource. Throws ConfigurationError if it cannot verify them.
   */
  verifier(resource: string, runtime: VerifierRuntime): TokenVerifier
}

/** What a resource server lends to its verifiers. */
export interface VerifierRuntime extends Runtime {
  /** The cache of the resource server. Default: none. */
  cache?: Cache
  /** Only holders of the resource server's `cacheSecret` can put entries into the cache. Default: false. */
  cacheIsAuthenticated?: boolean
  /** http origins that the deployment has allowed by name. */
  dangerouslyAllowHttp?: readonly string[]
}
