import { base64url, utf8 } from './bytes.ts'

/** SHA-256 as base64url. The purpose keeps equal inputs of different kinds apart. */
export async function sha256(text: string, purpose = ''): Promise<string> {
  const input = purpose === '' ? text : `${purpose}\0${text}`
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(input))))
}
