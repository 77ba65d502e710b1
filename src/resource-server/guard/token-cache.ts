import type { AuthInfo, Awaitable } from '../../types.ts'

/** A verified token, as the guard keeps it. */
export interface Verified {
  /** The whole token. */
  readonly token: string
  readonly auth: AuthInfo<never>
  /** The token's scopes and all that they imply. */
  readonly granted: ReadonlySet<string>
  /** Until when this may be used again, in seconds since the epoch. */
  readonly until: number
  /** Throws where the token is no longer good, although its time has not come. */
  readonly revalidate: (() => Awaitable<void>) | undefined
}

/**
 * Verified tokens of one resource in memory, at most `size` of them. Half of them may be forgotten at once: what was not asked for since the last time.
 *
 * The key is the token's end, because hashing a whole token costs more than all the rest; what decides is the comparison of the
 * whole token. Only verified tokens enter, so nobody can choose ends that collide.
 */
export class TokenCache {
  readonly #half: number
  #young = new Map<string, Verified>()
  #old = new Map<string, Verified>()

  constructor(size: number) {
    this.#half = Math.ceil(size / 2)
  }

  get(token: string): Verified | undefined {
    const key = token.slice(-32)
    const entry = this.#young.get(key)
    if (entry !== undefined) return entry.token === token ? entry : undefined
    const old = this.#old.get(key)
    if (old === undefined || old.token !== token) return undefined
    this.#put(key, old)
    return old
  }

  set(entry: Verified): void {
    this.#put(entry.token.slice(-32), entry)
  }

  delete(token: string): void {
    const key = token.slice(-32)
    this.#young.delete(key)
    this.#old.delete(key)
  }

  #put(key: string, entry: Verified): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, entry)
  }
}
