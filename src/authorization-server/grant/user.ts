import { sha256 } from '../../lib/hash.ts'
import { hasShape, storedCodec, type Shape } from '../../lib/codec.ts'
import { update, type Verdict } from '../../store/update.ts'
import type { StoreRecord } from '../../types.ts'
import type { RememberedConsent } from '../grants.ts'
import type { RecordStore } from '../scoped-store.ts'

/** A user's grants and remembered consents. Times are seconds since the epoch. */
export interface UserRecord {
  grants: ListedGrant[]
  consents: RememberedConsent[]
}

export interface ListedGrant {
  id: string
  created: number
  expires: number
}

const codec = storedCodec<UserRecord>('user', { grants: 'list', consents: 'list' })
const grantShape: Shape<ListedGrant> = { id: 'string', created: 'number', expires: 'number' }
const consentShape: Shape<RememberedConsent> = {
  key: 'string',
  client: 'string',
  clientName: 'string?',
  host: 'string',
  choices: 'object?',
  epoch: 'number',
  expires: 'number',
}

/** A user may approve in many places at once; each try lets at least one of them through. */
const attempts = 20

/** What lies together: the user's own record, and one for each linked account. */
export const userPartition = async (subject: string): Promise<string> => `u${await sha256(subject, 'user')}`

const keyOf = async (subject: string): Promise<string> => `${await userPartition(subject)}:user`

export async function readUser(store: RecordStore, subject: string): Promise<UserRecord> {
  return decode(store, subject, await store.get(await keyOf(subject)))
}

/** Forgets the remembered consents for this client, which is named by the hash of its id. */
export const forgetConsents = (store: RecordStore, subject: string, client: string): Promise<void> =>
  changeUser(store, subject, (user) => {
    const consents = user.consents.filter((each) => each.client !== client)
    return consents.length === user.consents.length ? user : { ...user, consents }
  })

export const clientHash = async (clientId: string): Promise<string> =>
  (await sha256(clientId, 'client')).slice(0, 22)

/**
 * Changes the record by one conditional write, which drops expired entries. If `change` returns what it was
 * given, nothing is written.
 */
export async function changeUser(
  store: RecordStore,
  subject: string,
  change: (user: UserRecord) => Promise<UserRecord> | UserRecord,
): Promise<void> {
  const judge = async (found: StoreRecord | undefined): Promise<Verdict<undefined>> => {
    const before = decode(store, subject, found)
    const user = await change(before)
    return user === before ? { result: undefined } : writeOf(user)
  }
  await update(store, await keyOf(subject), judge, { attempts })
}

function writeOf(user: UserRecord): Verdict<undefined> {
  const expiresAt = Math.max(...[...user.grants, ...user.consents].map((each) => each.expires))
  const write = Number.isFinite(expiresAt) ? { value: codec.encode(user), expiresAt } : null
  return { write, result: undefined }
}

/** Without expired entries. A damaged record is rebuilt from the entries that can be read, with an event. */
function decode(store: RecordStore, subject: string, found: StoreRecord | undefined): UserRecord {
  if (found === undefined) return { grants: [], consents: [] }
  const { grants = [], consents = [] } = codec.decode(found.value) ?? {}
  const user: UserRecord = {
    grants: grants.filter((each) => hasShape(each, grantShape)),
    consents: consents.filter((each) => hasShape(each, consentShape)),
  }
  const read = user.grants.length + user.consents.length
  // A record without an entry is never written.
  if (read === 0 || read < grants.length + consents.length) store.reportDamage(codec.kind, { subject })
  const now = store.clock()
  return {
    grants: user.grants.filter((each) => each.expires > now),
    consents: user.consents.filter((each) => each.expires > now),
  }
}
