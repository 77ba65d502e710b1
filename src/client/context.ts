import type { DPoPHandle } from 'oauth4webapi'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import type { SingleFlight } from '../lib/single-flight.ts'
import type { ClientQuirks } from '../types.ts'
import type { ResolvedClientOptions } from './options.ts'
import type { ServerRecord, TokenRecord } from './records.ts'
import type { ClientStorage } from './types.ts'

/** What the parts of one client share. */
export interface ClientContext {
  readonly options: ResolvedClientOptions
  readonly runtime: ResolvedRuntime
  readonly storage: ClientStorage
  readonly dpop: DpopKey
  /** Discoveries under way, by server and challenge. */
  readonly discoveries: SingleFlight<ServerRecord>
  /** Renewals under way, by token key. */
  readonly renewals: SingleFlight<TokenRecord | undefined>
  /** When a failed renewal may be tried again while the token lives, by token key. */
  readonly renewalPauses: Map<string, number>
  /** Token requests under way that need no user, by token key and scopes. */
  readonly acquisitions: SingleFlight<TokenRecord>
  /**
   * Authorizations that wait for the user, by token key and scopes: the user is asked once, however long it
   * takes.
   */
  readonly authorizations: Map<string, Promise<TokenRecord>>
  quirksOf(issuer: string): ClientQuirks
}

/** The client's key for sender-constrained tokens (RFC 9449); made when it is first needed. */
export interface DpopKey {
  /** Whether tokens from this server are bound to the key. Throws `dpop_required`. */
  isUsedFor(server: ServerRecord): boolean
  handle(): Promise<DPoPHandle>
  thumbprint(): Promise<string>
}
