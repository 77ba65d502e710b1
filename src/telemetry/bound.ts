/**
 * Passes each value of `always`, and the first so many others; every further one is `other` (cardinality).
 */
export function createBound(size: number, always?: ReadonlySet<string>): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (always?.has(value) || known.has(value)) return value
    if (known.size >= size) return 'other'
    known.add(value)
    return value
  }
}
