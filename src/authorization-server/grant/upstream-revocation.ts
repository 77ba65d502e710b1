import type { MacSealer } from '../../lib/mac-sealer.ts'
import type { ResolvedRuntime } from '../../lib/runtime.ts'
import type { UpstreamAccess } from '../../types.ts'
import type { RecordStore } from '../scoped-store.ts'
import { isInUse, readGrant, type GrantStore } from './record.ts'
import { accessTo, isOf, openTokens } from './upstream-vault.ts'
import { readUser } from './user.ts'

interface Parts {
  readonly issuer: string
  readonly store: RecordStore
  readonly sealer: MacSealer
  readonly runtime: ResolvedRuntime
  readonly lifetimes: { readonly code: number }
  readonly upstreams: readonly UpstreamAccess[]
  /** Whether the user has a linked account at this provider. */
  readonly isLinked: (subject: string, issuer: string) => Promise<boolean> | undefined
}

/**
 * Revokes the upstream tokens of a grant that was revoked, once and in the background: if the process dies
 * before, they live on until the provider ends them.
 */
export function createUpstreamRevocation(parts: Parts): NonNullable<GrantStore['revokeUpstream']> {
  const { runtime, store, lifetimes, upstreams } = parts

  /** Whether neither another grant nor a linked account of the user needs tokens of this provider. */
  const isLast = async (subject: string, access: UpstreamAccess): Promise<boolean> => {
    if (await parts.isLinked(subject, access.issuer)) return false
    const { grants } = await readUser(store, subject)
    const needed = grants.map(async ({ id, created }) => {
      const grant = await readGrant(store, id)
      if (!isInUse(grant, created + lifetimes.code, runtime.clock())) return false
      if (grant === undefined) return true
      const tokens = await openTokens(parts, id, grant)
      return tokens !== undefined && isOf(access, tokens)
    })
    return !(await Promise.all(needed)).includes(true)
  }

  return (grantId, revoked) => {
    const revoke = async (): Promise<void> => {
      const tokens = await openTokens(parts, grantId, revoked)
      const access = tokens && accessTo(upstreams, tokens)
      if (access === undefined) return
      if (access.revocationEndsAll && !(await isLast(revoked.subject, access))) return
      await access.revoke(tokens!, runtime)
    }
    const work = revoke().catch((error: unknown) => runtime.failed(error, 'signIn.upstreams'))
    runtime.waitUntil?.(work)
  }
}
