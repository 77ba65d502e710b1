import type { OAuthError } from '../../errors.ts'
import { storedCodec } from '../../lib/codec.ts'
import { defined } from '../../lib/defined.ts'
import { update } from '../../store/update.ts'
import type { StoreRecord } from '../../types.ts'
import type { GrantRecord } from '../grants.ts'
import type { RecordStore } from '../scoped-store.ts'
import { clientHash, forgetConsents } from './user.ts'

/** What happens to a grant: a write or none; then an answer or a refusal. */
export interface Verdict<T> {
  write?: GrantRecord
  refuse?: OAuthError
  result?: T
  /** The provider has ended the upstream tokens, so they are not revoked there. */
  upstreamEnded?: boolean
}

/** What grants are changed with. */
export interface GrantStore {
  readonly store: RecordStore
  /**
   * Revokes the upstream tokens of a grant that was revoked, in the background. Undefined: there are none.
   */
  readonly revokeUpstream: ((grantId: string, revoked: GrantRecord) => void) | undefined
}

const grantKey = (id: string): string => `${id}:grant`

const codec = storedCodec<GrantRecord>('grant', {
  state: 'string',
  client: 'string',
  clientName: 'string?',
  subject: 'string',
  resources: 'strings',
  scopes: 'strings',
  access: 'lists?',
  created: 'number',
  expires: 'number',
  epoch: 'number',
  code: 'string?',
  codeExpires: 'number?',
  redirectUri: 'string?',
  challenge: 'string?',
  redeemed: 'number?',
  series: 'string?',
  current: 'string?',
  previous: 'string?',
  rotated: 'number?',
  generation: 'number?',
  repeats: 'number?',
  repeatedInARow: 'number?',
  revokedTokens: 'pairs?',
  authTime: 'number?',
  acr: 'string?',
  props: 'string?',
  choices: 'object?',
  upstream: 'string?',
})

/** A damaged record counts as this one: its code and tokens are refused, and its id stays taken. */
const damaged: GrantRecord = {
  state: 'revoked',
  client: '',
  subject: '',
  resources: [],
  scopes: [],
  created: 0,
  expires: 0,
  epoch: 0,
}

/** The record. A damaged one reads as revoked, with an event. Rejects with UnavailableError. */
export async function readGrant(store: RecordStore, id: string): Promise<GrantRecord | undefined> {
  return decode(store, id, await store.get(grantKey(id)))
}

function decode(store: RecordStore, id: string, found: StoreRecord | undefined): GrantRecord | undefined {
  if (found === undefined) return undefined
  const record = codec.decode(found.value)
  if (record !== undefined) return record
  store.reportDamage(codec.kind, { grantId: id })
  return damaged
}

/**
 * Changes a grant by one conditional write; see `update`. Rejects with the refusal, if `judge` gives one.
 * `onStanding` is called when the verdict stands, also with a refusal. A grant that it revokes takes its
 * upstream tokens along.
 */
export async function changeGrant<T>(
  { store, revokeUpstream }: GrantStore,
  id: string,
  judge: (record: GrantRecord | undefined, mayStand: boolean) => Promise<Verdict<T>>,
  onStanding?: () => void,
): Promise<T> {
  let revoked: GrantRecord | undefined
  const verdict = await update<Verdict<T>>(store, grantKey(id), async (found, mayStand) => {
    const record = decode(store, id, found)
    const verdict = await judge(record, mayStand)
    const { write } = verdict
    revoked = write?.state === 'revoked' && record?.state === 'live' ? record : undefined
    if (revoked !== undefined) await forgetConsentsOf(store, revoked)
    return {
      ...(write === undefined ? {} : { write: { value: codec.encode(write), expiresAt: write.expires } }),
      result: verdict,
    }
  })
  onStanding?.()
  if (revoked !== undefined && !verdict.upstreamEnded) revokeUpstream?.(id, revoked)
  if (verdict.refuse !== undefined) throw verdict.refuse
  return verdict.result as T
}

/**
 * A revoked grant takes the remembered consents of its client along: the next request asks the user. They are
 * forgotten first, because a revocation that fails here is tried again.
 */
const forgetConsentsOf = async (store: RecordStore, { subject, client }: GrantRecord): Promise<void> =>
  forgetConsents(store, subject, await clientHash(client))

/** What remains of a revoked grant. It keeps the id taken until the grant would have ended. */
export function tombstone({
  client,
  clientName,
  subject,
  created,
  expires,
  epoch,
}: GrantRecord): GrantRecord {
  return {
    state: 'revoked',
    client,
    ...defined({ clientName }),
    subject,
    resources: [],
    scopes: [],
    created,
    expires,
    epoch,
  }
}

/** Whether the code was not redeemed in time. Such a grant is of no use any more. */
export const isUnredeemed = ({ redeemed, codeExpires }: GrantRecord, now: number): boolean =>
  redeemed === undefined && codeExpires !== undefined && codeExpires <= now

/**
 * Whether a listed grant may still be used. The list is written first, so the grant of a new entry may be on
 * its way until its code expires.
 */
export const isInUse = (record: GrantRecord | undefined, codeExpires: number, now: number): boolean =>
  record === undefined ? codeExpires > now : record.state === 'live' && !isUnredeemed(record, now)

export const lastUsed = (record: GrantRecord | undefined, entry: { created: number }): number =>
  record?.rotated ?? record?.redeemed ?? entry.created
