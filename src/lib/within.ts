import { UnavailableError } from '../errors.ts'
import type { Awaitable } from '../types.ts'
import { callPart } from './runtime.ts'

/**
 * What the promise comes to, if it settles within so many seconds; undefined otherwise. Rejects as the
 * promise does.
 */
export async function within<T>(seconds: number, promise: Promise<T>): Promise<{ value: T } | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000, undefined)
  })
  try {
    return await Promise.race([promise.then((value) => ({ value })), late])
  } finally {
    clearTimeout(timer)
  }
}

/** The same, with an UnavailableError if it takes longer. */
export async function requireWithin<T>(seconds: number, promise: Promise<T>, what: string): Promise<T> {
  const settled = await within(seconds, promise)
  if (settled !== undefined) return settled.value
  throw new UnavailableError(`${what} did not come in time`)
}

/** Seconds for which the application's code is waited for. */
const patience = 10

/**
 * Calls the application's code: what it throws goes on as it is, attributed to this part; so does an
 * UnavailableError if it takes more than 10 s. One call that never settles would block all that wait for it.
 */
export const callPartWithin = <T>(where: string, work: () => Awaitable<T>): Promise<T> =>
  callPart(where, () => requireWithin(patience, (async () => work())(), 'The answer'))
