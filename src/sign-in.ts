import type { Awaitable, SignInRuntime, UpstreamAccess, UpstreamTokens } from './types.ts'

/** Who signed in. */
export interface Identity {
  /** Stable, unique within the deployment. */
  subject: string
  /** What a person recognises the account by. */
  name?: string
  /** Seconds since the epoch. When the user signed in. Default: not known. */
  authTime?: number
  /** How the user signed in (`acr`, OpenID Connect Core §2). Default: not known. */
  acr?: string
  /** The most that this user may grant. Default: everything. */
  scopes?: readonly string[]
  /**
   * Travels with the grant; what the handler gets as `auth.props`. JSON of at most 16 000 bytes; 1500 bytes
   * if
   * the sign-in has `finish` and `consent: 'after'`, because it lies in the session until the user approves.
   */
  props?: unknown
  /** The provider's tokens, for `auth.upstream()`. Default: none. */
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
  /** The identity provider's issuer identifier. */
  readonly issuer: string
  /** The client that is registered there. */
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
  /**
   * Begins a sign-in: answers with a page or with a redirect. Called if `identify` found no user, or if the
   * client demands a new sign-in.
   */
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
