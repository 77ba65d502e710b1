import { UnavailableError } from '../errors.ts'
import type { ResolvedRuntime } from './runtime.ts'
import { within } from './within.ts'

/** How long a flight that may be dead is waited for, and how long the one that replaces it, in seconds. */
const patience = 2
const deadline = 10

interface Flight<T> {
  readonly promise: Promise<T>
  replacement?: Flight<T>
}

/**
 * One call for any number of parallel callers of a key: all of them wait for it.
 *
 * On Workers, I/O belongs to the request that began it: when that request ends, a flight that it leads
 * stops without settling. With `waitUntil` the flight is kept alive. Without it, the waiters wait two
 * seconds; then one of them makes a second call, which serves all of them.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()
  readonly #waitUntil: ResolvedRuntime['waitUntil']
  readonly #mayDie: boolean

  constructor(runtime: Partial<Pick<ResolvedRuntime, 'waitUntil' | 'requestsOwnIo'>> = {}) {
    this.#waitUntil = runtime.waitUntil
    this.#mayDie = runtime.requestsOwnIo === true && runtime.waitUntil === undefined
  }

  /** Whether there is a call of this key under way. */
  isBusy(key: string): boolean {
    return this.#flights.has(key)
  }

  run(key: string, work: () => Promise<T>): Promise<T> {
    const flight = this.#flights.get(key)
    if (flight === undefined) return this.#lead(key, work).promise
    return this.#mayDie ? this.#follow(key, flight, work) : flight.promise
  }

  #lead(key: string, work: () => Promise<T>): Flight<T> {
    const flight: Flight<T> = { promise: work().finally(() => this.#forget(key, flight)) }
    this.#flights.set(key, flight)
    this.#waitUntil?.(flight.promise.catch(() => undefined))
    return flight
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }

  async #follow(key: string, flight: Flight<T>, work: () => Promise<T>): Promise<T> {
    const first = await within(patience, flight.promise)
    if (first !== undefined) return first.value
    if (flight.replacement === undefined) return (flight.replacement = this.#lead(key, work)).promise
    const second = await within(deadline, flight.replacement.promise)
    if (second !== undefined) return second.value
    // The request of the second caller has ended, too: the next caller begins anew.
    this.#forget(key, flight.replacement)
    throw new UnavailableError('What was asked for did not come in time')
  }
}
