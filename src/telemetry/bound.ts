/** Passes the first so many different values; every other one is `other` (cardinality). */
export function createBound(size: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= size) return 'other'
    known.add(value)
    return value
  }
}
