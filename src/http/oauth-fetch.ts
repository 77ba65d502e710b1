import { UnavailableError } from '../errors.ts'
import { parseObject } from '../lib/json.ts'
import type { Fetch } from '../types.ts'
import { serverError } from './answers.ts'
import { guardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts'

/**
 * A `fetch` for requests that carry secrets: no redirect is followed, and an outage is an UnavailableError.
 * The body of its responses is a JSON object whatever their type says, and an empty one if there is none.
 */
export function createOAuthFetch(options: GuardedFetchOptions): Fetch {
  return async (url, init) => {
    const target = String(url)
    const { status, headers, text } = await guardedFetch(target, {
      ...options,
      method: init?.method ?? 'GET',
      headers: { ...options.headers, ...Object.fromEntries(new Headers(init?.headers)) },
      ...(init?.body === undefined || init.body === null ? {} : { body: String(init.body) }),
    })
    const { host } = new URL(target)
    if (status === 429 || status >= 500)
      throw new UnavailableError(`${host} answered ${status}`, readRetryAfter(headers))
    if (status < 200 || (status >= 300 && status < 400))
      throw serverError(
        'invalid_response',
        `${host} answered with a redirect, which is not followed with a secret`,
      )
    const nonce = headers.get('dpop-nonce')
    return new Response(JSON.stringify(parseObject(text) ?? {}), {
      status: status < 300 ? 200 : status,
      ...(nonce === null ? {} : { headers: { 'dpop-nonce': nonce } }),
    })
  }
}

/** `Retry-After` in seconds, from 1 to 3600; nothing for a date or what is not a positive number. */
export function readRetryAfter(headers: Headers): { retryAfter?: number } {
  const seconds = Number(headers.get('retry-after'))
  return seconds > 0 ? { retryAfter: Math.min(Math.ceil(seconds), 3600) } : {}
}
