/**
 * The URL as it is requested, without fragment: a list of servers is compared with this spelling (`/a/../b`
 * is `/b`).
 */
export function asRequested(url: string | URL): string {
  return new URL(url).href.split('#', 1)[0]!
}

/** Origin and path, for events and messages: applications put keys and session ids into the query. */
export function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/**
 * One spelling for all URLs that reach the same server: no query, no slash at the end, only necessary escapes
 * (RFC 3986 §6.2.2).
 */
export const plainSpelling = (url: string): string =>
  withoutQuery(url)
    .replace(/\/+$/, '')
    .replaceAll(/%[0-9a-f]{2}/gi, (text) => {
      const char = String.fromCharCode(Number.parseInt(text.slice(1), 16))
      return /[\w.~-]/.test(char) ? char : text.toUpperCase()
    })
