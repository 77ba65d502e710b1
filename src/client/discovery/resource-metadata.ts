import { parseProtectedResourceMetadata } from '../../protocol/metadata-parse.ts'
import type { ProtectedResourceMetadata } from '../../protocol/metadata.ts'
import { canonicalResource, sameResource } from '../../protocol/resource.ts'
import { protectedResourceMetadataUrl, rootProtectedResourceMetadataUrl } from '../../protocol/well-known.ts'
import { MismatchError } from '../errors.ts'
import type { MetadataReader } from './metadata-reader.ts'
import { withoutQuery } from '../urls.ts'

/**
 * The metadata of the MCP server: where the challenge says, else at its path, else at the root of its host
 * (MCP, Protected Resource Metadata Discovery Requirements). Undefined if there is none. Rejects with
 * `resource_mismatch` if a document is about another resource.
 */
export async function findResourceMetadata(
  reader: MetadataReader,
  server: string,
  announced: string | undefined,
): Promise<ProtectedResourceMetadata | undefined> {
  for (const url of candidateUrls(server, announced)) {
    const document = await reader.read(url)
    if (document === undefined) continue
    const metadata = parseProtectedResourceMetadata(document)
    if (isNameOf(metadata.resource, server)) return metadata
    // RFC 9728 §3.3: with the document of another resource, the user would approve access to that one.
    if (!covers(metadata.resource, server)) throw mismatch(metadata.resource, server, url)
    return confirmParent(reader, server, metadata, url)
  }
  return undefined
}

/**
 * The document names an identifier above the server's path. On a host of many tenants that is a claim to
 * their tokens, so it counts only if the identifier's own well-known URL, which the owner of that path
 * controls, confirms it (RFC 9728 §3.3).
 */
async function confirmParent(
  reader: MetadataReader,
  server: string,
  metadata: ProtectedResourceMetadata,
  url: string,
): Promise<ProtectedResourceMetadata> {
  const { resource } = metadata
  const own = protectedResourceMetadataUrl(resource)
  if (url === own) return metadata
  const document = await reader.read(own)
  const confirmed = document === undefined ? undefined : parseProtectedResourceMetadata(document)
  if (confirmed === undefined || !sameResource(confirmed.resource, resource))
    throw mismatch(resource, server, url, `; ${own} does not confirm that identifier`)
  return confirmed
}

function mismatch(received: string, server: string, url: string, more = ''): Error {
  const expected = withoutQuery(server)
  const documentUrl = withoutQuery(url)
  const values = `${JSON.stringify(received)}, expected ${JSON.stringify(expected)}`
  return new MismatchError(
    'resource_mismatch',
    `The resource metadata at ${documentUrl} are about ${values}${more}`,
    { received, expected, documentUrl },
  )
}

function candidateUrls(server: string, announced: string | undefined): string[] {
  const here = new URL(server).origin
  const own = announced !== undefined && URL.canParse(announced) && new URL(announced).origin === here
  return [
    ...new Set([
      // SSRF (RFC 9728 §7.7): an announced URL elsewhere would let the server choose where we send requests.
      ...(own ? [announced] : []),
      protectedResourceMetadataUrl(server),
      rootProtectedResourceMetadataUrl(server),
    ]),
  ]
}

/**
 * Whether the identifier is the server's URL; its query may be missing, because transports put session ids
 * there.
 */
function isNameOf(resource: string, server: string): boolean {
  const identifier = canonicalResource(resource)
  const url = canonicalResource(server)
  return identifier !== undefined && (identifier === url || identifier === url?.split('?', 1)[0])
}

/**
 * Whether the identifier is the server's URL, or a path above it at the same origin; never a prefix within a
 * segment.
 */
export function covers(resource: string, server: string): boolean {
  if (isNameOf(resource, server)) return true
  const identifier = canonicalResource(resource)
  const url = canonicalResource(server)
  if (identifier === undefined || url === undefined) return false
  const below = identifier.endsWith('/') ? identifier : `${identifier}/`
  return (
    !identifier.includes('?') &&
    url.startsWith(below) &&
    url !== below.slice(0, -1) &&
    !leavesPath(url.slice(below.length))
  )
}

/**
 * Whether a server that decodes separators, or drops path parameters, would find a dot segment here and leave
 * the path.
 */
const leavesPath = (rest: string): boolean =>
  rest
    .split('?', 1)[0]!
    .split(/\/|%2f|%5c/i)
    .some((segment) => /^(?:\.|%2e){1,2}(?:;.*)?$/i.test(segment))
