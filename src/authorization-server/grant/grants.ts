import { defined } from '../../lib/defined.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import type { Grant, GrantRecord, Grants, NewGrant, RememberedConsent } from '../grants.ts'
import { makeRoom } from './eviction.ts'
import { codeSecrets, newRecord, type GrantsParts } from './new-grant.ts'
import { changeGrant, isUnredeemed, lastUsed, readGrant } from './record.ts'
import { createRevocation } from './revocation.ts'
import { changeUser, clientHash, readUser, type ListedGrant } from './user.ts'

const maxConsents = 50

export function createGrants(parts: GrantsParts): Grants {
  const { issuer, store, runtime, lifetimes, keys, clients } = parts
  const { clock } = runtime
  const { revokeListed, ...revocation } = createRevocation(parts)

  const isLive = async (record: GrantRecord | undefined): Promise<boolean> =>
    record?.state === 'live' && record.epoch === (await keys.epoch(record.epoch))

  const live = async (id: string): Promise<GrantRecord | undefined> => {
    const found = await readGrant(store, id)
    return (await isLive(found)) ? found : undefined
  }

  /** Adds the grant to the user's list. Before the grant is written: a live grant is never missing there. */
  const list = async (grant: NewGrant, record: GrantRecord): Promise<void> => {
    const { id, subject } = grant
    const entry: ListedGrant = {
      id,
      created: record.created,
      expires: record.created + lifetimes.refreshAbsolute,
    }
    const consent = await newConsent(grant, record)
    await changeUser(store, subject, async (user) => {
      if (user.grants.some((each) => each.id === id)) return user
      const grants = [...(await makeRoom(parts, revokeListed, subject, user.grants)), entry]
      const others = user.consents.filter(({ key }) => key !== consent?.key)
      const consents = consent === undefined ? others : [...others, consent]
      return { grants, consents: consents.slice(-maxConsents) }
    })
  }

  return {
    ...revocation,
    live,

    async create(grant) {
      // First: a client must not expire before a grant that it has.
      await clients.extendLife(grant.clientId)
      const secrets = await codeSecrets(parts, grant)
      const hashes = await Promise.all(secrets.map((each) => sha256(each, 'code')))
      const record = await newRecord(parts, grant, hashes[0]!)
      await list(grant, record)
      const made = await changeGrant<{ secret?: string; isRepeated?: boolean }>(
        parts,
        grant.id,
        async (found, mayStand) => {
          if (found === undefined) return { write: record, result: { secret: secrets[0]! } }
          // The same form again, by a double click or a reload: the same code, as long as it is not used.
          const index = hashes.findIndex((each) => constantTimeEqual(each, found.code ?? ''))
          const isUsable =
            found.redeemed === undefined && found.codeExpires! > clock() && (await isLive(found))
          return { result: index < 0 || !isUsable ? {} : { secret: secrets[index]!, isRepeated: !mayStand } }
        },
      )
      if (made.secret === undefined) return 'taken'
      const type = made.isRepeated ? 'approval.repeated' : 'grant.created'
      const { id: grantId, clientId, subject } = grant
      runtime.event({ type, level: 'info', issuer, grantId, clientId, subject })
      return made.secret
    },

    async exists(id) {
      return (await readGrant(store, id)) !== undefined
    },

    async list(subject) {
      const { grants } = await readUser(store, subject)
      const now = clock()
      const found = await Promise.all(grants.map(async ({ id }) => ({ id, record: await live(id) })))
      return found.flatMap(({ id, record }) =>
        record === undefined || isUnredeemed(record, now) ? [] : [publicGrant(id, record)],
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
  return { ...consent, ...defined({ clientName }), client: await clientHash(clientId), epoch }
}

const publicGrant = (id: string, record: GrantRecord): Grant => ({
  id,
  clientId: record.client,
  clientName: record.clientName,
  resources: record.resources,
  scopes: record.scopes,
  access: record.access ?? Object.fromEntries(record.resources.map((each) => [each, record.scopes])),
  choices: record.choices ?? {},
  created: record.created,
  lastUsed: lastUsed(record, record),
  expires: record.expires,
})
