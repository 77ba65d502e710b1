import type { VaultEntry, VaultRecord } from '../../types.ts'
import type { Context } from '../context.ts'
import type { LinkProvider } from './provider.ts'
import { changeLink, type LinkRecord } from './record.ts'

/**
 * The tokens of this linked account, for the provider's `UpstreamAccess`. `read`: what was just read, so that
 * fresh tokens cost no other read.
 */
export function linkVault(
  context: Context,
  subject: string,
  provider: LinkProvider,
  read?: LinkRecord,
): VaultRecord {
  const { issuer, runtime } = context
  let known = read
  return {
    runtime,
    id: `link:${provider.name}:${subject}`,
    about: { issuer, subject },
    async update(judge) {
      if (known !== undefined) {
        const { write, result } = judge(known.tokens as VaultEntry, false)
        known = undefined
        if (write === undefined) return result
      }
      let hasEnded = false
      const result = await changeLink(context, subject, provider, (record, mayStand) => {
        const { write, result } = judge(record && (record.tokens as VaultEntry), mayStand)
        hasEnded = write === null && record !== undefined
        if (record === undefined || !write) return { result, ...(hasEnded ? { write: null } : {}) }
        return { result, write: { ...record, tokens: write } }
      })
      const detail = `${provider.name}: the provider has ended it`
      if (hasEnded) runtime.event({ type: 'account.unlinked', level: 'warning', issuer, subject, detail })
      return result
    },
  }
}
