/** Whether a client id is a URL. With Basic credentials it may contain colons. */
export const isUrlClientId = (id: string): boolean => /^https?:\/\//.test(id)

/**
 * The URL of a client-id metadata document (draft-ietf-oauth-client-id-metadata-document-01 §3), or
 * undefined: https, with a path, no fragment, user information, dot segments (also those that only some
 * servers read as such), backslash or white space, and written as the URL parser would write it.
 */
export function clientIdUrl(id: string): URL | undefined {
  if (!/^https:\/\/[^/?#@\\\s]+\/[^#\\\s]+$/.test(id) || id.length > 2048 || !/^[\x21-\x7e]+$/.test(id))
    return undefined
  const path = id.slice(id.indexOf('/', 8)).split('?', 1)[0]!
  const hasDots = path.split(/\/|%2f|%5c/i).some((segment) => /^(?:\.|%2e){1,2}(?:;.*)?$/i.test(segment))
  if (path === '/' || hasDots) return undefined
  if (!URL.canParse(id)) return undefined
  const url = new URL(id)
  return url.href === id && url.port !== '0' && !url.hostname.endsWith('.') ? url : undefined
}
