import { sha256 } from '../lib/hash.ts'
import { randomToken } from '../lib/random.ts'
import { changeGrant, grantKey, readGrant, tombstone, type GrantRecord } from './grant-record.ts'
import { newRecord, type GrantsParts, type NewGrant } from './new-grant.ts'
import { changeUser, readUser, type ListedGrant } from './user-record.ts'

/** A grant as the application and the user see it. */
export interface Grant {
  readonly id: string
  readonly clientId: string
  readonly clientName: string | undefined
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
  /** Seconds since the epoch. */
  readonly created: number
  readonly lastUsed: number
  readonly expires: number
}

/** A remembered consent: the key holds everything that was agreed to, hashed. */
export interface Consent {
  readonly key: string
  readonly clientId: string
  /** Seconds since the epoch. */
  readonly expires: number
}

export interface Grants {
  /** Writes the grant: first the user's list, then the grant itself. The code, or `'taken'` where a grant of this id exists. */
  create(grant: NewGrant): Promise<string | 'taken'>
  /** Whether a grant of this id exists, live or revoked. */
  exists(id: string): Promise<boolean>
  /** The record, unless it is absent, revoked or of an earlier epoch. */
  live(id: string): Promise<GrantRecord | undefined>
  /** Revokes one grant of the user, or all, and forgets the consents that belong to it. */
  revoke(subject: string, id?: string): Promise<void>
  /** Revokes the grant, whoever's it is; nothing happens where there is none. */
  revokeGrant(id: string): Promise<void>
  /** Revokes one access token; a grant has at most 32 of them, then it is revoked as a whole. */
  revokeToken(id: string, jti: string, expires: number): Promise<void>
  /** The user's live grants. */
  list(subject: string): Promise<Grant[]>
  /** Whether the user agreed to exactly this before, and it still holds. */
  isRemembered(subject: string, key: string): Promise<boolean>
  rememberConsent(subject: string, consent: Consent): Promise<void>
}

const maxGrants = 100
const maxConsents = 50
const maxRevokedTokens = 32

