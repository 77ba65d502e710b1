import { UnavailableError } from '../errors.ts'
import { sha256 } from '../lib/hash.ts'
import { spread } from '../lib/spread.ts'
import type { ExpiringStore } from '../store/contract.ts'

/** A user's grants and remembered consents. Times are seconds since the epoch. */
export interface UserRecord {
  grants: ListedGrant[]
  consents: RememberedConsent[]
}

/** A consent that is not asked for again. The key is a hash of everything that was agreed to, `client` of the client's id. */
export interface RememberedConsent {
  key: string
  client: string
  clientName?: string
  /** Host of the redirect URI. */
  host: string
  /** A later epoch ends it. */
  epoch: number
  expires: number
}

export interface ListedGrant {
  id: string
  created: number
  expires: number
}

/** A user who approves in many places at once is no attack; each try lets at least one of them through. */
const attempts = 20

const keyOf = async (subject: string): Promise<string> => `u${await sha256(subject, 'user')}:user`

export async function readUser(store: ExpiringStore, subject: string): Promise<UserRecord> {
  const found = await store.get(await keyOf(subject))
  return unexpired(found && (JSON.parse(found.value) as UserRecord), store.clock())
}

/** Ends what the user has agreed to once and for all for this client (a hash of its id). */
export const forgetConsents = (store: ExpiringStore, subject: string, client: string): Promise<void> =>
  changeUser(store, subject, (user) => {
    const consents = user.consents.filter((each) => each.client !== client)
    return consents.length === user.consents.length ? user : { ...user, consents }
  })

export const clientHash = async (clientId: string): Promise<string> =>
  (await sha256(clientId, 'client')).slice(0, 22)

/**
 * Changes the record on condition that nobody else did meanwhile; expired entries go at each write. Nothing is written if `change`
 * returns what it was given.
 */
export async function changeUser(
  store: ExpiringStore,
  subject: string,
  change: (user: UserRecord) => Promise<UserRecord> | UserRecord,
): Promise<void> {
  const key = await keyOf(subject)
  for (let i = 0; i < attempts; i++) {
    const found = await store.get(key)
    const before = unexpired(found && (JSON.parse(found.value) as UserRecord), store.clock())
    const user = await change(before)
    if (user === before) return
    const expiresAt = Math.max(...[...user.grants, ...user.consents].map((each) => each.expires))
    const ifVersion = found?.version ?? null
    if (!Number.isFinite(expiresAt)) {
      if (ifVersion === null || (await store.delete(key, { ifVersion }))) return
    } else if ((await store.put(key, JSON.stringify(user), { ifVersion, expiresAt })) !== undefined) return
    await spread(i)
  }
  throw new UnavailableError('Too many at once; try again')
}

function unexpired(user: UserRecord | undefined, now: number): UserRecord {
  return {
    grants: user?.grants.filter((each) => each.expires > now) ?? [],
    consents: user?.consents.filter((each) => each.expires > now) ?? [],
  }
}
