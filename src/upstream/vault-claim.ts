import { UnavailableError } from '../errors.ts'
import type { VaultEntry, VaultVerdict } from '../types.ts'

/**
 * Tokens are renewed so many seconds ahead of their expiry, and at the earliest at half of their lifetime.
 */
const renewAhead = 60
/**
 * Seconds in which the holder of the lease calls the provider. The lease of a process that died ends by
 * itself.
 */
export const leaseTime = 15
/** A lease that ends later than this was written by an instance whose clock is wrong. */
const tolerance = 5

/** One caller that may want to renew. */
export interface Claimant {
  readonly now: number
  readonly leaseId: string
  /** Until then, in seconds since the epoch, the provider is not asked: a renewal has failed. */
  readonly pausedUntil: number
}

/** What a caller may do with the tokens of a vault. */
export type Claim =
  /** They last a while, or another caller renews them ahead of expiry. */
  | { readonly use: VaultEntry }
  /** This caller holds the lease now. */
  | { readonly renew: VaultEntry }
  /** They have expired, and another caller renews them. */
  | { readonly wait: true }
  /** There are none any more. `lapsed`: this call has found that they cannot be renewed. */
  | { readonly ended: true; readonly lapsed?: VaultEntry }

/**
 * Whether the tokens are used, renewed or waited for; a write takes the lease. Throws UnavailableError if
 * they have expired and the last renewal has just failed.
 */
export function claimTokens(entry: VaultEntry | undefined, claimant: Claimant): VaultVerdict<Claim> {
  if (entry === undefined) return { result: { ended: true } }
  const { now, leaseId, pausedUntil } = claimant
  const expired = isExpired(entry, now)
  if (isFresh(entry, now)) return { result: { use: entry } }
  if (entry.refreshToken === undefined)
    return expired ? { write: null, result: { ended: true, lapsed: entry } } : { result: { use: entry } }
  const isPaused = pausedUntil > now
  if (isPaused && expired)
    throw new UnavailableError('The identity provider cannot be asked at present', {
      retryAfter: Math.ceil(pausedUntil - now),
    })
  const isTaken = isLeased(entry, now) && entry.lease?.id !== leaseId
  if (isPaused || isTaken) return { result: expired ? { wait: true } : { use: entry } }
  return { write: { ...entry, lease: { id: leaseId, until: now + leaseTime } }, result: { renew: entry } }
}

export const isExpired = ({ expiresAt }: VaultEntry, now: number): boolean =>
  expiresAt !== undefined && expiresAt <= now

function isFresh({ expiresAt, renewed }: VaultEntry, now: number): boolean {
  if (expiresAt === undefined) return true
  const lifetime = renewed === undefined ? Infinity : expiresAt - renewed
  return expiresAt - Math.min(renewAhead, lifetime / 2) > now
}

const isLeased = ({ lease }: VaultEntry, now: number): boolean =>
  lease !== undefined && lease.until > now && lease.until <= now + leaseTime + tolerance
