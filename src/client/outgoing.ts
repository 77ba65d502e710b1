import { UnavailableError } from '../errors.ts'
import { guardedFetch, type GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { parseObject } from '../lib/json.ts'
import { isLoopbackHost } from '../protocol/resource.ts'
import type { ClientContext } from './context.ts'
import { refused } from './errors.ts'

/** How everything but the MCP request itself goes out: public https only, unless the MCP server is on this machine. */
export function outgoing(context: ClientContext, server: string): GuardedFetchOptions {
  return {
    fetch: context.runtime.fetch,
    allowLoopback: isLoopbackHost(new URL(server).hostname),
    allowOrigins: context.options.dangerouslyAllowOrigins,
    headers: { 'user-agent': 'tollgate' },
  }
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
