/**
 * Whether two strings are equal, in a time that depends only on the length of the first.
 * For secrets compare fixed-length hashes.
 */
export function constantTimeEqual(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length
  for (let i = 0; i < given.length; i++)
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i % (expected.length || 1))
  return difference === 0
}
