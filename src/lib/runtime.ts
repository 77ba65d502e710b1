import type { Clock, Fetch, Runtime, TollgateEvent } from '../types.ts'

/** A `Runtime` with its defaults. */
export interface ResolvedRuntime {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly waitUntil: ((promise: Promise<unknown>) => void) | undefined
  event(event: Omit<TollgateEvent, 'at'>): void
  clientAddress(request: Request): string | undefined
}

/** The only place that knows the platform's fetch and clock. */
export function resolveRuntime(runtime: Runtime): ResolvedRuntime {
  const { onEvent, clientAddress } = runtime
  const clock = runtime.clock ?? (() => Date.now() / 1000)
  return {
    fetch: runtime.fetch ?? ((input, init) => fetch(input, init)),
    clock,
    waitUntil: runtime.waitUntil,
    event(event) {
      if (onEvent === undefined) return
      try {
        onEvent({ ...bounded(event), at: clock() })
      } catch {
        // An audit hook that fails must not fail the request.
      }
    },
    clientAddress: (request) => clientAddress?.(request),
  }
}

function bounded(event: Omit<TollgateEvent, 'at'>): Omit<TollgateEvent, 'at'> {
  const entries = Object.entries(event).map(([key, value]) => [
    key,
    // A client's id stays whole (a sealed one has up to 1 kB), so that it can be blocked by what the event says.
    typeof value === 'string' ? oneLine(value, key === 'clientId' ? 2048 : 200) : value,
  ])
  return Object.fromEntries(entries) as Omit<TollgateEvent, 'at'>
}

/** One printable line of at most 200 characters: no CR, LF, escape sequences, bidi or zero-width characters, no half of a surrogate pair. */
export function oneLine(text: string, length = 200): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean
}
