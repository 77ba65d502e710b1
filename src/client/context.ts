import { SingleFlight } from '../lib/single-flight.ts'
import { resolveRuntime, type ResolvedRuntime } from '../lib/runtime.ts'
import type { ClientQuirks } from '../types.ts'
import { dpopKey, type DpopKey } from './fetch/dpop.ts'
import { resolveClientOptions, type ClientOptions, type ResolvedClientOptions } from './options.ts'
import type { ServerRecord, TokenRecord } from './storage/records.ts'
import type { ClientStorage } from './storage/storage.ts'

/** What the parts of one client share. */
export interface ClientContext {
  readonly options: ResolvedClientOptions
  readonly runtime: ResolvedRuntime
  readonly storage: ClientStorage
  /** The key of sender-constrained tokens; made when it is first needed. */
  readonly dpop: DpopKey
  /** Discoveries under way, by server and challenge. */
  readonly discoveries: SingleFlight<ServerRecord>
  /** Renewals under way, by the key of the token. */
  readonly renewals: SingleFlight<TokenRecord | undefined>
  /** Until when a renewal that failed is not tried again while the token lives, by the key of the token. */
  readonly pauses: Map<string, number>
  /** New tokens under way that need no person here, by token and scopes. */
  readonly acquisitions: SingleFlight<TokenRecord>
  /** Authorizations that a person is busy with, by token and scopes: he is asked once, however long he takes. */
  readonly authorizations: Map<string, Promise<TokenRecord>>
  quirks(issuer: string): ClientQuirks
}

export function createContext(options: ClientOptions): ClientContext {
  const resolved = resolveClientOptions(options)
  const runtime = resolveRuntime(options)
  if (resolved.dangerouslyAllowOrigins.length > 0)
    runtime.event({ type: 'option.weakening', level: 'warning', detail: 'dangerouslyAllowOrigins' })
  return {
    options: resolved,
    runtime,
    storage: resolved.storage,
    dpop: dpopKey(resolved.dpop, runtime.clock),
    discoveries: new SingleFlight(runtime),
    renewals: new SingleFlight(runtime),
    pauses: new Map(),
    acquisitions: new SingleFlight(runtime),
    authorizations: new Map(),
    quirks: (issuer) => resolved.providers?.find((provider) => provider.issuer === issuer)?.client ?? {},
  }
}
