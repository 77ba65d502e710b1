import { parseProtectedResourceMetadata } from '../../protocol/metadata-parse.ts'
import type { ProtectedResourceMetadata } from '../../protocol/metadata.ts'
import { canonicalResource, sameResource } from '../../protocol/resource.ts'
import { protectedResourceMetadataUrl, rootProtectedResourceMetadataUrl } from '../../protocol/well-known.ts'
import { MismatchError } from '../errors.ts'
import type { Look } from './look.ts'
import { withoutQuery } from '../outgoing.ts'

/**
 * The metadata of the MCP server: where the challenge says, else at its path, else at the root of its host (MCP, Protected
 * Resource Metadata Discovery Requirements). Undefined if there is none. Rejects if a document is about something else.
 */
export async function findResourceMetadata(
  look: Look,
  server: string,
  announced: string | undefined,
): Promise<ProtectedResourceMetadata | undefined> {
  for (const url of candidates(server, announced)) {
    const document = await look.at(url)
    if (document === undefined) continue
    const metadata = parseProtectedResourceMetadata(document)
    if (names(metadata.resource, server)) return metadata
    // RFC 9728 §3.3: a document that speaks for another resource would send our user's approval there.
    if (!covers(metadata.resource, server)) throw mismatch(metadata.resource, server, url)
    return ofParent(look, server, metadata, url)
  }
  return undefined
}

/**
 * The server names an identifier above its own path. On a host of many tenants that is a claim to their tokens, so it counts only from
 * the identifier's own well-known URL, which belongs to whoever has that path (RFC 9728 §3.3).
 */
async function ofParent(
  look: Look,
  server: string,
  metadata: ProtectedResourceMetadata,
  url: string,
): Promise<ProtectedResourceMetadata> {
  const { resource } = metadata
  const own = protectedResourceMetadataUrl(resource)
  if (url === own) return metadata
  const document = await look.at(own)
  const confirmed = document === undefined ? undefined : parseProtectedResourceMetadata(document)
  if (confirmed === undefined || !sameResource(confirmed.resource, resource))
    throw mismatch(resource, server, url, `; ${own} does not confirm that identifier`)
  return confirmed
}

const mismatch = (received: string, server: string, documentUrl: string, more = ''): Error =>
  new MismatchError(
    'resource_mismatch',
    `The resource metadata at ${withoutQuery(documentUrl)} are about ${JSON.stringify(received)}, expected ${JSON.stringify(withoutQuery(server))}${more}`,
    { received, expected: withoutQuery(server), documentUrl: withoutQuery(documentUrl) },
  )

function candidates(server: string, announced: string | undefined): string[] {
  const here = new URL(server).origin
  const own = announced !== undefined && URL.canParse(announced) && new URL(announced).origin === here
  return [
    ...new Set([
      // RFC 9728 §7.7: an announced URL elsewhere would let the server choose whom we call.
      ...(own ? [announced] : []),
      protectedResourceMetadataUrl(server),
      rootProtectedResourceMetadataUrl(server),
    ]),
  ]
}

/** Whether the identifier is the server's URL; its query may be missing, because transports put session ids there. */
function names(resource: string, server: string): boolean {
  const identifier = canonicalResource(resource)
  const url = canonicalResource(server)
  return identifier !== undefined && (identifier === url || identifier === url?.split('?', 1)[0])
}

/** Whether the identifier is the server's URL, or a path above it at the same origin; never a prefix within a segment. */
export function covers(resource: string, server: string): boolean {
  if (names(resource, server)) return true
  const identifier = canonicalResource(resource)
  const url = canonicalResource(server)
  if (identifier === undefined || url === undefined) return false
  const below = identifier.endsWith('/') ? identifier : `${identifier}/`
  return (
    !identifier.includes('?') &&
    url.startsWith(below) &&
    url !== below.slice(0, -1) &&
    !climbs(url.slice(below.length))
  )
}

/** Whether somebody who decodes separators, or drops path parameters, would read a dot segment here, and leave the path. */
const climbs = (rest: string): boolean =>
  rest
    .split('?', 1)[0]!
    .split(/\/|%2f|%5c/i)
    .some((segment) => /^(?:\.|%2e){1,2}(?:;.*)?$/i.test(segment))