export function createGrants(parts: GrantsParts): Grants {
  const { issuer, store, runtime, lifetimes, keys } = parts
  const { clock } = runtime

  const isLive = async (record: GrantRecord | undefined): Promise<boolean> =>
    record?.state === 'live' && record.epoch === (await keys.epoch())

  const live = async (id: string): Promise<GrantRecord | undefined> => {
    const found = await readGrant(store, id)
    return (await isLive(found?.record)) ? found?.record : undefined
  }

  /** Makes room: entries without a living grant go; above the bound, the grant that was unused for longest is revoked. */
  const withRoom = async (subject: string, listed: ListedGrant[]): Promise<ListedGrant[]> => {
    if (listed.length < maxGrants) return listed
    const now = clock()
    const read = await Promise.all(
      listed.map(async (entry) => ({ entry, record: (await readGrant(store, entry.id))?.record })),
    )
    const kept = read
      // A grant that was listed a moment ago may not be written yet.
      .filter(
        ({ entry, record }) => record?.state === 'live' || (!record && entry.created + lifetimes.code > now),
      )
      .sort((a, b) => lastUsed(b.record, b.entry) - lastUsed(a.record, a.entry))
    for (const { entry } of kept.splice(maxGrants - 1)) {
      await bury(entry, subject)
      runtime.event({ type: 'grant.evicted', level: 'warning', issuer, subject, grantId: entry.id })
    }
    return kept.map(({ entry }) => entry)
  }

  /** A tombstone, also where no grant exists yet: so an approval in flight cannot bring one to life. */
  const bury = (entry: ListedGrant, subject: string): Promise<string | undefined> =>
    changeGrant<string | undefined>(store, entry.id, async (record) => {
      if (record?.state === 'revoked') return { result: record.client }
      const { created, expires } = entry
      const none = { client: '', subject, created, expires, epoch: 0 }
      const write = tombstone(record ?? { state: 'revoked', resources: [], scopes: [], ...none })
      return { write, result: record?.client }
    })

  const revoked = (grantId: string, subject: string | undefined, clientId: string | undefined): void =>
    runtime.event({
      type: 'grant.revoked',
      level: 'info',
      issuer,
      grantId,
      ...(subject === undefined ? {} : { subject }),
      ...(clientId === undefined ? {} : { clientId }),
    })

  return {
    live,
    async create(grant) {
      const now = clock()
      const secret = randomToken()
      const record = await newRecord(parts, grant, secret)
      const entry: ListedGrant = {
        id: grant.id,
        ...(record.clientName === undefined ? {} : { clientName: record.clientName }),
        created: now,
        expires: now + lifetimes.refreshAbsolute,
      }
      await changeUser(store, grant.subject, async (user) => {
        if (user.grants.some(({ id }) => id === grant.id)) return user
        return { ...user, grants: [...(await withRoom(grant.subject, user.grants)), entry] }
      })
      const result = await changeGrant<string>(store, grant.id, async (found) => {
        if (found === undefined) return { write: record, result: 'created' }
        return { result: found.code === record.code ? 'created' : 'taken' }
      })
      if (result === 'taken') return 'taken'
      const { id: grantId, clientId, subject } = grant
      runtime.event({ type: 'grant.created', level: 'info', issuer, grantId, clientId, subject })
      return `${grant.id}.${secret}`
    },

    async exists(id) {
      return (await store.get(grantKey(id))) !== undefined
    },

    async revoke(subject, id) {
      const { grants } = await readUser(store, subject)
      const condemned = id === undefined ? grants : grants.filter((each) => each.id === id)
      const clients = await Promise.all(condemned.map((entry) => bury(entry, subject)))
      for (const [i, entry] of condemned.entries()) revoked(entry.id, subject, clients[i])
      const hashes = await Promise.all(clients.map((each) => clientHash(each ?? '')))
      await changeUser(store, subject, (user) => ({
        grants: user.grants.filter((each) => !condemned.some((entry) => entry.id === each.id)),
        consents: id === undefined ? [] : user.consents.filter((each) => !hashes.includes(each.client)),
      }))
    },

    async revokeGrant(id) {
      const found = await changeGrant<GrantRecord | undefined>(store, id, async (record) =>
        record?.state === 'live' ? { write: tombstone(record), result: record } : {},
      )
      if (found !== undefined) revoked(id, found.subject, found.client)
    },

    async revokeToken(id, jti, expires) {
      await changeGrant<void>(store, id, async (record) => {
        if (record?.state !== 'live') return {}
        const now = clock()
        const others = (record.revokedTokens ?? []).filter(([each, until]) => until > now && each !== jti)
        if (others.length >= maxRevokedTokens) return { write: tombstone(record) }
        return { write: { ...record, revokedTokens: [...others, [jti, expires]] } }
      })
    },

    async list(subject) {
      const { grants } = await readUser(store, subject)
      const found = await Promise.all(grants.map(async ({ id }) => ({ id, record: await live(id) })))
      return found.flatMap(({ id, record }) => (record === undefined ? [] : [shown(id, record)]))
    },

    async isRemembered(subject, key) {
      return (await readUser(store, subject)).consents.some((each) => each.key === key)
    },

    async rememberConsent(subject, { key, clientId, expires }) {
      const client = await clientHash(clientId)
      await changeUser(store, subject, (user) => {
        const others = user.consents.filter((each) => each.key !== key)
        return { ...user, consents: [...others, { key, client, expires }].slice(-maxConsents) }
      })
    },
  }
}

const clientHash = async (clientId: string): Promise<string> =>
  (await sha256(clientId, 'client')).slice(0, 22)

const lastUsed = (record: GrantRecord | undefined, entry: { created: number }): number =>
  record?.rotated ?? record?.redeemed ?? entry.created

const shown = (id: string, record: GrantRecord): Grant => ({
  id,
  clientId: record.client,
  clientName: record.clientName,
  resources: record.resources,
  scopes: record.scopes,
  created: record.created,
  lastUsed: lastUsed(record, record),
  expires: record.expires,
})
