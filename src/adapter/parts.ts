import { ConfigurationError } from '../errors.ts'
import type { Endpoints } from '../types.ts'

/**
 * The value, or a function that makes it at the first request, if the configuration does not exist when the
 * module is loaded.
 *
 * @inline
 */
export type Lazy<T> = T | (() => T)

/**
 * What `endpoints()` and `routes()` take: the parts, or one function that returns all of them.
 *
 * @inline
 */
export type Parts = readonly Endpoints[] | readonly [() => readonly Endpoints[]]

/**
 * Builds at once from a value, or at the first request if a function makes the value. If building fails, the
 * next request tries again.
 */
export function buildLazily<T extends object, R>(value: Lazy<T>, build: (value: T) => R): () => R {
  if (typeof value !== 'function') {
    const built = build(value)
    return () => built
  }
  let built: { result: R } | undefined
  return () => (built ??= { result: build(made(value())) }).result
}

/** The parts in their order; a function's at the first request. */
export function partsOf(parts: Parts): () => readonly Endpoints[] {
  const [first] = parts
  const value = typeof first === 'function' && parts.length === 1 ? first : (parts as readonly Endpoints[])
  return buildLazily(value, check)
}

function check(parts: readonly Endpoints[]): readonly Endpoints[] {
  if (Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part?.handle === 'function'))
    return parts
  throw new ConfigurationError(
    'endpoints',
    'must get the servers, for example (as, rs), or a function that returns them: () => [as, rs]',
  )
}

/** On Workers a promise belongs to the request that made it, and other requests would wait for ever. */
function made<T extends object>(value: T): T {
  if (typeof (value as { then?: unknown }).then === 'function')
    throw new ConfigurationError('endpoints', 'must get the servers themselves, not a promise of them')
  return value
}
