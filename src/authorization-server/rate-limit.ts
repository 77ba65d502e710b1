import { OAuthError } from '../errors.ts'
import { createCallers } from '../http/caller.ts'
import { systemClock } from '../lib/clock.ts'
import { sha256 } from '../lib/hash.ts'
import { Lru } from '../lib/lru.ts'
import { func, integer, readOptions } from '../lib/options.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import type { Clock, RateLimiter } from '../types.ts'

/**
 * Brute force and enumeration: limits how often a caller may try. Every method rejects with 429 and
 * `Retry-After` above the limit.
 */
export interface Limits {
  /**
   * Counts an attempt of this kind by this caller as this client. Counts nothing if the deployment does not
   * name the caller.
   */
  attempt(kind: string, request: Request, clientId?: string): Promise<void>
  /**
   * Counts an attempt to sign in by this caller, and at this account by all callers together: a guesser
   * with many addresses is still limited.
   */
  signIn(request: Request, account?: string): Promise<void>
  /** Rejects while this client is shut out from this address for wrong secrets. Counts nothing. */
  admit(request: Request, clientId: string): Promise<void>
  /**
   * Counts a wrong secret. Too many shut the client out from this address (OAuth 2.1 §2.4.1). `known`: the
   * id, if such a client exists.
   */
  wrongSecret(request: Request, clientId: string, known: string | undefined): Promise<void>
}

/** Seconds that a refusal lasts. Also the window of the in-memory limiter. */
const period = 60

export function createLimits(issuer: string, limiter: RateLimiter, runtime: ResolvedRuntime): Limits {
  const shutOut = new Lru<{ until: number; known: string | undefined }>(10_000)
  const { clock } = runtime
  const findCaller = createCallers(runtime)
  const keyOf = async (request: Request, kind: string, clientId = ''): Promise<string> =>
    `${kind}:${await sha256(`${issuer}\n${clientId}\n${findCaller(request)?.network ?? ''}`)}`
  const refuse = (kind: string, request: Request, clientId?: string): OAuthError => {
    runtime.event({
      type: 'rate.limited',
      level: 'warning',
      issuer,
      status: 429,
      detail: kind,
      duration: period,
      address: runtime.clientAddress(request),
      clientId,
    })
    return new OAuthError('temporarily_unavailable', 'Too many attempts; try again later', {
      status: 429,
      retryAfter: period,
    })
  }
  const exceeds = async (key: string): Promise<boolean> => {
    try {
      return !(await limiter.limit({ key })).success
    } catch (error) {
      // A limiter that is down does not stop the server. Credentials are checked in any case.
      const event = { type: 'rate.unavailable', level: 'warning', issuer } as const
      runtime.failed(error, 'rateLimit.limit', { event })
      return false
    }
  }
  const attempt: Limits['attempt'] = async (kind, request, clientId) => {
    if (findCaller(request) === undefined) return
    if (await exceeds(await keyOf(request, kind, clientId))) throw refuse(kind, request, clientId)
  }
  return {
    attempt,
    async signIn(request, account) {
      await attempt('sign-in', request)
      // No event names the account: users type passwords into the wrong field.
      if (account === undefined) return
      const key = `sign-in:${await sha256(`${issuer}\n${account}`, 'account')}`
      if (await exceeds(key)) throw refuse('sign-in', request)
    },
    async admit(request, clientId) {
      if (shutOut.size === 0) return
      const found = shutOut.peek(await keyOf(request, 'secret', clientId))
      if (found !== undefined && found.until > clock()) throw refuse('secret', request, found.known)
    },
    async wrongSecret(request, clientId, known) {
      const key = await keyOf(request, 'secret', clientId)
      if (!(await exceeds(key))) return
      shutOut.set(key, { until: clock() + period, known })
      throw refuse('secret', request, known)
    },
  }
}

/**
 * A rate limiter in this process's memory. Instances do not share their counts; on Cloudflare pass a rate
 * limiting binding instead. `limit`: attempts per key and minute, 1 to 1 000 000, default 60; five times as
 * many for registrations, because the clients of many users may share one address, and a sixth as many for
 * sign-ins with a password or key.
 */
export function memoryRateLimiter(options: { limit?: number; clock?: Clock } = {}): RateLimiter {
  const { limit, clock } = readOptions('memoryRateLimiter', options, {
    limit: integer({ min: 1, max: 1_000_000 }).default(60),
    clock: func().default(systemClock),
  })
  // By kind, so that a caller who makes many windows of one kind evicts none of another (brute force).
  const kinds = new Map<string, Lru<{ until: number; count: number }>>()
  return {
    limit: async ({ key }) => {
      const now = clock()
      const kind = key.slice(0, key.indexOf(':') + 1)
      const windows = kinds.get(kind) ?? new Lru<{ until: number; count: number }>(10_000)
      kinds.set(kind, windows)
      const window = windows.get(key)
      const share = kind === 'register:' ? 5 : kind === 'sign-in:' ? 1 / 6 : 1
      const most = Math.ceil(limit * share)
      if (window !== undefined && window.until > now) return { success: ++window.count <= most }
      windows.set(key, { until: now + period, count: 1 })
      return { success: true }
    },
  }
}
