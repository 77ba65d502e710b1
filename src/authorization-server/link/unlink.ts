import type { UpstreamTokens } from '../../types.ts'
import type { Context } from '../context.ts'
import type { LinkProvider } from './provider.ts'
import { deleteLink, readLink, tokensOf, type LinkRecord } from './record.ts'

/** Ends the link of this user with this provider, and then its tokens at the provider. */
export async function unlink(context: Context, subject: string, provider: LinkProvider): Promise<void> {
  const { issuer, runtime } = context
  const record = await deleteLink(context, subject, provider)
  if (record === undefined) return
  runtime.event({ type: 'account.unlinked', level: 'info', issuer, subject, detail: provider.name })
  revokeInBackground(context, provider, tokensOf(record))
}

/** A link that did not come about: whatever was written of it is undone, and its tokens are revoked. */
export async function undoLink(
  context: Context,
  subject: string,
  provider: LinkProvider,
  link: LinkRecord,
): Promise<void> {
  const tokens = tokensOf(link)
  await deleteLink(context, subject, provider, link).catch(() => undefined)
  const { revocationEndsAll = false } = provider.access
  // The account that stays linked may have the same tokens, or end with them.
  const areNeeded = await readLink(context, subject, provider).then(
    (left) => left !== undefined && (revocationEndsAll || tokensOf(left).accessToken === tokens.accessToken),
    () => revocationEndsAll,
  )
  if (!areNeeded) revokeInBackground(context, provider, tokens)
}

/** The user does not wait for the provider. */
export function revokeInBackground(
  { runtime, signIn }: Context,
  { access, hasSibling }: LinkProvider,
  tokens: UpstreamTokens,
): void {
  // With these providers it would also end what the user has signed in with, or another linked account.
  const signsIn = signIn.upstreams?.some(({ issuer }) => issuer === access.issuer)
  if (access.revocationEndsAll && (signsIn || hasSibling)) return
  const done = access.revoke(tokens, runtime).catch(() => undefined)
  runtime.waitUntil?.(done)
}
