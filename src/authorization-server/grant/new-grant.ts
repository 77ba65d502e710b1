import { oneLine, type ResolvedRuntime } from '../../lib/runtime.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import type { ClientDirectory } from '../context.ts'
import type { GrantRecord, NewGrant } from '../grants.ts'
import type { KeyRing } from '../keys.ts'
import type { RecordStore } from '../scoped-store.ts'
import { scopesOf } from './access.ts'
import { sealForGrant } from './record.ts'

export interface GrantsParts {
  issuer: string
  store: RecordStore
  sealer: MacSealer
  keys: KeyRing
  clients: Pick<ClientDirectory, 'extendLife'>
  runtime: ResolvedRuntime
  lifetimes: { code: number; refreshAbsolute: number }
}

/** So many seconds the record outlives its approval: between the judgement of the time and the write there are calls that take time. */
const margin = 60

/**
 * The secret of the grant's code under each deployment secret, the first one first. It is computed from all that was approved, so the
 * same approval, sent twice by a double click or a reload, makes the same code, and any other approval of this grant id another one.
 */
export async function codeSecrets({ issuer, sealer }: GrantsParts, grant: NewGrant): Promise<string[]> {
  const { id, clientId, subject, access, redirectUri = null, codeChallenge } = grant
  const approved = [issuer, id, clientId, subject, access, redirectUri, codeChallenge]
  return (await sealer.macs('code', JSON.stringify(approved))).map((mac) => mac.slice(0, 27))
}

/** The record of a grant whose code is not redeemed yet. */
export async function newRecord(
  { issuer, sealer, keys, runtime, lifetimes }: GrantsParts,
  grant: NewGrant,
  codeHash: string,
): Promise<GrantRecord> {
  const now = runtime.clock()
  const codeExpires = now + lifetimes.code
  const resources = Object.keys(grant.access)
  const seal = (what: 'props' | 'upstream', value: unknown): Promise<string> =>
    sealForGrant(sealer, issuer, grant.id, what, value)
  return {
    state: 'live',
    client: grant.clientId,
    ...(grant.clientName === undefined ? {} : { clientName: oneLine(grant.clientName, 80) }),
    subject: grant.subject,
    resources,
    scopes: scopesOf(grant.access),
    ...(resources.length > 1 ? { access: grant.access } : {}),
    created: now,
    expires: Math.max(codeExpires, (grant.repeatableUntil ?? 0) + margin),
    epoch: await keys.epoch(),
    code: codeHash,
    codeExpires,
    ...(grant.redirectUri === undefined ? {} : { redirectUri: grant.redirectUri }),
    challenge: grant.codeChallenge,
    ...(grant.authTime === undefined ? {} : { authTime: grant.authTime }),
    ...(grant.acr === undefined ? {} : { acr: grant.acr }),
    ...(grant.props === undefined ? {} : { props: await seal('props', grant.props) }),
    ...(grant.upstream === undefined ? {} : { upstream: await seal('upstream', grant.upstream) }),
  }
}
