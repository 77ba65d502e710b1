import { resolveRuntime } from '../lib/runtime.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import type { ClientContext } from './context.ts'
import { createDpopKey } from './fetch/dpop.ts'
import { resolveClientOptions, type ClientOptions } from './options.ts'
import { memoryStorage } from './storage/memory-storage.ts'

export function createContext(options: ClientOptions): ClientContext {
  const resolved = resolveClientOptions(options)
  const runtime = resolveRuntime(options)
  if (resolved.dangerouslyAllowOrigins.length > 0)
    runtime.event({ type: 'option.weakening', level: 'warning', detail: 'dangerouslyAllowOrigins' })
  return {
    options: resolved,
    runtime,
    storage: resolved.storage ?? memoryStorage({ clock: runtime.clock }),
    dpop: createDpopKey(resolved.dpop, runtime.clock),
    discoveries: new SingleFlight(runtime),
    renewals: new SingleFlight(runtime),
    renewalPauses: new Map(),
    acquisitions: new SingleFlight(runtime),
    authorizations: new Map(),
    quirksOf: (issuer) => resolved.providers.find((provider) => provider.issuer === issuer)?.client ?? {},
  }
}
