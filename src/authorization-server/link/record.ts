import { ConfigurationError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { sealedCodec, storedCodec } from '../../lib/codec.ts'
import { update } from '../../store/update.ts'
import type { StoreRecord, UpstreamTokens, VaultEntry } from '../../types.ts'
import type { Context } from '../context.ts'
import { maxAttachment } from '../grant/attachments.ts'
import { isOf } from '../grant/upstream-vault.ts'
import { userPartition } from '../grant/user.ts'
import { sealContext } from '../seal-context.ts'
import type { LinkProvider } from './provider.ts'

/** A linked account as it is stored, sealed as a whole. Times are seconds since the epoch. */
export interface LinkRecord {
  /** The account, as the provider's sign-in names it. */
  account: string
  /** What a person recognises the account by. */
  name?: string
  created: number
  tokens: VaultEntry
}

const codec = sealedCodec(
  'seal',
  storedCodec<LinkRecord>('linked account', {
    account: 'string',
    name: 'string?',
    created: 'number',
    tokens: 'object',
  }),
)

type Place = Pick<LinkProvider, 'name' | 'access'>

/** One record for each user and provider, beside the user's own record. */
const keyOf = async (subject: string, { name }: Place): Promise<string> =>
  `${await userPartition(subject)}:link-${name}`

/**
 * The linked account. A damaged record reads as none, with an event; so does one of another provider that had
 * this name before, which stays until it is replaced. Rejects with UnavailableError.
 */
export const readLink = async (
  context: Context,
  subject: string,
  provider: Place,
): Promise<LinkRecord | undefined> => (await findLink(context, subject, provider)).record

/** As {@link readLink}. `isOld`: a use begins the life of the record anew, see {@link changeLink}. */
export async function findLink(
  context: Context,
  subject: string,
  provider: Place,
): Promise<{ record: LinkRecord | undefined; isOld: boolean }> {
  const key = await keyOf(subject, provider)
  const found = await context.store.get(key)
  return { record: await open(context, subject, { provider, key, found }), isOld: isOld(context, found) }
}

/** In the second half of its life. */
const isOld = ({ options, runtime }: Context, found: StoreRecord | undefined): boolean =>
  (found?.expiresAt ?? Infinity) - runtime.clock() < options.lifetimes.refreshAbsolute / 2

async function open(
  { issuer, sealer, store }: Context,
  subject: string,
  about: { readonly provider: Place; readonly key: string; readonly found: StoreRecord | undefined },
): Promise<LinkRecord | undefined> {
  const { provider, key, found } = about
  if (found === undefined) return undefined
  // The key is authenticated: a record that was copied to another user's key does not open.
  const record = await codec.open(sealer, sealContext(issuer, key), found.value)
  if (record === undefined) store.reportDamage('linked account', { subject })
  return record && isOf(provider.access, tokensOf(record)) ? record : undefined
}

/** What is done with a linked account: a write, a deletion (`null`) or nothing; and the result. */
interface LinkVerdict<T> {
  readonly write?: LinkRecord | null | undefined
  readonly result: T
}

/** The one conditional write of this record. Each write begins its life anew. */
export async function changeLink<T>(
  context: Context,
  subject: string,
  provider: Place,
  judge: (record: LinkRecord | undefined, mayStand: boolean) => Promise<LinkVerdict<T>> | LinkVerdict<T>,
): Promise<T> {
  const { issuer, options, runtime, sealer, store } = context
  const key = await keyOf(subject, provider)
  const life = options.lifetimes.refreshAbsolute
  return update(store, key, async (found, mayStand) => {
    const record = await open(context, subject, { provider, key, found })
    const { write, result } = await judge(record, mayStand)
    if (write === null) return { write: null, result }
    // An account in use does not expire, also if its tokens never have to be renewed.
    const kept = write ?? (isOld(context, found) ? record : undefined)
    if (kept === undefined) return { result }
    const value = await codec.seal(sealer, sealContext(issuer, key), kept)
    return { write: { value, expiresAt: runtime.clock() + life }, result }
  })
}

/** Links the account. Resolves with the tokens of another account that was linked before. */
export async function writeLink(
  context: Context,
  subject: string,
  provider: Place,
  write: LinkRecord,
): Promise<UpstreamTokens | undefined> {
  const size = utf8(JSON.stringify(write.tokens)).length
  if (size > maxAttachment)
    throw new ConfigurationError(
      `linkedAccounts.${provider.name}`,
      `must bring tokens of at most ${maxAttachment} bytes of JSON; got ${size}`,
    )
  return changeLink(context, subject, provider, (before) => ({
    write,
    result: before === undefined || before.account === write.account ? undefined : tokensOf(before),
  }))
}

/** Deletes the record; resolves with what it was. `only`: if this was written, and is there. */
export async function deleteLink(
  context: Context,
  subject: string,
  provider: Place,
  only?: LinkRecord,
): Promise<LinkRecord | undefined> {
  let deleted: LinkRecord | undefined
  return changeLink<LinkRecord | undefined>(context, subject, provider, (record, mayStand) => {
    if (record === undefined && mayStand) return { result: deleted }
    if (only !== undefined && !isSame(record, only)) return { result: undefined }
    deleted = record
    return { write: null, result: record }
  })
}

const isSame = (record: LinkRecord | undefined, { created, tokens }: LinkRecord): boolean =>
  record?.created === created && record.tokens.accessToken === tokens.accessToken

export const tokensOf = ({ tokens }: LinkRecord): UpstreamTokens => tokens
