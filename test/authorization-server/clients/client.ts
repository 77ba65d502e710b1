/** A statement about a client, with the public page that it was read from. */
export interface Source {
  readonly fact: string
  readonly url: string
  /** When that page was written; for code and documentation, when it was read. An ISO date. */
  readonly date: string
}

/** How a client tells an authorization server who it is. */
export type ClientIdentity =
  /** A client-id metadata document, published at its own `client_id`. */
  | { readonly document: Readonly<Record<string, unknown>> & { readonly client_id: string } }
  /** The body of its dynamic registration (RFC 7591). */
  | { readonly registration: Readonly<Record<string, unknown>> }

/** What one real MCP client does, as data. */
export interface RealClient {
  readonly name: string
  /** What the table in the guide says about redirects, refresh and what a user of it should know. One sentence. */
  readonly note: string
  /** `imitated`: these requests are made from the sources. `driven`: the client's own code also runs against the server, in `drivenBy`. */
  readonly evidence: 'imitated' | 'driven'
  readonly drivenBy?: string | undefined
  readonly sources: readonly Source[]
  /** In the order in which the client prefers them; each is driven. */
  readonly identities: readonly ClientIdentity[]
  /** The redirect URI of its authorization requests: for loopback often with another port than the registered one. */
  readonly redirectUri: string
  /**
   * Where it looks after the 401. `challenge`: the URL of the challenge. `well-known`: the path-inserted resource metadata (RFC 9728 §3.1).
   * `authorization-server`: the authorization server's metadata at the host of the MCP server, as in the revision 2025-03-26.
   */
  readonly discovery: 'challenge' | 'well-known' | 'authorization-server'
  /** The protocol revision that it says with its requests. */
  readonly revision: '2025-03-26' | '2025-06-18' | '2025-11-25'
  readonly authorize: {
    /** Where the scopes of its first request come from: the challenge, the resource's metadata, or it sends none. */
    readonly scope: 'challenge' | 'metadata' | 'none'
    readonly offlineAccess?: boolean
    readonly prompt?: 'consent'
    /** Whether it sends `resource` (RFC 8707), there and to the token endpoint. */
    readonly resource: boolean
  }
  /** How it authenticates at the token endpoint. `raw basic`: without form encoding, and without `client_id` in the body. */
  readonly authentication: 'none' | 'private_key_jwt' | 'client_secret_post' | 'raw basic'
  /** What it asks for after a 403: the union of what it has and what the challenge says, or the challenge alone. */
  readonly stepUp: 'union' | 'challenge'
}
