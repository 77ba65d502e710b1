import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as hash } from '@noble/hashes/sha2.js'
import { base64url, utf8, utf8Into } from './bytes.ts'
import type { Bytes } from './web-types.ts'

/**
 * From this length on, in bytes, WebCrypto is faster than a hash in JavaScript, in spite of what each call
 * costs (docs/adr/0010).
 */
const long = 2048

/** SHA-256 as base64url. The purpose keeps equal inputs of different kinds apart. */
export async function sha256(text: string, purpose = ''): Promise<string> {
  const input = purpose === '' ? text : `${purpose}\0${text}`
  // A character takes at most three bytes.
  if (input.length * 3 <= long) return base64url(hash(utf8Into(scratch, input)))
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(input))))
}

/** Written and read without an await in between. */
const scratch = new Uint8Array(long)

/** SHA-256 of a short value. */
export const sha256Bytes = (bytes: Uint8Array): Bytes => hash(bytes)

/** HMAC-SHA-256 (RFC 2104) of short values under one key. What depends on the key only is computed once. */
export function hmacSha256(key: Uint8Array): (message: Uint8Array) => Bytes {
  const keyed = hmac.create(hash, key)
  return (message) => keyed.clone().update(message).digest()
}
