import { readFreshness } from '../../http/cache-control.ts'

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
  const { stored, revalidated, seconds = standard } = readFreshness(headers, { shared: true })
  if (!stored) return 0
  return revalidated ? min : Math.min(Math.max(seconds, min), longestKept)
}
