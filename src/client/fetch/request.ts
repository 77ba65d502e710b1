import { defined } from '../../lib/defined.ts'
import {
  allowInsecureRequests,
  customFetch,
  protectedResourceRequest,
  WWWAuthenticateChallengeError,
} from 'oauth4webapi'
import { forPlatform } from '../../lib/own-request.ts'
import type { ClientContext } from '../context.ts'
import { covers } from '../discovery/resource-metadata.ts'
import { checkServer } from '../outgoing.ts'
import { type TokenRecord } from '../records.ts'
import { asRequested, withoutQuery } from '../urls.ts'

/** A request that can be sent again. */
export interface ReplayableRequest {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: ArrayBuffer | undefined
  readonly signal: AbortSignal | undefined
}

/** The body is read into memory, because the first answer may be 401. */
export async function replayable(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<ReplayableRequest> {
  const request = new Request(forPlatform(input), init)
  const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined)
  const body = request.body === null ? undefined : await request.arrayBuffer()
  const { url, method, headers } = request
  return { url: asRequested(url), method, headers: new Headers(headers), body, signal }
}

/** Lets the caller give up; the work that other callers wait for goes on. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    signal.addEventListener('abort', stop)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    if (signal.aborted) stop()
  })
}

/** How many redirects within the server's origin are followed. */
const maxRedirects = 5

/**
 * Sends the request with the token. Redirects are followed only within the origin, with a token only within
 * its resource, and only if method and body stay; any other redirect is returned to the caller: a token is
 * sent to no other origin.
 */
export async function send(
  context: ClientContext,
  request: ReplayableRequest,
  tokens: TokenRecord | undefined,
): Promise<Response> {
  let { url } = request
  checkServer(context, url)
  for (let redirects = 0; ; redirects++) {
    const response = await sendOnce(context, { ...request, url }, tokens)
    const location = response.headers.get('location')
    const follows =
      [307, 308].includes(response.status) || (isRead(request) && [301, 302, 303].includes(response.status))
    if (!follows || location === null || redirects === maxRedirects || !URL.canParse(location, url))
      return response
    const next = new URL(location, url)
    if (!mayFollow(next, request.url, tokens)) return response
    await response.body?.cancel()
    url = next.href
  }
}

/**
 * Token theft: on a host of many tenants, one tenant's redirect must not send the token to another tenant's
 * path.
 */
function mayFollow(next: URL, from: string, tokens: TokenRecord | undefined): boolean {
  if (next.origin !== new URL(from).origin) return false
  return tokens === undefined || covers(tokens.resource ?? withoutQuery(from), next.href)
}

const isRead = ({ method }: ReplayableRequest): boolean => method === 'GET' || method === 'HEAD'

async function sendOnce(
  context: ClientContext,
  request: ReplayableRequest,
  tokens: TokenRecord | undefined,
): Promise<Response> {
  const { url, method, body, signal } = request
  const headers = new Headers(request.headers)
  if (tokens?.type === 'dpop') return sendWithProof(context, request, tokens.accessToken)
  if (tokens !== undefined) headers.set('authorization', `Bearer ${tokens.accessToken}`)
  return context.runtime.fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...defined({ body, signal }),
  })
}

/** RFC 9449 §7.1; once more if the server wants its nonce in the proof (§9). */
async function sendWithProof(
  context: ClientContext,
  request: ReplayableRequest,
  token: string,
): Promise<Response> {
  const { url, method, body, signal } = request
  const headers = new Headers(request.headers)
  headers.delete('authorization')
  const options = {
    DPoP: await context.dpop.handle(),
    [customFetch]: context.runtime.fetch as (url: string, init: object) => Promise<Response>,
    [allowInsecureRequests]: true,
    ...defined({ signal }),
  }
  for (let attempt = 0; ; attempt++) {
    try {
      return await protectedResourceRequest(token, method, new URL(url), headers, body, options)
    } catch (error) {
      if (!(error instanceof WWWAuthenticateChallengeError)) throw error
      const asksNonce = error.cause.some(({ parameters }) => parameters.error === 'use_dpop_nonce')
      if (attempt > 0 || !asksNonce) return error.response
      await error.response.body?.cancel()
    }
  }
}
