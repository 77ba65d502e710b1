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
export type { ErrorContext, TollgateEvent, TollgateEventType } from './events.ts'
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
  handle(request: Request): Promise<Response | undefined>
}

/** A cache may be stale, lose entries, and see a write late. It never holds grants. */
export interface Cache {
  get(key: string): Promise<string | undefined>
  /** `ttl` in seconds. */
  put(key: string, value: string, options: { ttl: number }): Promise<void>
  delete(key: string): Promise<void>
}

/** One record as the backend holds it. */
export interface StoreRecord {
  value: string
  version: string
  /** Seconds since the epoch. */
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
  delete(key: string, options?: { ifVersion?: string }): Promise<boolean>
}

/** An access token of an upstream identity provider. */
export interface UpstreamToken {
  accessToken: string
  /** Seconds since the epoch, if known. */
  expiresAt?: number
  scopes?: readonly string[]
}

/** What an upstream sign-in brought, sealed into the grant. */
export interface UpstreamTokens extends UpstreamToken {
  refreshToken?: string
  idToken?: string
  /** The provider that they are from. */
  issuer?: string
  /** `provider` of the {@link UpstreamAccess} that they are for: only its client may use them. */
  provider?: string
}

/** What a server lends to a sign-in, which may call other servers. */
export interface SignInRuntime {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined
  /** Whether I/O ends with the request that began it, as on Workers. */
  readonly requestsOwnIo: boolean
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
  result: T
}

/** What an on-behalf-of token is for (RFC 8693 §2.1). */
export interface ExchangeTarget {
  /** The other API, as the provider names it. */
  resource?: string
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
  readonly clientId: string
  /** The scopes of the token, and those that they imply (`scopeImplies`). */
  readonly scopes: string[]
  /** Seconds since the epoch. */
  readonly expiresAt: number
  readonly resource: URL
  readonly extra?: Record<string, unknown>
  readonly issuer: string
  readonly subject: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
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

/** Who signed in. */
export interface Identity {
  /** Stable, unique within the deployment. */
  subject: string
  /** What a person recognises the account by. */
  name?: string
  /** Seconds since the epoch. */
  authTime?: number
  acr?: string
  /** The most that this user may grant. Default: everything. */
  scopes?: readonly string[]
  /**
   * Travels with the grant; what the handler gets as `auth.props`. JSON of at most 16 000 bytes; 1500 bytes
   * if
   * the sign-in has `finish` and `consent: 'after'`, because it lies in the session until the user approves.
   */
  props?: unknown
  upstream?: UpstreamTokens
}

/** One sign-in on its way, from `start` to `finish`. */
export interface SignInLeg {
  /** Names it; random, for an upstream's `state`. The callback carries it in its query. */
  readonly state: string
  /** Where the browser comes back to: the redirect URI of its provider, see {@link SignInCallback}. */
  readonly callbackUrl: string
  /** The time of this request by the server's clock, for `authTime`: seconds since the epoch. */
  readonly now: number
  /** How the pages of this server look, for a page of the sign-in. */
  readonly branding: Branding
  /** For calls to other servers, and for events. */
  readonly runtime: SignInRuntime
  /**
   * What `start` wants to find again in `finish`, for example its own verifier and nonce. Sealed in a
   * cookie; at most 600 characters. `finish` may change it if it returns a Response.
   */
  kept?: string
  /** The way that `next` was told; undefined unless the sign-in offers several ways. */
  readonly way?: string
  /**
   * A leg for the way to sign in that the user has chosen. It has a `state` of its own, so that no upstream
   * sees the state of another (mix-up), keeps nothing yet, and ends when this one does. The callback with its
   * state finds it if `start` or `finish` returns a Response.
   */
  next(way: string): SignInLeg
  /**
   * Counts an attempt to sign in: by this caller, and at this account, if one is named, by all callers
   * together. Rejects with 429 above the limit. Await it before anything that costs time or checks a
   * credential.
   */
  attempt(account?: string): Promise<void>
}

/** How the pages look. */
export interface Branding {
  /** Default: the issuer's host. */
  name?: string
  /** An https URL or a `data:image/` URL. Default: the first letter of the name. */
  logo?: string
  /** A hexadecimal CSS colour, for example `#0b5fff`. Default: a blue. */
  accent?: string
  /** The same for the dark colour scheme. Default: `accent`. */
  accentDark?: string
}

/**
 * The redirect URI that a sign-in has at an identity provider. Mix-up (RFC 9700 §4.4.2.2): each provider has
 * one of its own, so that a code of one never goes to the token endpoint of another.
 */
export interface SignInCallback {
  /**
   * The last segment of its path, which is also what tools call the provider: 1–40 lower-case letters,
   * digits, `_` or `-`. It stands for one issuer and one client.
   */
  readonly provider: string
  readonly issuer: string
  readonly clientId: string
  /** Legs that `next` was told this way come back there. Absent: legs that were not told a way. */
  readonly way?: string
}

/** How a person signs in. */
export interface SignIn {
  /** `before`: consent precedes the sign-in (an upstream may let the user through silently). */
  readonly consent: 'before' | 'after'
  /** What the button leads to, for the consent page: "You will sign in with …". */
  readonly name?: string
  /** Who is signed in; `null` or `undefined`: no user is. */
  identify(request: Request): Awaitable<Identity | null | undefined>
  start(
    request: Request,
    flow: {
      /** Absolute URL below the issuer at which the flow goes on. */
      returnTo: string
      prompt?: string
      maxAge?: number
      loginHint?: string
      leg: SignInLeg
    },
  ): Awaitable<Response>
  /**
   * An upstream's callback. The leg was found in this browser, is not expired, and its approval is not used
   * yet. A sign-in that has this method uses the server's own session. Throws OAuthError if no user signed
   * in.
   */
  finish?(request: Request, leg: SignInLeg): Promise<Identity | Response>
  /**
   * Asked each time that the server's own session is read: who the user is now. `null` or `undefined`: the
   * user may not sign in any more, and has no session. `way`: what `next` of the leg was told. Should be
   * cheap. Default: who the user was at the sign-in.
   */
  recheck?(identity: Identity, way?: string): Awaitable<Identity | null | undefined>
  /**
   * One for each provider that it sends users to; a leg is found only at its own callback. Other legs come
   * back to one path that all of them share. Default: none.
   */
  readonly callbacks?: readonly SignInCallback[]
  /** What is done later with the tokens that it brings; one for each provider. */
  readonly upstreams?: readonly UpstreamAccess[]
  /** Throws ConfigurationError if it must not serve this issuer. `scopes`: what its users can grant there. */
  check?(issuer: string, scopes?: readonly string[]): void
  /** What of it weakens the security of the server; told to `onEvent` once, at the start. */
  readonly weakening?: string
}

/** Cloudflare's rate limiting binding as it is. */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>
}
