import { optionError, seconds } from '../lib/options.ts'

/** A clock that a test moves. Call it for the time; pass it as the option `clock`. */
export interface TestClock {
  /** Seconds since the epoch. */
  (): number
  /** Moves it forward by so many seconds, 0 or more. */
  advance(seconds: number): void
}

/** In seconds since the epoch: a number in milliseconds is above. */
const latest = 1e11

/**
 * A clock that stands still until a test moves it. Pass the same one to the guard, the authorization server
 * and the test's issuer or client, as `clock`.
 *
 * @param start Seconds since the epoch, 0–100 000 000 000. Default: 1 800 000 000 (January 2027).
 * @throws ConfigurationError if a time is not a number of seconds, or would go back.
 *
 * @example
 * const clock = testClock()
 * const rs = createResourceServer({ resource, authorizationServers: [issuer], clock })
 * clock.advance(901)
 */
export function testClock(start: number = 1_800_000_000): TestClock {
  let now = seconds({ min: 0, max: latest }).required(start, 'start')!
  return Object.assign(() => now, {
    advance(by: number) {
      if (!(by >= 0 && now + by <= latest)) throw optionError('advance', 'a number of seconds, 0 or more', by)
      now += by
    },
  })
}
