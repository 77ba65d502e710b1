import { isConfigurationError, isOAuthError } from '../errors.ts'
import { systemClock } from './clock.ts'
import { func, type OptionalRows } from './options.ts'
import { kindNameOf, repeatedEvents, sumUpEvents } from './repeated-events.ts'
import type { Awaitable, Clock, Fetch, Runtime, TollgateEvent } from '../types.ts'

/** An event before it has its time; members that are undefined are left out. */
export type NewEvent = Pick<TollgateEvent, 'type' | 'level'> & {
  [K in keyof Omit<TollgateEvent, 'at' | 'type' | 'level'>]?: TollgateEvent[K] | undefined
}

/** A `Runtime` with its defaults. */
export interface ResolvedRuntime {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly waitUntil: ((promise: Promise<unknown>) => void) | undefined
  /** On Workers: I/O ends with the request that began it. */
  readonly requestsOwnIo: boolean
  event(event: NewEvent): void
  /**
   * Returns what reports this event, at the time of the call or at the given one. For events of the hot
   * path: cleaned once.
   */
  prepare(event: NewEvent): (at?: number) => void
  /**
   * For every 5xx, and for failures that a request survives: `onError` gets what was thrown; `onEvent` gets
   * the part and the reason, without the text of foreign errors, which may quote a secret. Ours go by
   * {@link attribute}. `where` is used if the error has no part of its own.
   */
  failed(error: unknown, where?: string, about?: { request?: Request; event?: NewEvent }): void
  clientAddress(request: Request): string | undefined
}

/** The only place that knows the platform, its fetch and its clock. */
export function resolveRuntime(runtime: Runtime): ResolvedRuntime {
  const { onEvent, onError, clientAddress, waitUntil } = runtime
  const clock = runtime.clock ?? systemClock

  const tell = (error: unknown, where: string, request: Request | undefined): void => {
    try {
      onError?.(error, request === undefined ? { where } : { where, request })
    } catch {
      // The last resort has failed, and must not fail the request.
    }
  }
  const observe = sumUpEvents((event) => {
    try {
      onEvent?.(event)
    } catch (error) {
      // An audit hook that fails must not fail the request.
      tell(error, 'onEvent', undefined)
    }
  }, runtime.repeatedEvents)
  const event = (event: NewEvent): void => {
    if (onEvent !== undefined) observe({ ...bounded(event), at: clock() })
  }
  const prepare: ResolvedRuntime['prepare'] = (event) => {
    if (onEvent === undefined) return () => undefined
    let clean: TollgateEvent | undefined
    let kindName: string | undefined
    return (at = clock()) => {
      // A copy of the same shape, which V8 makes without looking at the members.
      const copy: { -readonly [K in keyof TollgateEvent]: TollgateEvent[K] } = {
        ...(clean ??= { ...bounded(event), at: 0 }),
      }
      copy.at = at
      observe(copy, (kindName ??= kindNameOf(copy)))
    }
  }
  const failed: ResolvedRuntime['failed'] = (error, fallback, { request, event: about } = {}) => {
    const origin = originOf(error)
    const where = origin?.where ?? fallback ?? endpointOf(request)
    event({
      ...(about ?? { type: 'part.failed', level: 'warning' }),
      detail: `${where}: ${reasonOf(error, origin)}`,
    })
    tell(origin === undefined ? error : origin.thrown, where, request)
  }
  return {
    fetch: runtime.fetch ?? ((input, init) => fetch(input, init)),
    clock,
    waitUntil:
      waitUntil &&
      ((promise) => {
        try {
          waitUntil(promise)
        } catch (error) {
          // One that is called without its context throws each time; the work goes on, as long as the
          // platform lets it.
          failed(error, 'waitUntil')
        }
      }),
    requestsOwnIo: typeof navigator === 'object' && navigator.userAgent === 'Cloudflare-Workers',
    event,
    prepare,
    failed,
    clientAddress(request) {
      try {
        return clientAddress?.(request)
      } catch (error) {
        failed(error, 'clientAddress', { request })
        // Counted together under one name: a request must not escape its limit by making it throw.
        return 'unknown'
      }
    },
  }
}

/** The rows of the options in `Runtime`: `readOptions('createX', options, { …, ...runtimeOptions() })`. */
export const runtimeOptions = (): OptionalRows<Runtime> => ({
  fetch: func(),
  clock: func(),
  waitUntil: func(),
  onEvent: func(),
  repeatedEvents: repeatedEvents(),
  onError: func(),
  clientAddress: func(),
})

interface Origin {
  readonly where: string
  readonly thrown: unknown
}

// Beside the error and not on it: what was thrown may quote a secret, and errors of ours end up in logs.
const origins = new WeakMap<object, Origin>()

const originOf = (error: unknown): Origin | undefined =>
  typeof error === 'object' && error !== null ? origins.get(error) : undefined

/**
 * Remembers for {@link ResolvedRuntime.failed} what was thrown, and by which part (`store.get`,
 * `signIn.identify`), for the error that goes on in its place. A part that is known already stays.
 */
export function attribute<E extends Error>(error: E, where: string, thrown: unknown): E {
  if (!origins.has(error)) origins.set(error, originOf(thrown) ?? { where, thrown })
  return error
}

/** Calls the application's code: what it throws goes on as it is, attributed to this part. */
export async function callPart<T>(where: string, work: () => Awaitable<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw attributed(where, thrown)
  }
}

/** What a part threw, as an Error that is attributed to it. */
export function attributed(where: string, thrown: unknown): Error {
  const error = thrown instanceof Error ? thrown : new Error('A value that is not an Error was thrown')
  return attribute(error, where, thrown)
}

/** Why, for an event: the message of our own errors, which quote no secret; only the kind of foreign ones. */
function reasonOf(error: unknown, origin: Origin | undefined): string {
  const reason = isOwn(error) ? error.message : kindOf(error)
  const thrown = origin?.thrown
  if (origin === undefined || thrown === error || !isOwn(error)) return reason
  return `${reason} (${isOwn(thrown) ? thrown.message : kindOf(thrown)})`
}

const isOwn = (error: unknown): error is Error => isOAuthError(error) || isConfigurationError(error)

/** Its name, and the code of a system or database error such as `ECONNREFUSED`. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { name, code } = error as Error & { code?: unknown }
  const words = [name, code].filter((each) => typeof each === 'string' && /^\w{1,40}$/.test(each))
  return words.join(' ') || 'Error'
}

/** The endpoint, without the query: it may carry a code or a token. */
const endpointOf = (request: Request | undefined): string =>
  request === undefined ? 'unknown' : `${request.method} ${new URL(request.url).pathname}`

function bounded(event: NewEvent): Omit<TollgateEvent, 'at'> {
  const given = Object.entries(event).filter(([, value]) => value !== undefined)
  const entries = given.map(([key, value]) => [
    key,
    // A client's id stays whole (a sealed one has up to 1 kB), so that it can be blocked by what the event
    // says.
    typeof value !== 'string'
      ? value
      : key === 'clientId'
        ? oneLine(value, 2048)
        : withoutQueries(oneLine(value)),
  ])
  return Object.fromEntries(entries) as Omit<TollgateEvent, 'at'>
}

/** A query may carry a code, a token or what a user typed: of each URL only origin and path are told. */
const withoutQueries = (text: string): string =>
  text.replaceAll(/(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'?#]*)[?#][^\s"']*/gi, '$1')

/**
 * One printable line of at most 200 characters: no CR, LF, escape sequences, bidi or zero-width characters,
 * no half of a surrogate pair.
 */
export function oneLine(text: string, length = 200): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean
}
