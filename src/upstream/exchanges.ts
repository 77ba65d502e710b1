import { defined } from '../lib/defined.ts'
import { sha256 } from '../lib/hash.ts'
import { Lru } from '../lib/lru.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import type { ExchangeTarget, SignInRuntime, UpstreamToken } from '../types.ts'
import { checkTarget, requestExchange, type ExchangeKind } from './exchange-request.ts'
import type { Remote } from './remote.ts'

/** A token for another API, by an access token of the provider. */
export type Exchange = (
  runtime: SignInRuntime,
  subjectToken: string,
  target: ExchangeTarget,
) => Promise<UpstreamToken>

/** How many tokens one server keeps in memory. */
const size = 1000
/**
 * A token is exchanged anew so many seconds ahead of its expiry, and at the earliest at half of its
 * lifetime.
 */
const renewAhead = 60

/** What the calls of one server in this process share. */
interface State {
  readonly flight: SingleFlight<UpstreamToken>
  readonly known: Lru<{ readonly token: UpstreamToken; readonly until: number }>
}

/**
 * Exchanges tokens, once for all callers with the same token and target, and keeps them in memory while they
 * last. A token is known by the whole subject token, never by the user: another token of the same user may
 * have another strength of sign-in or other scopes.
 */
export function createExchange(kind: ExchangeKind, remoteOf: (runtime: SignInRuntime) => Remote): Exchange {
  const states = new WeakMap<SignInRuntime, State>()
  const stateOf = (runtime: SignInRuntime): State => {
    const state = states.get(runtime) ?? { flight: new SingleFlight(runtime), known: new Lru(size) }
    states.set(runtime, state)
    return state
  }
  return async (runtime, subjectToken, target) => {
    const { resource, scope } = checkTarget(target)
    // A copy, because the caller's object may change meanwhile.
    const named = defined({ resource, scope })
    const { flight, known } = stateOf(runtime)
    const key = await sha256(JSON.stringify([subjectToken, resource, scope]))
    const found = known.get(key)
    if (found !== undefined && found.until > runtime.clock()) return { ...found.token }
    const token = await flight.run(key, async () => {
      const askedAt = runtime.clock()
      const token = await requestExchange(remoteOf(runtime), kind, subjectToken, named)
      const lifetime = (token.expiresAt ?? askedAt) - askedAt
      const until = askedAt + Math.max(lifetime - renewAhead, lifetime / 2)
      if (lifetime > 0) known.set(key, { token, until })
      else known.delete(key)
      return token
    })
    return { ...token }
  }
}
