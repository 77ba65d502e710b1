/**
 * The URL of a client-id metadata document (draft-ietf-oauth-client-id-metadata-document-01 §3), or undefined: https, with a path, no
 * fragment, user information, dot segments, backslash or white space, and written as the URL parser would write it.
 */
export function clientIdUrl(id: string): URL | undefined {
  if (!/^https:\/\/[^/?#@\\\s]+\/[^#\\\s]+$/.test(id) || id.length > 2048 || !/^[\x21-\x7e]+$/.test(id))
    return undefined
  const path = id.slice(id.indexOf('/', 8)).split('?', 1)[0]!
  if (path === '/' || path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) return undefined
  if (!URL.canParse(id)) return undefined
  const url = new URL(id)
  return url.href === id && url.port !== '0' ? url : undefined
}
