import type { ClientMetadata } from '../protocol/client-metadata.ts'
import type { RedirectPolicy } from '../protocol/redirect-uri.ts'
import type {
  Awaitable,
  Branding,
  Cache,
  Fetch,
  Identity,
  RateLimiter,
  Runtime,
  SignIn,
  Store,
} from '../types.ts'
import type { KeyRingOptions } from './keys.ts'
import type { LinkedAccounts } from './links.ts'
import type { Paths } from './paths.ts'

/** What a resource offers, and the form of its access tokens. */
export interface ResourcePolicy {
  /** The name that users see. Default: the host. */
  name?: string
  /** Each scope with its description for the consent page. */
  scopes: Readonly<Record<string, string>>
  /**
   * Scopes without which nothing works, as the guard's option of this name. The consent page marks them as
   * required, and the user cannot deselect them. Default: none.
   */
  requiredScopes?: readonly string[]
  /**
   * `jwt`: verified without a store read (RFC 9068). `opaque`: encrypted; each request reads the grant, so
   * revocation works at once. Default: `jwt`.
   */
  accessTokens?: 'jwt' | 'opaque'
  /** Lifetime of an access token in seconds: 60–3600. Default: 900. */
  lifetime?: number
  /**
   * Lets a resource server in another deployment ask `/introspect` about tokens for this resource; its client
   * id is the resource's identifier. At least 32 characters; of several, each is accepted. Default: no
   * introspection.
   */
  introspectionSecret?: string | readonly string[]
}

/** All in whole seconds. */
export interface Lifetimes {
  /** Of an authorization code: 10–600. Default: 60. */
  code?: number
  /** Of an authorization request that waits for the user: 60–3600. Default: 600. */
  transaction?: number
  /** For which a used refresh token may be used again with the same result: 0–120. Default: 30. */
  refreshGrace?: number
  /** Without use until a refresh token expires: 3600–34 560 000. Default: 30 days. */
  refreshIdle?: number
  /** Until a grant expires in any case: 3600–63 072 000. Default: 180 days. */
  refreshAbsolute?: number
  /** Of this server's own session: 60–86 400. Default: 3600. */
  session?: number
  /** For which a consent is not asked again, if the redirect URI is https: 0–2 592 000. Default: 0, never. */
  rememberedConsent?: number
}

/** Something that the user chooses at consent, for example the workspace. */
export interface Choice {
  /** Of the claim's member and of `auth.choices`: a letter, then up to 31 letters, digits, `_` or `-`. */
  name: string
  /** For the page. */
  label: string
  /**
   * Up to six are radio buttons, more a list. `value`: 1 to 100 characters on one line; it stands in the
   * token.
   */
  options: readonly { value: string; label: string }[]
  /** Whether one must be chosen. Default: true. */
  required?: boolean
}

/** What was chosen: values by name. */
export type Choices = Readonly<Record<string, string>>

/** What the consent page asks. */
export interface ConsentOptions {
  /** Whether the page selects all that the client asks for. Default: true. */
  preselect?: boolean
  /**
   * What this user chooses at consent: an organisation, a workspace, read-only mode. It is part of the grant,
   * of every token (claim `choices`) and of a remembered consent. Called for the page, for the answer, for
   * the account page, without the tokens of a provider, and at each refresh: then with the token request and
   * with what the grant knows of the user, `subject`, `authTime`, `acr` and `props`. If a required choice is
   * no longer offered, the grant ends (`invalid_grant`, event `grant.denied`); an optional one is dropped
   * (`grant.narrowed`). At a refresh 10 s are allowed; later, and if it throws, nothing is used up. Default:
   * none.
   */
  choices?: (identity: Identity, request: Request) => Awaitable<readonly Choice[]>
}

/** What `onTokens` judges: the grant, and what the access token would carry. */
export interface PendingTokens {
  /** The user. */
  readonly subject: string
  /** The client that asks. */
  readonly clientId: string
  /** The resource of this token. */
  readonly resource: string
  /** What the token would carry. */
  readonly scopes: readonly string[]
  /** As the sign-in or an earlier `onTokens` left them. */
  readonly props: unknown
  /** What the user chose at consent. */
  readonly choices: Choices
  /** Whether this is the code exchange or a refresh. */
  readonly grantType: 'authorization_code' | 'refresh_token'
}

/** What `onTokens` decides. Without a member, that stays as it is. */
export interface TokensDecision {
  /**
   * The scopes that this access token may carry; others are dropped, and none is added. The grant keeps its
   * scopes. If none is left, the client gets `invalid_scope`, and nothing is used up (RFC 6749 §5.2).
   */
  scopes?: readonly string[]
  /** Replace the props of the grant, for this token and all later ones. JSON of at most 16 000 bytes. */
  props?: unknown
  /**
   * Why the client gets no token. It gets `invalid_grant` with this text, and the grant is revoked: RFC 6749
   * §5.2 has this code for a grant that is invalid or revoked, and clients then begin a new sign-in.
   */
  deny?: string
}

