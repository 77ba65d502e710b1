import type { Clock } from '../types.ts'

/** Seconds. */
const pause = 5

/**
 * The same work, whose failure counts for all calls of the next five seconds, so that a provider that is down
 * is not asked by every sign-in.
 */
export function pausingAfterFailure<T>(clock: Clock, work: () => Promise<T>): () => Promise<T> {
  let failed: { readonly error: unknown; readonly until: number } | undefined
  return async () => {
    if (failed !== undefined && clock() < failed.until) throw failed.error
    failed = undefined
    try {
      return await work()
    } catch (error) {
      failed = { error, until: clock() + pause }
      throw error
    }
  }
}
