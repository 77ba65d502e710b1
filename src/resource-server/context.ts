import type { ProtectedResourceMetadata } from '../protocol/metadata.ts'
import type { ScopeHierarchy } from '../protocol/scope.ts'
import type { AuthorizationServer, VerifierRuntime } from '../types.ts'
import type { ResourceServerOptions } from './types.ts'

/** The options with their defaults. */
export interface Settings {
  readonly resources: readonly Resource[]
  readonly hierarchy: ScopeHierarchy
  readonly claimedScopes: ((claims: Readonly<Record<string, unknown>>) => readonly string[]) | undefined
  /** Undefined: the scheme and host of the resource decide. */
  readonly allowedOrigins: '*' | readonly string[] | undefined
  /** 0: no token cache. */
  readonly tokenCacheSize: number
  /** In characters. */
  readonly maxTokenLength: number
  readonly exchange: ResourceServerOptions['exchange']
  readonly stripAuthorization: boolean
  readonly runtime: VerifierRuntime
}

/** One resource, resolved from the options. */
export interface Resource {
  /** As configured. */
  readonly resource: string
  /** The pathname of its requests, without a trailing slash. */
  readonly path: string
  /** The host that the request must be for; undefined: any, because the path decides. */
  readonly host: string | undefined
  /** Whether it is on this machine, so that the request's `Host` is checked. */
  readonly loopback: boolean
  readonly metadataUrl: string
  /** The pathnames that serve the metadata. */
  readonly metadataPaths: readonly string[]
  readonly metadata: ProtectedResourceMetadata
  readonly requiredScopes: readonly string[]
  /** The scopes that a 401 challenge asks for, beside those that the request needs. */
  readonly firstScopes: readonly string[]
  /** The scopes that a token can carry; undefined: not known. */
  readonly offered: readonly string[] | undefined
  readonly servers: readonly AuthorizationServer[]
}
