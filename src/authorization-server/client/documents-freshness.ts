/** Seconds: the least and the most that a document is kept, and what holds where the answer says nothing. */
const min = 60
export const longestKept = 86_400
const standard = 3600

/**
 * For how many seconds a client document may be kept, by `Cache-Control` (RFC 9111 §5.2.2); 0: not at all. A shared cache may not keep
 * what is private. A lifetime below the least one would let a client have its document fetched at each request.
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
