import { base64url } from './bytes.ts'

/** 160 bits unless told, as base64url: nothing to reject, no bias. */
export const randomToken = (bytes = 20): string => base64url(crypto.getRandomValues(new Uint8Array(bytes)))
