import type { IncomingMessage } from 'node:http'

/** A message of Express has `originalUrl`, because `url` may be relative to where a router is mounted. */
export type Incoming = IncomingMessage & { originalUrl?: string; rawBody?: unknown; body?: unknown }

/** The request target: origin-form, or absolute-form with its host (RFC 9112 §3.2). */
export interface Target {
  path: string
  host?: string
}

export function targetOf({ originalUrl, url = '' }: Incoming): Target | undefined {
  const target = originalUrl ?? url
  if (target.startsWith('/')) return { path: target }
  const [, host, path] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? []
  if (host === undefined || path === undefined || !isHost.test(host)) return undefined
  return { host, path: path.startsWith('/') ? path : `/${path}` }
}

/** What the connection and the target say; undefined if the host is not valid (RFC 9110 §7.2). */
export function originOf(
  incoming: Incoming,
  target: Target,
  encrypted: boolean = isEncrypted(incoming),
): string | undefined {
  const host = target.host ?? hostOf(incoming)
  if (host === undefined || !isHost.test(host)) return undefined
  const text = `${encrypted ? 'https' : 'http'}://${host}`
  // Most servers have one host, and parsing it costs more than the rest of this function.
  if (text !== last.text) last = { text, origin: URL.canParse(text) ? new URL(text).origin : undefined }
  return last.origin
}

let last: { text: string; origin: string | undefined } = { text: '', origin: undefined }

const isHost = /^[\w.-]+(:\d{1,5})?$|^\[[\da-f:.]+\](:\d{1,5})?$/i

/** HTTP/2 has `:authority`; a `Host` beside it says the same (RFC 9113 §8.3.1). */
function hostOf({ headers }: IncomingMessage): string | undefined {
  const { host, ':authority': authority } = headers
  if (authority === undefined) return host
  return host === undefined || host === authority ? String(authority) : undefined
}

export const isEncrypted = ({ socket }: IncomingMessage): boolean =>
  (socket as { encrypted?: boolean }).encrypted === true

/**
 * The URL, or undefined if the URL parser changes the path (dot segments, backslashes, a fragment). A router
 * reads the target as it came and a handler reads the URL: if they differ, the guard protects another path
 * than the one that runs.
 */
export function urlOf(origin: string, { path }: Target): string | undefined {
  if (isPlain.test(path)) return origin + path
  if (path.includes('#') || !URL.canParse(origin + path)) return undefined
  const { href, pathname } = new URL(origin + path)
  return pathname === path.split('?', 1)[0] ? href : undefined
}

/** A path without dot segments and a query, both of characters that the URL parser leaves as they are. */
const isPlain =
  /^(?:\/(?!(?:\.|%2e){1,2}(?:[/?]|$))[\w!$%&'()*+,\-.:;=@~]*)+(?:\?[\w!$%&()*+,\-./:;=?@~]*)?$/i

/** Whether the URL parser leaves the path of the request as it came; false also if there is no such URL. */
export function hasVerbatimPath(incoming: Incoming): boolean {
  const target = targetOf(incoming)
  return target !== undefined && urlOf('http://localhost', target) !== undefined
}
