import { fromUtf8 } from '../lib/bytes.ts'
import { isUrlClientId } from './client-id.ts'

/** What Basic credentials may mean. */
export interface BasicCredentials {
  clientId: string
  secret: string
}

/**
 * The client id and secret of Basic credentials. RFC 6749 §2.3.1 form-encodes both parts before it joins
 * them, but many clients do not, so there may be two readings. Undefined if the credentials are malformed.
 */
export function readBasic(credentials: string): BasicCredentials[] | undefined {
  let text: string
  try {
    text = fromUtf8(Uint8Array.from(atob(credentials), (char) => char.charCodeAt(0)))
  } catch {
    return undefined
  }
  // A client id that is a URL and is not encoded contains colons. Then the last colon separates.
  const colon = isUrlClientId(text) ? text.lastIndexOf(':') : text.indexOf(':')
  if (colon < 1) return undefined
  const raw = { clientId: text.slice(0, colon), secret: text.slice(colon + 1) }
  const decoded = { clientId: formDecode(raw.clientId), secret: formDecode(raw.secret) }
  if (decoded.clientId === undefined || decoded.secret === undefined) return [raw]
  const candidate = { clientId: decoded.clientId, secret: decoded.secret }
  const same = candidate.clientId === raw.clientId && candidate.secret === raw.secret
  return same ? [candidate] : [candidate, raw]
}

/** The `Authorization` header for a client's id and secret, each form-encoded (RFC 6749 §2.3.1). */
export const formatBasic = (clientId: string, secret: string): string =>
  `Basic ${btoa(`${formEncode(clientId)}:${formEncode(secret)}`)}`

/** Encodes only what needs it, because many servers do not decode. The result is ASCII. */
const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
