import type { ResolvedRuntime } from '../../lib/runtime.ts'
import type { Provider } from '../../types.ts'
import type { Settings } from './options.ts'
import type { ProviderMetadata } from './provider-metadata.ts'

/** What the endpoints share. */
export interface Context extends Settings {
  readonly provider: Provider
  readonly metadata: ProviderMetadata
  readonly runtime: ResolvedRuntime
  /** Addresses of this machine are allowed, because the issuer is one. */
  readonly allowLoopback: boolean
  /** Rejects with 429 if this caller has made too many requests of this kind. */
  attempt(kind: string, request: Request): Promise<void>
}
