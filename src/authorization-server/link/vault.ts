import type { VaultRecord } from '../../types.ts'
import type { Context } from '../context.ts'
import type { LinkProvider } from './provider.ts'
import { changeLink, type LinkRecord } from './record.ts'

/**
 * The tokens of this linked account, for the provider's `UpstreamAccess`. If another account replaces it, the
 * vault has ended: its renewed tokens do not count any more. `isOld`: see {@link changeLink}; otherwise fresh
 * tokens cost no other read.
 */
export function linkVault(
  context: Context,
  subject: string,
  provider: LinkProvider,
  { record: read, isOld }: { readonly record: LinkRecord; readonly isOld: boolean },
): VaultRecord {
  const { issuer, runtime } = context
  const { account } = read
  let known = isOld ? undefined : read
  return {
    runtime,
    // One reading: another pair of user and account must never wait for this one's tokens.
    id: JSON.stringify(['link', provider.name, subject, account]),
    about: { issuer, subject },
    async update(judge) {
      if (known !== undefined) {
        const { write, result } = judge(known.tokens, false)
        known = undefined
        if (write === undefined) return result
      }
      let hasEnded = false
      const result = await changeLink(context, subject, provider, (found, mayStand) => {
        const record = found?.account === account ? found : undefined
        const { write, result } = judge(record?.tokens, mayStand)
        hasEnded = write === null && record !== undefined
        if (record === undefined || !write) return { result, ...(hasEnded ? { write: null } : {}) }
        return { result, write: { ...record, tokens: { ...write, issuer: provider.access.issuer } } }
      })
      const detail = `${provider.name}: the provider has ended it`
      if (hasEnded) runtime.event({ type: 'account.unlinked', level: 'warning', issuer, subject, detail })
      return result
    },
  }
}