/** Options of `createAuthorizationServer`. */
export interface AuthorizationServerOptions extends Runtime {
  /**
   * https URL without query and fragment, or http on a loopback address. It is used character by character.
   */
  issuer: string
  /**
   * At least 32 bytes. Of several, the first one seals and signs, and all open. Required unless the issuer is
   * a loopback address; then the default is a random one for this process.
   */
  secret?: string | readonly string[]
  /** Holds codes, grants and refresh tokens. A cache is not a store. */
  store: Store
  /** Holds client documents. Default: none, each isolate keeps its own. */
  cache?: Cache
  /** How users sign in, for example `ownLogin({ … })`. */
  signIn: SignIn
  /**
   * Accounts at other providers that users connect later: `linkedAccounts({ … })` of
   * `tollgate/linked-accounts`. Default: none.
   */
  links?: LinkedAccounts
  /** By resource identifier (RFC 8707). At least one. */
  resources: Readonly<Record<string, ResourcePolicy>>
  /** For requests that name no resource. Default: the only one; with several, such requests are refused. */
  defaultResource?: string
  /** Pre-registered clients, with `client_id`. Default: none. */
  clients?: readonly ClientMetadata[]
  /**
   * Dynamic registration (RFC 7591). `stateless`: the client id contains the sealed metadata, and nothing is
   * stored. `stored`: a record per client, which expires after 24 hours without an approval and 180 days
   * after the last approval; at most 1000 an hour. `false`: none. Default: `stateless`.
   */
  registration?: 'stateless' | 'stored' | false
  /**
   * A client that registers must present one of these as a Bearer token (RFC 7591 §1.2). At least 32
   * characters each. Default: none is needed.
   */
  initialAccessTokens?: readonly string[]
  /**
   * Whether public clients may have redirect URIs with a private-use scheme, such as `cursor://…` (RFC 8252
   * §7.1). `true`: any, compared as a whole, with a warning on the consent page. `'known'`: the whole URIs of
   * known clients. `false`: none. Pre-registered clients are not affected. Default: `true`.
   */
  privateUseRedirects?: boolean | 'known'
  /**
   * Whole redirect URIs that are allowed in any case, for example `myapp://oauth/callback`. Default: none.
   */
  allowRedirects?: readonly string[]
  /** Whether a client may identify itself by the URL of its metadata document. Default: true. */
  clientDocuments?: boolean | { fetch: Fetch }
  /**
   * Accepts `private_key_jwt` assertions whose `aud` is the token endpoint's URL, as older clients send them.
   * Another server at which such a client is registered could have obtained the assertion for this one
   * (draft-ietf-oauth-rfc7523bis). A public client that signs may name either. Default: false, only the
   * issuer.
   */
  dangerouslyAllowTokenEndpointAudience?: boolean
  /**
   * Pathnames. Default: `/authorize`, `/token` … `/jwks.json`, `/account`, `/link`, below the issuer's path.
   */
  paths?: Paths
  /**
   * Seconds for which an isolate trusts a JWT access token before it reads the grant again: 0–3600; 0: it
   * reads at every request. Default: false, it never reads the grant.
   */
  checkRevocation?: number | false
  /** The signing keys. Default: generated and rotated. */
  keys?: KeyRingOptions
  /** Default: in memory, 60 attempts a minute, 300 registrations, 10 sign-ins with a password or key. */
  rateLimit?: RateLimiter
  /** How the pages look. Default: the host as the name, its first letter, blue. */
  branding?: Branding
  /** What the consent page asks. Default: all scopes are selected, and there are no choices. */
  consent?: ConsentOptions
  /**
   * Called at each code exchange and each refresh, after everything is validated and before anything is
   * written: roles may have changed since the sign-in, and a user may be disabled. It can narrow the scopes,
   * replace the props, or end the grant. Parallel requests with one refresh token call it each, and get the
   * same refresh token. If it throws, or takes more than 10 s, the client gets 500 or 503 and can repeat the
   * request: the code or refresh token is not used up. An UnavailableError is 503. Default: none.
   */
  onTokens?: (pending: PendingTokens) => Awaitable<TokensDecision | null | undefined>
  /** How long what is issued lasts. Default: see each. */
  lifetimes?: Lifetimes
  /**
   * A proxy in front terminates TLS. Then plain http is accepted, and the client's address is the last one in
   * `X-Forwarded-For` or in the header that is named here. Default: false.
   */
  behindProxy?: boolean | { addressHeader: string }
  /**
   * Serve the endpoints of MCP 2025-03-26 at the root of the host. Default: true. Set it to false if several
   * issuers share a host.
   */
  rootEndpoints?: boolean
}

/** The options as the endpoints read them. */
export interface ResolvedOptions {
  readonly issuer: string
  readonly secrets: readonly string[]
  readonly clients: readonly ClientMetadata[]
  readonly registration: 'stateless' | 'stored' | false
  readonly initialAccessTokens: readonly string[]
  /** From `privateUseRedirects` and `allowRedirects`. */
  readonly redirects: RedirectPolicy
  /** `dangerouslyAllowTokenEndpointAudience`. */
  readonly tokenEndpointAudience: boolean
  readonly clientDocuments: boolean | { readonly fetch: Fetch }
  readonly cache: Cache | undefined
  readonly checkRevocation: number | false
  readonly branding: Branding
  readonly consent: ConsentOptions & { readonly preselect: boolean }
  readonly onTokens: AuthorizationServerOptions['onTokens']
  readonly lifetimes: Readonly<Required<Lifetimes>>
  readonly behindProxy: boolean
  readonly rootEndpoints: boolean
}
