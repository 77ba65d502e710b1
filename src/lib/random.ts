import { base64url } from './bytes.ts'

// A call for random bytes costs the same for twenty as for a thousand, so they are drawn in advance; each
// is handed out once.
const pool = new Uint8Array(4000)
let left = 0

/** 160 bits unless told, as base64url: nothing to reject, no bias. */
export function randomToken(bytes = 20): string {
  if (bytes > pool.length) throw new RangeError(`At most ${pool.length} bytes`)
  if (bytes > left) {
    crypto.getRandomValues(pool)
    left = pool.length
  }
  left -= bytes
  const token = base64url(pool.subarray(left, left + bytes))
  pool.fill(0, left, left + bytes)
  return token
}
