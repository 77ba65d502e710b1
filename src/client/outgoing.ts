import { OAuthError, UnavailableError } from '../errors.ts'
import { guardedFetch, type GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { parseObject } from '../http/discovery.ts'
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
  if (status >= 500) throw new UnavailableError(`${new URL(url).host} answered ${status} for its metadata`)
  const document = status === 200 ? parseObject(text) : undefined
  return document === undefined ? { status } : { status, document }
}

/**
 * A `fetch` for oauth4webapi that carries secrets: no redirect is followed, an outage is an UnavailableError, and the answer
 * is what providers mean: `null` is absent, any 2xx is `success`, JSON is JSON whatever its type says.
 */
export function carrier(options: GuardedFetchOptions, success: number): typeof fetch {
  return async (url, init) => {
    const target = String(url)
    const answer = await guardedFetch(target, {
      ...options,
      method: init?.method ?? 'GET',
      headers: { ...options.headers, ...Object.fromEntries(new Headers(init?.headers)) },
      ...(init?.body === undefined || init.body === null ? {} : { body: String(init.body) }),
    })
    const { status, headers } = answer
    const { host } = new URL(target)
    if (status === 429 || status >= 500) throw new UnavailableError(`${host} answered ${status}`)
    if (status === 0 || (status >= 300 && status < 400))
      throw refused(
        'invalid_response',
        `${host} answered with a redirect, which is not followed with a secret`,
      )
    const nonce = headers.get('dpop-nonce')
    return new Response(JSON.stringify(meant(answer.text, status)), {
      status: status < 300 ? success : status,
      headers: { 'content-type': 'application/json', ...(nonce === null ? {} : { 'dpop-nonce': nonce }) },
    })
  }
}

function meant(text: string, status: number): Record<string, unknown> {
  const body = Object.entries(parseObject(text) ?? {}).filter(([, value]) => value !== null)
  // Nobody reads the ID token here, and an odd one must not fail the exchange.
  const members = Object.fromEntries(body.filter(([name]) => name !== 'id_token' && name !== '__proto__'))
  // GitHub answers 200 with an error.
  if (status < 300 && typeof members['error'] === 'string')
    throw new OAuthError(code(members['error']), 'Refused')
  if (members['client_secret'] !== undefined) members['client_secret_expires_at'] ??= 0
  return members
}

/** An error code as RFC 6749 §5.2 allows it; what else a server writes is not repeated. */
export const code = (text: string): string => (/^[a-z_]{1,40}$/.test(text) ? text : 'invalid_response')
