import { randomToken } from '../lib/random.ts'
import type { AuthInfo } from '../types.ts'

/** The owner of a session, from the guard's `auth`. */
export type Principal = Pick<AuthInfo, 'issuer' | 'subject' | 'clientId' | 'resource' | 'token'>

/**
 * The same for a refreshed token, and different for any two principals; as JSON, so that two of them never
 * give the same text. Without a subject all users of a client would be the same, so the token identifies the
 * user.
 */
export function identityOf({ issuer, subject, clientId, resource, token }: Principal): string {
  const owner = !subject ? ['token', token ?? randomToken()] : ['user', subject, clientId]
  return JSON.stringify([issuer, resource.href, ...owner])
}
