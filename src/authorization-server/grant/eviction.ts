import { defined } from '../../lib/defined.ts'
import type { GrantRecord } from '../grants.ts'
import type { GrantsParts } from './new-grant.ts'
import { isInUse, lastUsed, readGrant } from './record.ts'
import type { Revocation } from './revocation.ts'
import type { ListedGrant } from './user.ts'

export const maxGrants = 100
/** How many grants are revoked at once at the bound: to choose them costs one read per grant. */
const evictedAtOnce = 10

/**
 * The user's list with room for one more grant. Entries without a live grant are dropped. If that is not
 * enough, the client with the most grants loses the one that was unused for longest, so that one client
 * cannot evict the others.
 */
export async function makeRoom(
  { issuer, store, runtime, lifetimes }: GrantsParts,
  revokeListed: Revocation['revokeListed'],
  subject: string,
  listed: ListedGrant[],
): Promise<ListedGrant[]> {
  if (listed.length < maxGrants) return listed
  const now = runtime.clock()
  const read = await Promise.all(
    listed.map(async (entry) => ({ entry, record: await readGrant(store, entry.id) })),
  )
  const isKept = ({ entry, record }: ReadGrant): boolean =>
    isInUse(record, entry.created + lifetimes.code, now)
  const kept = read.filter(isKept).sort((a, b) => lastUsed(a.record, a.entry) - lastUsed(b.record, b.entry))
  while (kept.length > maxGrants - evictedAtOnce) {
    const { entry } = takeFromLargest(kept)
    const clientId = await revokeListed(entry, subject)
    const about = { issuer, subject, grantId: entry.id, ...defined({ clientId }) }
    runtime.event({ type: 'grant.evicted', level: 'warning', ...about })
  }
  return kept.map(({ entry }) => entry)
}

interface ReadGrant {
  readonly entry: ListedGrant
  readonly record: GrantRecord | undefined
}

/** Takes the first grant of the client that has the most. */
function takeFromLargest(kept: ReadGrant[]): ReadGrant {
  const count = (clientId: string | undefined): number =>
    kept.filter(({ record }) => record?.client === clientId).length
  const most = Math.max(...kept.map(({ record }) => count(record?.client)))
  const index = kept.findIndex(({ record }) => count(record?.client) === most)
  return kept.splice(index, 1)[0]!
}
