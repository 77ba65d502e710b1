/** How long a waiter relies on a flight that nobody keeps alive, in milliseconds. */
const patience = 2000

/**
 * One call for any number of parallel callers of a key.
 *
 * On Workers, I/O belongs to the request that began it: when that request ends, a flight it leads stops without
 * settling. With `waitUntil` the flight is kept alive; without it, waiters lose patience after two seconds and make
 * their own call.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>()
  readonly #waitUntil: ((promise: Promise<unknown>) => void) | undefined

  constructor(waitUntil?: (promise: Promise<unknown>) => void) {
    this.#waitUntil = waitUntil
  }

  run(key: string, work: () => Promise<T>): Promise<T> {
    const flight = this.#flights.get(key)
    if (flight === undefined) return this.#lead(key, work)
    return this.#waitUntil ? flight : this.#follow(key, flight, work)
  }

  #lead(key: string, work: () => Promise<T>): Promise<T> {
    const flight = work().finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    this.#flights.set(key, flight)
    this.#waitUntil?.(flight.catch(() => undefined))
    return flight
  }

  async #follow(key: string, flight: Promise<T>, work: () => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const tooLong = new Promise<'too long'>((resolve) => {
      timer = setTimeout(resolve, patience, 'too long')
    })
    try {
      const first = await Promise.race([flight.then((value) => ({ value })), tooLong])
      if (first !== 'too long') return first.value
    } finally {
      clearTimeout(timer)
    }
    const current = this.#flights.get(key)
    // Another waiter may have taken the lead meanwhile; a dead flight is replaced.
    return current !== undefined && current !== flight
      ? this.#follow(key, current, work)
      : this.#lead(key, work)
  }
}
