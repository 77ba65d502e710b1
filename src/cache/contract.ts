import type { Cache } from '../types.ts'

export type { Cache } from '../types.ts'

/** A cache that is marked as one, so that it is refused at construction if it is passed as a store. */
export interface MarkedCache extends Cache {
  /** Tells it apart from a store. */
  readonly kind: 'cache'
}

/**
 * A cache out of order is a cache without entries: every failure reads as a miss, and a write is lost.
 * `report` gets the failure.
 */
export function forgiving(cache: Cache, report: (error: unknown, where: string) => void): MarkedCache {
  const attempt = async <T>(where: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      report(error, where)
      return undefined
    }
  }
  return {
    kind: 'cache',
    get: (key) => attempt('cache.get', () => cache.get(key)),
    put: (key, value, options) => attempt('cache.put', () => cache.put(key, value, options)),
    delete: (key) => attempt('cache.delete', () => cache.delete(key)),
  }
}

/** A value with its own end, for backends that keep it longer than asked. */
export const stamp = (value: string, until: number): string => `${until} ${value}`

/** What {@link stamp} wrote, or undefined: out of time, or not ours. */
export function unstamp(text: string | null | undefined, now: number): Stamped | undefined {
  const space = text?.indexOf(' ') ?? -1
  const until = space > 0 ? Number(text!.slice(0, space)) : NaN
  return until > now ? { value: text!.slice(space + 1), until } : undefined
}

/** A value and its end, in seconds since the epoch. */
export interface Stamped {
  value: string
  until: number
}
