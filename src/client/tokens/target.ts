import { canonicalResource } from '../../protocol/resource.ts'
import type { Connection } from '../connection.ts'

/** `resource`, byte for byte as the document has it (RFC 8707), or what this provider takes instead. */
export function targetParameters({
  context,
  server,
  found: { issuer, resource },
}: Connection): Record<string, string | undefined> {
  const target = resource ?? canonicalResource(server)
  switch (context.quirksOf(issuer).resource) {
    case 'omit':
      return {}
    case 'audience':
      return { audience: target }
    default:
      return { resource: target }
  }
}
