import { parseProtectedResourceMetadata } from '../protocol/metadata-parse.ts'
import type { ProtectedResourceMetadata } from '../protocol/metadata.ts'
import { canonicalResource } from '../protocol/resource.ts'
import { protectedResourceMetadataUrl, rootProtectedResourceMetadataUrl } from '../protocol/well-known.ts'
import type { ClientContext } from './context.ts'
import { refused } from './errors.ts'
import { getDocument, outgoing } from './outgoing.ts'

/**
 * The metadata of the MCP server: where the challenge says, else at its path, else at the root of its host (MCP, Protected
 * Resource Metadata Discovery Requirements). Undefined where there is none. Rejects where a document is about something else.
 */
export async function findResourceMetadata(
  context: ClientContext,
  server: string,
  announced: string | undefined,
): Promise<ProtectedResourceMetadata | undefined> {
  for (const url of candidates(server, announced)) {
    const { document } = await getDocument(url, outgoing(context, server))
    if (document === undefined) continue
    const metadata = parseProtectedResourceMetadata(document)
    // RFC 9728 §3.3: a document that speaks for another resource would send our user's approval there.
    if (!covers(metadata.resource, server))
      throw refused('resource_mismatch', 'The resource metadata is about another resource than this server')
    return metadata
  }
  return undefined
}

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

/** Whether the identifier is the server's URL, or a path above it at the same origin; never a prefix within a segment. */
export function covers(resource: string, server: string): boolean {
  const identifier = canonicalResource(resource)
  const url = canonicalResource(server)
  if (identifier === undefined || url === undefined) return false
  if (identifier === url || identifier === url.split('?', 1)[0]) return true
  const below = identifier.endsWith('/') ? identifier : `${identifier}/`
  return !identifier.includes('?') && url.startsWith(below) && url !== below.slice(0, -1)
}
