import { ConfigurationError, type OAuthError } from '../../errors.ts'
import { utf8 } from '../../lib/bytes.ts'
import { sealedCodec, storedCodec, type SealedCodec } from '../../lib/codec.ts'
import type { Sealer } from '../../lib/sealer.ts'
import { update } from '../../store/update.ts'
import type { StoreRecord } from '../../types.ts'
import type { GrantRecord } from '../grants.ts'
import type { RecordStore } from '../scoped-store.ts'
import { sealContext } from '../seal-context.ts'
import { clientHash, forgetConsents } from './user.ts'

/** What is to happen to a grant: nothing, or a write; then an answer or a refusal. */
export interface Verdict<T> {
  write?: GrantRecord
  refuse?: OAuthError
  result?: T
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
  upstream: 'string?',
})

/** What a record that cannot be read counts as: its code and tokens are refused, and its id stays taken. */
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

/** The record; a damaged one reads as revoked, with an event. Throws UnavailableError. */
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

/** Changes a grant by one conditional write; see `update`. Rejects with the refusal, if `judge` gives one. */
export async function changeGrant<T>(
  store: RecordStore,
  id: string,
  judge: (record: GrantRecord | undefined, mayStand: boolean) => Promise<Verdict<T>>,
): Promise<T> {
  const { refuse, result } = await update<Verdict<T>>(store, grantKey(id), async (found, mayStand) => {
    const record = decode(store, id, found)
    const verdict = await judge(record, mayStand)
    const { write } = verdict
    if (write?.state === 'revoked' && record?.state === 'live') await forget(store, record)
    return {
      ...(write === undefined ? {} : { write: { value: codec.encode(write), expiresAt: write.expires } }),
      result: verdict,
    }
  })
  if (refuse !== undefined) throw refuse
  return result as T
}

/**
 * However a grant ends before its time, nothing is issued in silence to that client any more. First, because a revocation that fails here
 * is tried again.
 */
const forget = async (store: RecordStore, { subject, client }: GrantRecord): Promise<void> =>
  forgetConsents(store, subject, await clientHash(client))

/** What stays of a revoked grant: nobody can bring it back, and nothing of value lies in it. */
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
    ...(clientName === undefined ? {} : { clientName }),
    subject,
    resources: [],
    scopes: [],
    created,
    expires,
    epoch,
  }
}

/** What the application attached to the user, and an upstream's tokens. Any JSON value, so it lies in a record of its own. */
interface Attached {
  value: unknown
}

const attachments: Record<'props' | 'upstream', SealedCodec<Attached>> = {
  props: sealedCodec('seal', storedCodec<Attached>('props', { value: 'any' })),
  upstream: sealedCodec('seal', storedCodec<Attached>('upstream', { value: 'any' })),
}

/** Bytes of JSON that a grant carries at most, for props and for upstream tokens each. */
const maxSealed = 16_000

/** Seals what belongs to a grant; another grant's record cannot be put in its place. */
export async function sealForGrant(
  sealer: Sealer,
  issuer: string,
  grantId: string,
  what: 'props' | 'upstream',
  value: unknown,
): Promise<string> {
  const text = JSON.stringify(value)
  if (text === undefined || utf8(text).length > maxSealed)
    throw new ConfigurationError(`identity.${what}`, `must be JSON of at most ${maxSealed} bytes`)
  return attachments[what].seal(sealer, sealContext(issuer, `${grantId}:${what}`), { value })
}

/** The value, or undefined: tampered with, or sealed for another grant. */
export async function openForGrant(
  sealer: Sealer,
  issuer: string,
  grantId: string,
  what: 'props' | 'upstream',
  sealed: string,
): Promise<Attached | undefined> {
  return attachments[what].open(sealer, sealContext(issuer, `${grantId}:${what}`), sealed)
}
