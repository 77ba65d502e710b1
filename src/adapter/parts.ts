import { ConfigurationError } from '../errors.ts'
import type { Endpoints } from '../types.ts'

/** The value itself, or a function that makes it at the first request: for configuration that is not there when a module is loaded. */
export type Lazy<T> = T | (() => T)

/** What `endpoints()` and `routes()` take: the parts, or one function that returns all of them. */
export type Parts = readonly Endpoints[] | readonly [() => readonly Endpoints[]]

/**
 * What is built of a value: at once, or by the first request if a function makes the value. Building that failed is tried again by the next request.
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
    'pass the servers, for example (as, rs), or a function that returns them: () => [as, rs]',
  )
}

/** A promise would belong to the request that made it, and on Workers the others would wait for ever. */
function made<T extends object>(value: T): T {
  if (typeof (value as { then?: unknown }).then === 'function')
    throw new ConfigurationError('endpoints', 'return the servers themselves, not a promise of them')
  return value
}
