import { defined } from '../../lib/defined.ts'
import { oneLine, type ResolvedRuntime } from '../../lib/runtime.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import type { ClientDirectory } from '../context.ts'
import type { GrantRecord, NewGrant } from '../grants.ts'
import type { KeyRing } from '../keys.ts'
import { sortedChoices } from '../choices.ts'
import { scopesOf } from './access.ts'
import { sealForGrant } from './attachments.ts'
import type { GrantStore } from './record.ts'

export interface GrantsParts extends GrantStore {
  issuer: string
  sealer: MacSealer
  keys: KeyRing
  clients: Pick<ClientDirectory, 'extendLife'>
  runtime: ResolvedRuntime
  lifetimes: { code: number; refreshAbsolute: number }
}

/**
 * Seconds that the record outlives its form: calls that take time lie between the check of the time and the
 * write.
 */
const margin = 60

/**
 * The secret of the grant's code under each deployment secret, the first one first. It is computed from all
 * that was approved: the same approval, sent twice by a double click or a reload, makes the same code, and
 * any other approval with this grant id another one.
 */
export async function codeSecrets({ issuer, sealer }: GrantsParts, grant: NewGrant): Promise<string[]> {
  const { id, clientId, subject, access, redirectUri = null, codeChallenge } = grant
  const approved = [
    issuer,
    id,
    clientId,
    subject,
    access,
    redirectUri,
    codeChallenge,
    ...sortedChoices(grant.choices),
  ]
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
  const seal = async (what: 'props' | 'upstream'): Promise<string | undefined> =>
    grant[what] === undefined ? undefined : sealForGrant(sealer, issuer, grant.id, what, grant[what])
  const [epoch, props, upstream] = await Promise.all([keys.epoch(), seal('props'), seal('upstream')])
  return {
    state: 'live',
    client: grant.clientId,
    subject: grant.subject,
    resources,
    scopes: scopesOf(grant.access),
    created: now,
    expires: Math.max(codeExpires, (grant.repeatableUntil ?? 0) + margin),
    epoch,
    code: codeHash,
    codeExpires,
    challenge: grant.codeChallenge,
    ...defined({
      clientName: grant.clientName === undefined ? undefined : oneLine(grant.clientName, 80),
      access: resources.length > 1 ? grant.access : undefined,
      redirectUri: grant.redirectUri,
      authTime: grant.authTime,
      acr: grant.acr,
      props,
      choices: sortedChoices(grant.choices).length > 0 ? grant.choices : undefined,
      upstream,
    }),
  }
}
