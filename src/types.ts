import type { ErrorContext, TollgateEvent } from './events.ts'

export type { DeployedResource, Deployment, Finding } from './deployment.ts'
export type {
  AudienceRule,
  ClientQuirks,
  JwtProfile,
  OpaqueProfile,
  PassThroughProfile,
  Provider,
  SignInProfile,
} from './provider.ts'
export type * from './events.ts'
export type * from './sign-in.ts'
export type {
  AuthorizationServer,
  TokenVerifier,
  UnverifiedJws,
  VerifiedToken,
  VerifierRuntime,
} from './verifier.ts'

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** The Web `fetch`. */
export type Fetch = typeof fetch

/** The current time in seconds since the epoch. May have a fraction. */
export type Clock = () => number

/** What the platform lends. Everything has a default; nothing is looked up on `globalThis` elsewhere. */
export interface Runtime {
  /** For outgoing requests. Default: the platform's `fetch`. */
  fetch?: Fetch
  /** Seconds since the epoch. Default: the system's clock. */
  clock?: Clock
  /** Keeps work alive after the response (Workers' `waitUntil`). */
  waitUntil?: (promise: Promise<unknown>) => void
  /** Receives every security-relevant event. Must not throw; if it does, the request goes on. */
  onEvent?: (event: TollgateEvent) => void
  /**
   * A flood of refused requests is summed up. After `after` events of one kind (1–1000, default 20) within
   * `window` seconds (1–3600, default 60) the others are told as sums, with a `count` and the other members
   * of the last one. Alerts and what was let through are never summed up. `false`: every event is told.
   */
  repeatedEvents?: { readonly after?: number; readonly window?: number } | false
  /**
   * Receives what the application's own code (sign-in, verifier, hook), the store, the cache or a request
   * to another server threw, as it was thrown: it may quote secrets. The answer on the wire stays a bare
   * 5xx. Must not throw. Default: with an issuer or resource on a loopback address `console.error`,
   * otherwise nothing.
   */
  onError?: (error: unknown, context: ErrorContext) => void
  /**
   * The client's address, from a source that the deployment trusts. Default: unknown, and limits are per
   * client only.
   */
  clientAddress?: (request: Request) => string | undefined
}

/** Something that answers some requests: `undefined` means "not mine". */
export interface Endpoints {
  /** Answers the request, or resolves with undefined if the path is not its own. */
  handle(request: Request): Promise<Response | undefined>
}

/** A cache may be stale, lose entries, and see a write late. It never holds grants. */
export interface Cache {
  /** The value, or undefined if there is none (any more). */
  get(key: string): Promise<string | undefined>
  /** `ttl` in seconds. */
  put(key: string, value: string, options: { ttl: number }): Promise<void>
  /** Removes the value, if there is one. */
  delete(key: string): Promise<void>
}

/** One record as the backend holds it. */
export interface StoreRecord {
  /** What was written. */
  value: string
  /** Changes with each write; `put` and `delete` compare it. */
  version: string
  /** Seconds since the epoch. Absent: it does not expire. */
  expiresAt?: number
}

/** A store is consistent: of two racers, one loses. */
export interface Store {
  /** The record, also an expired one: the caller decides by one clock what has expired. */
  get(key: string): Promise<StoreRecord | undefined>
  /**
   * Writes if the stored version equals `ifVersion` (`null`: if there is no record). Returns the new
   * version; undefined: another caller was first.
   */
  put(
    key: string,
    value: string,
    options: { ifVersion: string | null; expiresAt?: number },
  ): Promise<string | undefined>
  /** Deletes the record, with `ifVersion` only if it still has this version. Whether a record was deleted. */
  delete(key: string, options?: { ifVersion?: string }): Promise<boolean>
}

/** An access token of an upstream identity provider. */
export interface UpstreamToken {
  /** The token, for the provider's API. Secret. */
  accessToken: string
  /** Seconds since the epoch, if known. */
  expiresAt?: number
  /** What it was granted, if the provider says so. */
  scopes?: readonly string[]
}

/** What an upstream sign-in brought, sealed into the grant. */
export interface UpstreamTokens extends UpstreamToken {
  /** Renews the access token. Absent: the provider gave none. */
  refreshToken?: string
  /** The ID token of the sign-in (OpenID Connect Core §2), if there was one. */
  idToken?: string
  /** The provider that they are from. */
  issuer?: string
  /** `provider` of the {@link UpstreamAccess} that they are for: only its client may use them. */
  provider?: string
}

/** What a server lends to a sign-in, which may call other servers. */
export interface SignInRuntime {
  /** For requests to the provider. */
  readonly fetch: Fetch
  /** Seconds since the epoch. */
  readonly clock: Clock
  /** Keeps work alive after the response. Undefined: the platform has no such function. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined
  /** Whether I/O ends with the request that began it, as on Workers. */
  readonly requestsOwnIo: boolean
  /** Tells `onEvent` of the server. */
  readonly event: (event: Omit<TollgateEvent, 'at'>) => void
}

