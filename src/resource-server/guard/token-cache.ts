import type { AuthInfo, Awaitable } from '../../types.ts'

/** A verified token, as the guard keeps it. */
export interface Verified {
  /** The whole token. */
  readonly token: string
  readonly auth: AuthInfo<never>
  /** All scopes of the token, those that its claims say and those that they imply included. */
  readonly carried: ReadonlySet<string>
  /** Until when this may be used again, in seconds since the epoch. */
  readonly until: number
  /** Asks the verifier before each use. Throws or rejects if the token is no longer good. */
  readonly revalidate: (() => Awaitable<void>) | undefined
  /** Reports the use of the token (`token.accepted`). `now`: if the clock was read already. */
  readonly reportAccepted: (now?: number) => void
}

/**
 * Verified tokens of one resource in memory, at most `size` of them. When the younger half is full, the older
 * half is dropped: the tokens that were not used since the last time.
 *
 * Entries are found by the last 32 characters of the token, because hashing a whole token costs more than the
 * rest of the guard. The whole token is then compared. Only verified tokens are added, so an attacker cannot
 * choose ends that collide.
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
