import { base64url, utf8 } from './bytes.ts'
import { sha256Bytes } from './sha256.ts'

/** Bytes from which the platform's own digest is the faster one. */
const long = 4096

/** SHA-256 as base64url. The purpose keeps equal inputs of different kinds apart. */
export async function sha256(text: string, purpose = ''): Promise<string> {
  const input = utf8(purpose === '' ? text : `${purpose}\0${text}`)
  if (input.length < long) return base64url(sha256Bytes(input))
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', input)))
}
