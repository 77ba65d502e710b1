/** One resource of a deployment, as `tollgate/doctor` and adapters see it. */
export interface DeployedResource {
  /** The resource identifier (RFC 8707). */
  readonly resource: string
  /** Where its metadata is (RFC 9728 §3). */
  readonly metadataUrl: string
  /** The members of its metadata that are judged. */
  readonly metadata: {
    readonly authorization_servers?: readonly string[]
    readonly scopes_supported?: readonly string[]
  }
  /** The scopes that every request needs. For adapters of other middlewares. */
  readonly requiredScopes: readonly string[]
  /** Rejects with UnavailableError if tokens cannot be verified now. For `tollgate/health`. */
  ready(): Promise<void>
  /** By issuer, how its JWTs are signed, if that is known. */
  readonly signedBy: Readonly<Record<string, 'secret' | 'keys' | undefined>>
}

/** What `tollgate/doctor` reads of a resource server. Holds no secret. */
export interface Deployment {
  /** In the order of the options. */
  readonly resources: readonly DeployedResource[]
  /** Issuers that were configured as a URL, without a preset. */
  readonly bareIssuers: readonly string[]
  /** For requests to the issuers, as the server itself makes them. */
  readonly fetch: typeof fetch
  /** Seconds since the epoch. */
  readonly clock: () => number
  /** http origins that are allowed by name. */
  readonly dangerouslyAllowHttp: readonly string[]
}

/** What `deploymentFindings()` of `tollgate/doctor` found. */
export interface Finding {
  /** `error`: clients fail. `warning`: some do, or it is weaker than it could be. `info`: worth knowing. */
  level: 'error' | 'warning' | 'info'
  /** Stable name, for example `metadata.issuer-mismatch`. */
  code: string
  /** What is wrong, in a sentence. */
  message: string
  /** What to do about it. */
  fix: string
  /** Where it was seen. */
  url?: string
}
