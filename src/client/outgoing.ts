import { UnavailableError } from '../errors.ts'
import {
  BlockedAddressError,
  checkUrl,
  guardedFetch,
  type GuardedFetchOptions,
} from '../http/guarded-fetch.ts'
import { parseObject } from '../lib/json.ts'
import { isLoopbackRedirect, isPrivateUseRedirect } from '../protocol/redirect-uri.ts'
import { isLoopbackHost } from '../protocol/loopback.ts'
import type { ClientContext } from './context.ts'
import type { ClientOptions } from './options.ts'
import { withoutQuery } from './urls.ts'

/**
 * SSRF: requests go to public https only. Loopback is allowed only if the MCP server and the user are both on
 * this machine.
 */
export function outgoingOptions({ options, runtime }: ClientContext, server: string): GuardedFetchOptions {
  return {
    fetch: runtime.fetch,
    allowLoopback: isOnUsersMachine(options) && isLoopbackHost(new URL(server).hostname),
    allowOrigins: options.dangerouslyAllowOrigins,
    headers: { 'user-agent': 'tollgate' },
  }
}

/**
 * Whether the redirect ends on this machine. A web application, or a client without a user, may be given URLs
 * by strangers.
 */
function isOnUsersMachine({ redirect }: ClientOptions): boolean {
  if (redirect === undefined) return false
  const uri = typeof redirect === 'string' ? redirect : redirect.uri
  // A redirect that does not say where it ends has a listener of its own.
  if (uri === undefined) return true
  const { href } = new URL(uri)
  return isLoopbackRedirect(href) || (typeof redirect !== 'string' && isPrivateUseRedirect(href))
}

/**
 * SSRF: checks the URL of the MCP server before the first byte goes there. An application that takes the URL
 * from a user must not read what answers on its own machine or network.
 */
export function checkServer(context: ClientContext, server: string): void {
  try {
    checkUrl(server, outgoingOptions(context, server))
  } catch (error) {
    if (!(error instanceof BlockedAddressError)) throw error
    throw new BlockedAddressError(
      `${withoutQuery(server)}: ${error.message}; a server on this machine needs a loopback "redirect", ` +
        'one inside your network an entry in "dangerouslyAllowOrigins"',
    )
  }
}

/** The JSON object at this URL, or only its status. Rejects with UnavailableError for 429 and 5xx. */
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
