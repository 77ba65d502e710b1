import { defined } from '../lib/defined.ts'
import { isOAuthError, OAuthError, UnavailableError } from '../errors.ts'
import { attribute } from '../lib/runtime.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { Fetch } from '../types.ts'
import { addressProblem } from './addresses.ts'
import { readText } from './body.ts'

export interface GuardedFetchOptions {
  fetch: Fetch
  /** The largest body, in decoded bytes. Default 64 kB. */
  maxBytes?: number
  /** For the whole exchange with the body, in seconds. Default 5. */
  timeout?: number
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: string
  /**
   * http and loopback addresses are allowed: for deployments whose own URL is on this machine. Default
   * false.
   */
  allowLoopback?: boolean
  /** Origins that are allowed as they are, for a `dangerously…` option. Default none. */
  allowOrigins?: readonly string[]
}

export interface GuardedResponse {
  status: number
  headers: Headers
  text: string
}

/** The URL may not be requested: not https, or a special-use address. */
export class BlockedAddressError extends OAuthError {
  constructor(problem: string) {
    super('invalid_request', problem, { status: 400 })
  }
}

/**
 * The only way out: https, no special-use address, no redirect followed (a 3xx is a status like any other),
 * no credential of the platform, bounded in size and time. Rejects with BlockedAddressError before anything
 * is sent, and with UnavailableError if no complete answer came.
 */
export async function guardedFetch(
  url: string | URL,
  options: GuardedFetchOptions,
): Promise<GuardedResponse> {
  const target = checkUrl(url, options)
  const abort = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        abort.abort()
        reject(new UnavailableError(`${target.host} did not answer in time`))
      },
      (options.timeout ?? 5) * 1000,
    )
  })
  try {
    return await Promise.race([exchange(target, options, abort.signal), timeout])
  } catch (error) {
    if (isOAuthError(error)) throw error
    // Neither the platform's message nor its cause: both may quote the request.
    throw attribute(new UnavailableError(`${target.host} could not be reached`), 'fetch', error)
  } finally {
    clearTimeout(timer)
  }
}

/** SSRF: throws BlockedAddressError if the URL must not be requested. */
export function checkUrl(
  url: string | URL,
  options: Pick<GuardedFetchOptions, 'allowLoopback' | 'allowOrigins'> = {},
): URL {
  if (!URL.canParse(String(url))) throw new BlockedAddressError('The URL cannot be parsed')
  const target = new URL(String(url))
  if (target.username !== '' || target.password !== '')
    throw new BlockedAddressError('The URL has user information')
  if (options.allowOrigins?.includes(target.origin)) return target
  const loopback = isLoopbackHost(target.hostname)
  if (loopback && options.allowLoopback && /^https?:$/.test(target.protocol)) return target
  if (target.protocol !== 'https:') throw new BlockedAddressError('The URL is not https')
  const problem = addressProblem(target.hostname)
  if (problem !== undefined) throw new BlockedAddressError(`The host ${problem}`)
  return target
}

/** Whether the URL is public https. */
export function isPublic(url: string | URL): boolean {
  try {
    checkUrl(url)
    return true
  } catch {
    return false
  }
}

async function exchange(
  target: URL,
  options: GuardedFetchOptions,
  signal: AbortSignal,
): Promise<GuardedResponse> {
  const { fetch, method = 'GET', headers = {}, body, maxBytes = 65_536 } = options
  const response = await fetch(target.href, {
    method,
    // Some firewalls refuse requests without a user agent.
    headers: { accept: 'application/json', 'user-agent': 'tollgate', ...headers },
    redirect: 'manual',
    signal,
    ...defined({ body }),
  })
  try {
    return { status: response.status, headers: response.headers, text: await readText(response, maxBytes) }
  } catch {
    throw new UnavailableError(`${target.host} answered with a body that is too large or not text`)
  }
}