/** Upstream tokens as they are stored, with the caller that is renewing them. */
export interface VaultEntry extends UpstreamTokens {
  /** When they were renewed, in seconds since the epoch. Absent: they are those of the sign-in. */
  renewed?: number
  /** Until then, in seconds since the epoch, only the caller of this id may renew them. */
  lease?: { id: string; until: number }
}

/** One sealed set of upstream tokens that several processes use: those of a grant, or of a linked account. */
export interface VaultRecord {
  /** The same object for all vaults of one server. */
  readonly runtime: SignInRuntime
  /** Names it among all of this server. */
  readonly id: string
  /** For events. */
  readonly about: Pick<TollgateEvent, 'issuer' | 'grantId' | 'clientId' | 'subject'>
  /**
   * Reads it, lets `judge` decide, and writes if it is still the same version; otherwise it reads and judges
   * again. `undefined`: there is none (any more). `mayStand`: a write of this call may have come before.
   * Rejects with UnavailableError.
   */
  update<T>(judge: (entry: VaultEntry | undefined, mayStand: boolean) => VaultVerdict<T>): Promise<T>
}

/** What happens to upstream tokens, and the result for the caller. */
export interface VaultVerdict<T> {
  /**
   * The tokens to store. `null`: the provider has ended them, so the grant is revoked, or the account is
   * unlinked. Absent: nothing is written.
   */
  write?: VaultEntry | null
  /** What `update` resolves with. */
  result: T
}

/** What an on-behalf-of token is for (RFC 8693 §2.1). */
export interface ExchangeTarget {
  /** The other API, as the provider names it. */
  resource?: string
  /** Scopes at the other API, separated by spaces. */
  scope?: string
}

/** What a sign-in does later with the tokens that it brought. */
export interface UpstreamAccess {
  /** The name by which tools ask for its tokens: `auth.upstream('github')`. */
  readonly provider: string
  /** Compared with `issuer` of the tokens. */
  readonly issuer: string
  /** Revoking one token may end all tokens of this user and application, so it waits for the last grant. */
  readonly revocationEndsAll?: boolean
  /**
   * An access token that lasts a while: renewed ahead of its expiry, once for all callers of all processes.
   * Rejects with UnavailableError if the provider cannot be asked, and then nothing is lost; with
   * `invalid_grant` if the user has to sign in again, and then the vault has ended.
   */
  token(vault: VaultRecord): Promise<UpstreamToken>
  /** Revokes the tokens of a vault that has ended, if the provider can. Never rejects. */
  revoke(tokens: UpstreamTokens, runtime: SignInRuntime): Promise<void>
  /** A token for another API on behalf of the user, where the provider offers it. */
  exchange?(vault: VaultRecord, target: ExchangeTarget): Promise<UpstreamToken>
}

/** Who is calling, and what the caller may do. Assignable to the official SDK's `AuthInfo`, v1 and v2. */
export interface AuthInfo<P = unknown> {
  /** Not enumerable, so that it is not logged by accident. */
  readonly token: string
  /** The OAuth client. */
  readonly clientId: string
  /** The scopes of the token, and those that they imply (`scopeImplies`). */
  readonly scopes: string[]
  /** Seconds since the epoch. */
  readonly expiresAt: number
  /** The resource that the token is for, and that was asked. */
  readonly resource: URL
  /** `issuer`, `subject`, `claims` and `props` once more: handlers of the official SDK look for them here. */
  readonly extra?: Record<string, unknown>
  /** Who issued the token. */
  readonly issuer: string
  /** The user. Undefined: the client acts for itself. */
  readonly subject: string | undefined
  /** The claims of the token, or the answer of the introspection, as the issuer wrote them. */
  readonly claims: Readonly<Record<string, unknown>>
  /** What the application attached at sign-in. Undefined: nothing. */
  readonly props: P | undefined
  /** What the user chose at consent, by name: `consent.choices` of the embedded server. Empty without. */
  readonly choices: Readonly<Record<string, string>>
  /** What the guard adds to the answer; adapters that answer themselves do it too. Not enumerable. */
  readonly responseHeaders?: Readonly<Record<string, string>>
  /** Whether the token carries this scope, by itself or implied by another one. */
  hasScope(scope: string): boolean
  /**
   * A fresh access token of the identity provider that the user signed in with, or of a linked account.
   * `provider`: its name, for example `github`. Default: the one of the sign-in. Rejects if there is none.
   */
  upstream(provider?: string): Promise<UpstreamToken>
  /** Where the user connects an account at this provider. Rejects if it is not configured. */
  link(provider: string): Promise<URL>
  /** A token for another API on behalf of the user (RFC 8693). Rejects if nothing offers it. */
  exchange(target: ExchangeTarget): Promise<UpstreamToken>
}

/** Cloudflare's rate limiting binding as it is. */
export interface RateLimiter {
  /** Counts one use of `key`. `success: false`: the limit is reached, and the caller gets 429. */
  limit(options: { key: string }): Promise<{ success: boolean }>
}
