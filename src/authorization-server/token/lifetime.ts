import type { Context, Resource } from '../context.ts'
import type { GrantRecord } from '../grants.ts'

type Lifetimes = Context['options']['lifetimes']

/**
 * Token lifetime: when an access token that is issued now expires, in seconds since the epoch. Never after
 * the grant's absolute end.
 */
export function accessTokenExpiry(
  now: number,
  { created }: GrantRecord,
  { lifetime }: Resource,
  { refreshAbsolute }: Lifetimes,
): number {
  return Math.min(Math.floor(now) + lifetime, Math.ceil(created + refreshAbsolute))
}

/**
 * When a refresh token that is issued now expires unless it is used: never after the grant's absolute end.
 */
export function refreshTokenExpiry(
  now: number,
  { created }: GrantRecord,
  { refreshIdle, refreshAbsolute }: Lifetimes,
): number {
  return Math.min(now + refreshIdle, created + refreshAbsolute)
}

/**
 * Whether a refresh token that was rotated may still be presented (refresh grace): its successor may have
 * been lost on the way, or several processes of the client may refresh at once. Afterwards it counts as
 * reuse.
 */
export function isWithinGrace(
  now: number,
  { rotated = 0 }: GrantRecord,
  { refreshGrace }: Lifetimes,
): boolean {
  return now - rotated < refreshGrace
}
