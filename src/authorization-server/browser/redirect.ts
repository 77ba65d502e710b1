import { isLoopbackRedirect, matchRedirectUri } from '../../protocol/redirect-uri.ts'
import type { Client, Context } from '../context.ts'
import { withCookies } from './cookies.ts'
import { securityHeaders } from './headers.ts'

/** A client and where its answer goes. */
export interface RedirectTarget {
  readonly client: Client
  readonly redirectUri: string
}

/**
 * Open redirect: why this redirect URI gets no answer, if anything. It must be one of the registered ones,
 * and only a pre-registered client may have one on this server's own origin: from there the browser asks
 * again as if no other site had sent the user, and a remembered consent would issue a code.
 */
export function redirectProblem(
  { issuer }: Context,
  { client, redirectUri }: RedirectTarget,
): 'unregistered' | 'own-origin' | undefined {
  if (!matchRedirectUri(client.redirectUris, redirectUri)) return 'unregistered'
  const isOwn = new URL(redirectUri).origin === new URL(issuer).origin
  return isOwn && client.kind !== 'preregistered' ? 'own-origin' : undefined
}

/**
 * Open redirect: whether an error goes to the client although the user has not acted. Any other redirect URI
 * may be one that an attacker registered to send users on from here (OAuth 2.1 §7.12.2; MCP, Open
 * Redirection).
 */
export const mayRedirectUnasked = ({ client, redirectUri }: RedirectTarget): boolean =>
  client.kind === 'preregistered' || isLoopbackRedirect(redirectUri)

/**
 * Open redirect: the path that `return_to` names if it is one of these on this server, else the first of
 * them.
 */
export function ownReturnPath(
  issuer: string,
  returnTo: string | null,
  paths: readonly [string, ...string[]],
): string {
  const { origin } = new URL(issuer)
  if (returnTo === null || !returnTo.startsWith('/') || !URL.canParse(returnTo, origin)) return paths[0]
  const url = new URL(returnTo, origin)
  return url.origin === origin && paths.includes(url.pathname) ? url.pathname + url.search : paths[0]
}

/** 303, so that the browser follows a POST with a GET and never sends the form on (RFC 9700 §4.12). */
export function seeOther(location: string, cookies?: readonly string[]): Response {
  const headers = { location, ...securityHeaders("default-src 'none'") }
  return withCookies(new Response(null, { status: 303, headers }), cookies)
}

/**
 * The response of a sign-in, which may be a page of the application, with cookies and the headers that it
 * lacks.
 */
export function passOn(response: Response, cookies: readonly string[]): Response {
  const headers = new Headers(response.headers)
  const isRedirect = headers.has('location')
  // The application decides about scripts and styles of its page. Framing (clickjacking) stays forbidden.
  for (const [name, value] of Object.entries(securityHeaders(isRedirect ? "default-src 'none'" : '')))
    if (!headers.has(name)) headers.set(name, value)
  // 307 and 308 would send the user's form on to the login.
  const status = isRedirect ? 303 : response.status
  return withCookies(new Response(response.body, { status, headers }), cookies)
}
