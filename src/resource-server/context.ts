import type { ProtectedResourceMetadata } from '../protocol/metadata.ts'
import type { ScopeHierarchy } from '../protocol/scope.ts'
import type { AuthorizationServer, VerifierRuntime } from '../types.ts'

/** The options with their defaults. */
export interface Settings {
  readonly resources: readonly Resource[]
  readonly hierarchy: ScopeHierarchy
  readonly claimedScopes: ((claims: Readonly<Record<string, unknown>>) => readonly string[]) | undefined
  /** Undefined: what the resource's own scheme and host say. */
  readonly allowedOrigins: '*' | readonly string[] | undefined
  /** 0: no token cache. */
  readonly tokenCacheSize: number
  /** In characters. */
  readonly maxTokenLength: number
  readonly stripAuthorization: boolean
  readonly runtime: VerifierRuntime
}

/** One resource with everything that is known about it before the first request. */
export interface Resource {
  /** As configured. */
  readonly resource: string
  /** Where requests find it: a pathname without a trailing slash. */
  readonly path: string
  /** The request's host must be this one; undefined: any, because the path decides. */
  readonly host: string | undefined
  /** Whether it is on this machine, so that the request's `Host` is checked. */
  readonly loopback: boolean
  readonly metadataUrl: string
  /** The pathnames that serve the metadata. */
  readonly metadataPaths: readonly string[]
  readonly metadata: ProtectedResourceMetadata
  readonly requiredScopes: readonly string[]
  /** Asked for by the challenge to a request without a good token, beside what the request needs. */
  readonly firstScopes: readonly string[]
  /** All that a token can carry; undefined: not known. */
  readonly offered: readonly string[] | undefined
  readonly servers: readonly AuthorizationServer[]
}
