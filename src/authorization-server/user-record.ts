import { UnavailableError } from '../errors.ts'
import { sha256 } from '../lib/hash.ts'
import { spread } from '../lib/spread.ts'
import type { ExpiringStore } from '../store/contract.ts'

/** A user's grants and remembered consents. Times are seconds since the epoch. */
export interface UserRecord {
  grants: ListedGrant[]
  consents: { key: string; client: string; expires: number }[]
}

export interface ListedGrant {
  id: string
  clientName?: string
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

/** Changes the record on condition that nobody else did meanwhile; expired entries go at each write. */
export async function changeUser(
  store: ExpiringStore,
  subject: string,
  change: (user: UserRecord) => Promise<UserRecord> | UserRecord,
): Promise<void> {
  const key = await keyOf(subject)
  for (let i = 0; i < attempts; i++) {
    const found = await store.get(key)
    const user = await change(unexpired(found && (JSON.parse(found.value) as UserRecord), store.clock()))
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
