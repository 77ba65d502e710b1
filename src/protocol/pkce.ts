import { sha256 } from '../lib/hash.ts'

/** Whether this can be an S256 challenge (RFC 7636 §4.2): 43 characters of base64url. */
export const isCodeChallenge = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

/** Whether this can be a verifier (RFC 7636 §4.1): 43 to 128 unreserved characters. */
export const isCodeVerifier = (text: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(text)

/** The S256 challenge of a verifier (RFC 7636 §4.2). */
export const s256 = (verifier: string): Promise<string> => sha256(verifier)
