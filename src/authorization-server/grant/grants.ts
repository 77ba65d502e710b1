import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import type { Grant, GrantRecord, Grants, NewGrant, RememberedConsent } from '../grants.ts'
import { codeSecrets, newRecord, type GrantsParts } from './new-grant.ts'
import { changeGrant, readGrant, tombstone } from './record.ts'
import { changeUser, clientHash, readUser, type ListedGrant } from './user.ts'

const maxGrants = 100
/** How many go at once at the bound: finding them costs a read per grant. */
const evictedAtOnce = 10
const maxConsents = 50
const maxRevokedTokens = 32

export function createGrants(parts: GrantsParts): Grants {
  const { issuer, store, runtime, lifetimes, keys, clients } = parts
  const { clock } = runtime

  const isLive = async (record: GrantRecord | undefined): Promise<boolean> =>
    record?.state === 'live' && record.epoch === (await keys.epoch(record.epoch))

  const live = async (id: string): Promise<GrantRecord | undefined> => {
    const found = await readGrant(store, id)
    return (await isLive(found)) ? found : undefined
  }

  /**
   * Makes room, in batches: entries without a living grant go; if that is not enough, the client with the most grants loses the one that
   * was unused for longest, so that no client spends what the others need.
   */
  const withRoom = async (subject: string, listed: ListedGrant[]): Promise<ListedGrant[]> => {
    if (listed.length < maxGrants) return listed
    const now = clock()
    const read = await Promise.all(
      listed.map(async (entry) => ({ entry, record: await readGrant(store, entry.id) })),
    )
    const kept = read
      .filter(({ entry, record }) =>
        record === undefined
          ? // A grant that was listed a moment ago may not be written yet.
            entry.created + lifetimes.code > now
          : record.state === 'live' && !isForfeit(record, now),
      )
      .sort((a, b) => lastUsed(a.record, a.entry) - lastUsed(b.record, b.entry))
    const count = (clientId: string | undefined): number =>
      kept.filter(({ record }) => record?.client === clientId).length
    while (kept.length > maxGrants - evictedAtOnce) {
      const most = Math.max(...kept.map(({ record }) => count(record?.client)))
      const [gone] = kept.splice(
        kept.findIndex(({ record }) => count(record?.client) === most),
        1,
      )
      const { id: grantId } = gone!.entry
      const clientId = await bury(gone!.entry, subject)
      const client = clientId === undefined ? {} : { clientId }
      runtime.event({ type: 'grant.evicted', level: 'warning', issuer, subject, grantId, ...client })
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

  const revoked = (
    grantId: string,
    subject: string | undefined,
    clientId: string | undefined,
    detail?: string,
  ): void =>
    runtime.event({
      type: 'grant.revoked',
      level: detail === undefined ? 'info' : 'warning',
      issuer,
      ...(detail === undefined ? {} : { detail }),
      grantId,
      ...(subject === undefined ? {} : { subject }),
      ...(clientId === undefined ? {} : { clientId }),
    })

  return {
    live,
    async create(grant) {
      // Before the grant is written: the client must not expire before the grants that it has.
      await clients.extendLife(grant.clientId)
      const now = clock()
      const secrets = await codeSecrets(parts, grant)
      const hashes = await Promise.all(secrets.map((each) => sha256(each, 'code')))
      const record = await newRecord(parts, grant, hashes[0]!)
      const entry: ListedGrant = {
        id: grant.id,
        created: now,
        expires: now + lifetimes.refreshAbsolute,
      }
      const consent = await newConsent(grant, record)
      await changeUser(store, grant.subject, async (user) => {
        if (user.grants.some(({ id }) => id === grant.id)) return user
        const grants = [...(await withRoom(grant.subject, user.grants)), entry]
        const others = user.consents.filter(({ key }) => key !== consent?.key)
        return {
          grants,
          consents: [...others, ...(consent === undefined ? [] : [consent])].slice(-maxConsents),
        }
      })
      const made = await changeGrant<{ secret?: string; repeated?: boolean }>(
        store,
        grant.id,
        async (found, mayStand) => {
          if (found === undefined) return { write: record, result: { secret: secrets[0]! } }
          const index = hashes.findIndex((each) => constantTimeEqual(each, found.code ?? ''))
          const waits = found.redeemed === undefined && found.codeExpires! > clock() && (await isLive(found))
          return { result: index < 0 || !waits ? {} : { secret: secrets[index]!, repeated: !mayStand } }
        },
      )
      if (made.secret === undefined) return 'taken'
      const type = made.repeated ? 'approval.repeated' : 'grant.created'
      const { id: grantId, clientId, subject } = grant
      runtime.event({ type, level: 'info', issuer, grantId, clientId, subject })
      return made.secret
    },

    async exists(id) {
      return (await readGrant(store, id)) !== undefined
    },

    async revoke(subject, id) {
      const { grants } = await readUser(store, subject)
      const ending = id === undefined ? grants : grants.filter((each) => each.id === id)
      if (id === undefined)
        await changeUser(store, subject, (user) =>
          user.consents.length === 0 ? user : { ...user, consents: [] },
        )
      const clients = await Promise.all(ending.map((entry) => bury(entry, subject)))
      for (const [i, entry] of ending.entries()) revoked(entry.id, subject, clients[i])
      await changeUser(store, subject, (user) => ({
        ...user,
        grants: user.grants.filter((each) => !ending.some((entry) => entry.id === each.id)),
      }))
    },

    async revokeGrant(id) {
      const found = await changeGrant<GrantRecord | undefined>(store, id, async (record) =>
        record?.state === 'live' ? { write: tombstone(record), result: record } : {},
      )
      if (found !== undefined) revoked(id, found.subject, found.client)
    },

    async revokeToken(id, jti, expires) {
      const ended = await changeGrant<GrantRecord | undefined>(store, id, async (record) => {
        if (record?.state !== 'live') return {}
        const now = clock()
        const others = (record.revokedTokens ?? []).filter(([each, until]) => until > now && each !== jti)
        if (others.length >= maxRevokedTokens) return { write: tombstone(record), result: record }
        return { write: { ...record, revokedTokens: [...others, [jti, expires]] } }
      })
      if (ended !== undefined)
        revoked(
          id,
          ended.subject,
          ended.client,
          `more than ${maxRevokedTokens} access tokens revoked one by one`,
        )
    },

    async list(subject) {
      const { grants } = await readUser(store, subject)
      const now = clock()
      const found = await Promise.all(grants.map(async ({ id }) => ({ id, record: await live(id) })))
      return found.flatMap(({ id, record }) =>
        record === undefined || isForfeit(record, now) ? [] : [shown(id, record)],
      )
    },

    async consents(subject) {
      const { consents } = await readUser(store, subject)
      const epoch = await keys.epoch(Math.max(0, ...consents.map((each) => each.epoch)))
      return consents.filter((each) => each.epoch === epoch)
    },

    forgetConsent: (subject, key) =>
      changeUser(store, subject, (user) => ({
        ...user,
        consents: user.consents.filter((each) => each.key !== key),
      })),
  }
}

async function newConsent(
  { clientId, consent }: NewGrant,
  { clientName, epoch }: GrantRecord,
): Promise<RememberedConsent | undefined> {
  if (consent === undefined) return undefined
  const name = clientName === undefined ? {} : { clientName }
  return { ...consent, ...name, client: await clientHash(clientId), epoch }
}

/** Its code was not redeemed in time, so nothing comes of it any more. */
const isForfeit = ({ redeemed, codeExpires }: GrantRecord, now: number): boolean =>
  redeemed === undefined && codeExpires !== undefined && codeExpires <= now

const lastUsed = (record: GrantRecord | undefined, entry: { created: number }): number =>
  record?.rotated ?? record?.redeemed ?? entry.created

const shown = (id: string, record: GrantRecord): Grant => ({
  id,
  clientId: record.client,
  clientName: record.clientName,
  resources: record.resources,
  scopes: record.scopes,
  access: record.access ?? Object.fromEntries(record.resources.map((each) => [each, record.scopes])),
  created: record.created,
  lastUsed: lastUsed(record, record),
  expires: record.expires,
})
