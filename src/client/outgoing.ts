import { UnavailableError } from '../errors.ts'
import {
  BlockedAddressError,
  checkUrl,
  guardedFetch,
  type GuardedFetchOptions,
} from '../http/guarded-fetch.ts'
import { parseObject } from '../lib/json.ts'
import { isLoopbackRedirect, isPrivateUseRedirect } from '../protocol/redirect-uri.ts'
import { isLoopbackHost } from '../protocol/resource.ts'
import type { ClientContext } from './context.ts'
import { refused } from './errors.ts'
import type { ClientOptions } from './options.ts'

/** How every request goes out: public https only. Loopback only if the MCP server and the person are both on this machine. */
export function outgoing({ options, runtime }: ClientContext, server: string): GuardedFetchOptions {
  return {
    fetch: runtime.fetch,
    allowLoopback: isOnPersonsMachine(options) && isLoopbackHost(new URL(server).hostname),
    allowOrigins: options.dangerouslyAllowOrigins,
    headers: { 'user-agent': 'tollgate' },
  }
}

/** A client whose redirect ends on this machine. A host on the web, or one without a person, may be given URLs by strangers. */
function isOnPersonsMachine({ redirect }: ClientOptions): boolean {
  if (redirect === undefined) return false
  const uri = typeof redirect === 'string' ? redirect : redirect.uri
  // A redirect that does not say where it ends has a listener of its own.
  if (uri === undefined) return true
  const { href } = new URL(uri)
  return isLoopbackRedirect(href) || (typeof redirect !== 'string' && isPrivateUseRedirect(href))
}

/**
 * Judges the URL of the MCP server before the first byte goes there (SSRF): a host that takes the URL from a user must not read
 * what answers on its own machine or network.
 */
export function checkServer(context: ClientContext, server: string): void {
  try {
    checkUrl(server, outgoing(context, server))
  } catch (error) {
    if (!(error instanceof BlockedAddressError)) throw error
    const advice =
      'a server on this machine needs a loopback "redirect", one inside your network an entry in "dangerouslyAllowOrigins"'
    throw new BlockedAddressError(`${withoutQuery(server)}: ${error.message}; ${advice}`)
  }
}

/**
 * The URL as it is requested, without fragment: what a list of servers is compared with must not be another spelling of it (`/a/../b`).
 */
export function asRequested(url: string | URL): string {
  return new URL(url).href.split('#', 1)[0]!
}

/** Origin and path, for events and messages: hosts put keys and session ids into the query. */
export function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** The JSON object at this URL; its status alone where there is none. */
export async function getDocument(
  url: string,
  options: GuardedFetchOptions,
): Promise<{ status: number; document?: Record<string, unknown> }> {
  const { status, text } = await guardedFetch(url, options)
  if (status === 429 || status >= 500)
    throw new UnavailableError(`${new URL(url).host} answered ${status} for its metadata`)
  const document = status === 200 ? parseObject(text) : undefined
  return document === undefined ? { status } : { status, document }
}

/**
 * A `fetch` for oauth4webapi's requests, which carry secrets: no redirect is followed, and an outage is an UnavailableError. The
 * body is a JSON object, whatever its type says; an empty one where there is none.
 */
export function carrier(options: GuardedFetchOptions): typeof fetch {
  return async (url, init) => {
    const target = String(url)
    const { status, headers, text } = await guardedFetch(target, {
      ...options,
      method: init?.method ?? 'GET',
      headers: { ...options.headers, ...Object.fromEntries(new Headers(init?.headers)) },
      ...(init?.body === undefined || init.body === null ? {} : { body: String(init.body) }),
    })
    const { host } = new URL(target)
    const wait = Number(headers.get('retry-after'))
    if (status === 429 || status >= 500)
      throw new UnavailableError(
        `${host} answered ${status}`,
        wait > 0 && wait <= 3600 ? { retryAfter: wait } : {},
      )
    if (status < 200 || (status >= 300 && status < 400))
      throw refused(
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
