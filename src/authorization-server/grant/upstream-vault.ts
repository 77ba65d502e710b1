import { OAuthError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import type {
  ExchangeTarget,
  UpstreamAccess,
  UpstreamToken,
  UpstreamTokens,
  VaultEntry,
  VaultRecord,
} from '../../types.ts'
import type { Context } from '../context.ts'
import type { GrantRecord } from '../grants.ts'
import { maxTokens, openForGrant, sealForGrant } from './attachments.ts'
import { changeGrant, tombstone } from './record.ts'

/**
 * A fresh access token of the provider that the user signed in with; undefined if the grant has none, or none
 * of the provider with this name. Rejects with UnavailableError, and with `invalid_grant` if the user has to
 * sign in again.
 */
export async function upstreamToken(
  context: Context,
  grantId: string,
  grant: GrantRecord,
  provider?: string,
): Promise<UpstreamToken | undefined> {
  const found = await openUpstream(context, grantId, grant)
  if (found === undefined) return undefined
  const { tokens, access, vault } = found
  if (provider !== undefined && access?.provider !== provider) return undefined
  if (access !== undefined) return access.token(vault)
  const { accessToken, expiresAt, scopes, issuer } = tokens
  // A provider that is not configured cannot be asked whether the user still has an account there.
  if (issuer === undefined || expiresAt === undefined || expiresAt > context.runtime.clock())
    return { accessToken, ...defined({ expiresAt, scopes }) }
  throw signInAgain()
}

/**
 * A token for another API by the tokens of the sign-in; undefined if the grant has none, or if their provider
 * offers no exchange. Rejects as {@link upstreamToken} does, and as the provider's exchange.
 */
export async function exchangeUpstream(
  context: Context,
  grantId: string,
  grant: GrantRecord,
  target: ExchangeTarget,
): Promise<UpstreamToken | undefined> {
  const found = await openUpstream(context, grantId, grant)
  return found?.access?.exchange?.(found.vault, target)
}

interface GrantUpstream {
  readonly tokens: VaultEntry
  /** Undefined if the provider is not configured. */
  readonly access: UpstreamAccess | undefined
  readonly vault: VaultRecord
}

/** Undefined if the grant has no tokens. */
async function openUpstream(
  context: Context,
  grantId: string,
  grant: GrantRecord,
): Promise<GrantUpstream | undefined> {
  if (grant.upstream === undefined) return undefined
  const tokens = await openTokens(context, grantId, grant)
  if (tokens === undefined) {
    context.store.reportDamage('upstream', { grantId })
    throw signInAgain()
  }
  const access = accessTo(context.signIn.upstreams, tokens)
  return { tokens, access, vault: createVault(context, grantId, grant, tokens) }
}

/** The grant, or what the user signed in with, has ended. */
export const signInAgain = (): OAuthError => new OAuthError('invalid_grant', 'The user has to sign in again')

/** What is done with these tokens, if their provider is configured. */
export const accessTo = (
  upstreams: readonly UpstreamAccess[] | undefined,
  tokens: UpstreamTokens,
): UpstreamAccess | undefined => upstreams?.find((each) => isOf(each, tokens))

/**
 * Whether these tokens are of this provider. One issuer may have several clients, and the tokens of one are
 * never sent with the credentials of another, nor to another issuer that has the same name now.
 */
export const isOf = (
  access: Pick<UpstreamAccess, 'issuer' | 'provider'>,
  { issuer, provider = access.provider }: UpstreamTokens,
): boolean => issuer === access.issuer && provider === access.provider

/** The tokens of a grant; undefined if there are none, or they were tampered with or are another grant's. */
export async function openTokens(
  { issuer, sealer }: Pick<Context, 'issuer' | 'sealer'>,
  grantId: string,
  { upstream = '' }: GrantRecord,
): Promise<VaultEntry | undefined> {
  return (await openForGrant(sealer, issuer, grantId, 'upstream', upstream))?.value as VaultEntry | undefined
}

/**
 * The grant's tokens for their provider. `read`: what was just read, so that fresh tokens cost no other
 * read.
 */
function createVault(
  context: Context,
  grantId: string,
  { client: clientId, subject }: GrantRecord,
  read: VaultEntry,
): VaultRecord {
  const { issuer, keys, runtime, sealer } = context
  const about = { issuer, grantId, clientId, subject }
  let known: VaultEntry | undefined = read
  return {
    runtime,
    id: grantId,
    about,
    async update(judge) {
      if (known !== undefined) {
        const { write, result } = judge(known, false)
        known = undefined
        if (write === undefined) return result
      }
      return changeGrant(context, grantId, async (grant, mayStand) => {
        const isLive = grant?.state === 'live' && grant.epoch === (await keys.epoch(grant.epoch))
        const entry = isLive ? await openTokens(context, grantId, grant) : undefined
        const { write, result } = judge(entry, mayStand)
        if (write === undefined || entry === undefined) return { result }
        if (write === null) return { write: tombstone(grant!), result, upstreamEnded: true }
        const upstream = await sealForGrant(sealer, issuer, grantId, 'upstream', write, undefined, maxTokens)
        return { write: { ...grant!, upstream }, result }
      })
    },
  }
}
