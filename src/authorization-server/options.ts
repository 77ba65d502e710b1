import type { ClientMetadata } from '../protocol/client-metadata.ts'
import type { RedirectPolicy } from '../protocol/redirect-uri.ts'
import type { Cache, Fetch, RateLimiter, Runtime, SignIn, Store } from '../types.ts'
import type { Endpoint } from './context.ts'
import type { KeyRingOptions } from './keys.ts'

/** What a resource offers, and how its access tokens look. */
export interface ResourcePolicy {
  /** What a person calls it. Default: its host. */
  name?: string
  /** Every scope with what it means, for the consent page. */
  scopes: Readonly<Record<string, string>>
  /**
   * Without these nothing works there, as with the guard's option of this name: the consent page shows them
   * as required, and the user cannot leave them out if the client asks for them. Default: none.
   */
  requiredScopes?: readonly string[]
  /**
   * `jwt`: RFC 9068, verified without a store read (default). `opaque`: sealed; each request reads the grant,
   * so revoking works at once.
   */
  accessTokens?: 'jwt' | 'opaque'
  /** Of an access token, in seconds: 60–3600. Default: 900. */
  lifetime?: number
  /**
   * With it the resource server, where it is another deployment, asks `/introspect` about tokens for this
   * resource; its client id is the resource's identifier. At least 32 characters; of several, each is
   * accepted. Default: it cannot ask.
   */
  introspectionSecret?: string | readonly string[]
}

/** The deployment's face on the pages. */
export interface Branding {
  /** Default: the issuer's host. */
  name?: string
  /** An https URL or a `data:image/` URL. */
  logo?: string
  /** A CSS colour in hexadecimal, for example `#0b5fff`. */
  accent?: string
  accentDark?: string
}

/** In seconds. */
export interface Lifetimes {
  /** Of an authorization code: 10–600. Default: 60. */
  code?: number
  /** Of an authorization request that waits for the user: 60–3600. Default: 600. */
  transaction?: number
  /**
   * How long a refresh token that was just used may be used again, with the same result: 0–120. Default: 30.
   */
  refreshGrace?: number
  /** After so long without use a refresh token ends: 3600–34 560 000. Default: 30 days. */
  refreshIdle?: number
  /** A grant ends after this, whatever happens: 3600–63 072 000. Default: 180 days. */
  refreshAbsolute?: number
  /** Of the own session: 60–86 400. Default: 3600. */
  session?: number
  /** Of a remembered consent, 0: never remembered (default), at most 30 days. Only for https redirects. */
  rememberedConsent?: number
}

export interface AuthorizationServerOptions extends Runtime {
  /** https URL without query and fragment, or http on a loopback address. Used verbatim everywhere. */
  issuer: string
  /**
   * At least 32 bytes; of several, the first makes and all open. Only a loopback issuer may do without: then
   * one is made per process.
   */
  secret?: string | readonly string[]
  /** Where codes and grants live. Not a cache. */
  store: Store
  cache?: Cache
  signIn: SignIn
  /** By resource identifier (RFC 8707). At least one. */
  resources: Readonly<Record<string, ResourcePolicy>>
  /** For requests that name no resource. Default: the only one; with several, such requests are refused. */
  defaultResource?: string
  /** Pre-registered clients, with `client_id`. */
  clients?: readonly ClientMetadata[]
  /**
   * Dynamic registration (RFC 7591). `stateless`: the client id is the sealed metadata, and nothing is stored
   * (default). `stored`: a record per client, which ends 24 hours later unless a user approves, and 180 days
   * after the last approval; at most 1000 an hour.
   */
  registration?: 'stateless' | 'stored' | false
  /**
   * Who registers must present one of these as a Bearer token; each has at least 32 characters. Default:
   * anybody may register.
   */
  initialAccessTokens?: readonly string[]
  /**
   * Redirect URIs with a private-use scheme, such as `cursor://…` (RFC 8252 §7.1), of public clients. `true`:
   * accepted, compared as a whole, and the consent page warns (default). `'known'`: only the whole URIs of
   * known clients. `false`: none. Pre-registered clients are not affected.
   */
  privateUseRedirects?: boolean | 'known'
  /**
   * Whole redirect URIs that are allowed in any case, for example `myapp://oauth/callback`. Default: none.
   */
  allowRedirects?: readonly string[]
  /** Whether clients may identify themselves by the URL of their metadata document. Default: true. */
  clientDocuments?: boolean | { fetch: Fetch }
  /**
   * Accept `private_key_jwt` assertions whose `aud` is the token endpoint's URL, as older clients send it.
   * Another server at which such a client is registered could then have obtained the assertion for us
   * (draft-ietf-oauth-rfc7523bis). Default: false, only the issuer. A public client that signs without having
   * to may name either.
   */
  dangerouslyAllowTokenEndpointAudience?: boolean
  /** Pathnames. Default: `/authorize` … `/jwks.json`, `/account`, below the issuer's path. */
  paths?: Partial<Record<Endpoint, string>>
  /**
   * JWT access tokens are checked against their grant every so many seconds per isolate; 0: at every request.
   * Default: false, not at all.
   */
  checkRevocation?: number | false
  keys?: KeyRingOptions
  /** Default: an in-memory one, 60 a minute, of registrations 300. */
  rateLimit?: RateLimiter
  branding?: Branding
  /**
   * `preselect`: whether all that a client asks for is ticked on the consent page, and the user unticks.
   * Default: true.
   */
  consent?: { preselect?: boolean }
  lifetimes?: Lifetimes
  /**
   * A proxy that terminates TLS stands in front: plain http is then no error, and the client's address is the
   * last one in `X-Forwarded-For`, or in the header named here. Default: false.
   */
  behindProxy?: boolean | { addressHeader: string }
  /**
   * Serve the 2025-03-26 endpoints at the root of the host. Default: true; set false where several issuers
   * share a host.
   */
  rootEndpoints?: boolean
}

export interface ResolvedOptions {
  readonly issuer: string
  readonly secrets: readonly string[]
  readonly clients: readonly ClientMetadata[]
  readonly registration: 'stateless' | 'stored' | false
  readonly initialAccessTokens: readonly string[]
  /** Which redirect URIs clients can register. */
  readonly redirects: RedirectPolicy
  /** `dangerouslyAllowTokenEndpointAudience`. */
  readonly tokenEndpointAudience: boolean
  readonly clientDocuments: boolean | { fetch: Fetch }
  readonly cache: Cache | undefined
  readonly checkRevocation: number | false
  readonly branding: Branding
  readonly consent: { readonly preselect: boolean }
  readonly lifetimes: Readonly<Required<Lifetimes>>
  readonly behindProxy: boolean
  readonly rootEndpoints: boolean
}
