/** Seconds that a document is kept: at least, at most, and if the answer does not say. */
const min = 60
export const longestKept = 86_400
const standard = 3600

/**
 * The seconds that a client document may be kept by its `Cache-Control` (RFC 9111 §5.2.2); 0: it may not. A
 * shared cache does not keep private answers. Without the least lifetime a client could have its document
 * fetched at each request.
 */
export function freshness(headers: Headers): number {
  const directives = new Map(
    (headers.get('cache-control') ?? '').split(',').map((directive) => {
      const [name = '', value = ''] = directive.trim().toLowerCase().split('=', 2)
      return [name, value.replaceAll('"', '')]
    }),
  )
  if (directives.has('no-store') || directives.has('private')) return 0
  if (directives.has('no-cache')) return min
  const given = directives.get('s-maxage') ?? directives.get('max-age') ?? ''
  return /^\d+$/.test(given) ? Math.min(Math.max(Number(given), min), longestKept) : standard
}
