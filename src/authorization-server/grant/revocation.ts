import { defined } from '../../lib/defined.ts'
import type { GrantRecord, Grants } from '../grants.ts'
import type { GrantsParts } from './new-grant.ts'
import { changeGrant, tombstone } from './record.ts'
import { changeUser, readUser, type ListedGrant } from './user.ts'

const maxRevokedTokens = 32

/**
 * Ends grants and tokens before their time. A grant is replaced by a tombstone, which no later write brings
 * back to life. Replays of codes and refresh tokens revoke a grant at the token endpoint, with the same
 * tombstone.
 */
export interface Revocation extends Pick<Grants, 'revoke' | 'revokeGrant' | 'revokeToken'> {
  /** Revokes a listed grant without an event; resolves with its client's id if the grant was written. */
  revokeListed(entry: ListedGrant, subject: string): Promise<string | undefined>
}

export function createRevocation(parts: GrantsParts): Revocation {
  const { issuer, store, runtime } = parts
  const report = (
    grantId: string,
    about: { subject: string; clientId: string | undefined; detail?: string },
  ): void => {
    const level = about.detail === undefined ? 'info' : 'warning'
    runtime.event({ type: 'grant.revoked', level, issuer, grantId, ...defined(about) })
  }

  // Writes a tombstone also if there is no grant yet: an approval in flight then cannot write one.
  const revokeListed: Revocation['revokeListed'] = (entry, subject) =>
    changeGrant<string | undefined>(parts, entry.id, async (record) => {
      if (record?.state === 'revoked') return { result: record.client }
      return { write: tombstone(record ?? unwritten(entry, subject)), result: record?.client }
    })

  return {
    revokeListed,

    async revoke(subject, id) {
      const { grants } = await readUser(store, subject)
      const revoked = id === undefined ? grants : grants.filter((each) => each.id === id)
      if (id === undefined)
        await changeUser(store, subject, (user) =>
          user.consents.length === 0 ? user : { ...user, consents: [] },
        )
      const clients = await Promise.all(revoked.map((entry) => revokeListed(entry, subject)))
      for (const [i, entry] of revoked.entries()) report(entry.id, { subject, clientId: clients[i] })
      await changeUser(store, subject, (user) => ({
        ...user,
        grants: user.grants.filter((each) => !revoked.some((entry) => entry.id === each.id)),
      }))
    },

    async revokeGrant(id) {
      const revoked = await changeGrant<GrantRecord | undefined>(parts, id, async (record) =>
        record?.state === 'live' ? { write: tombstone(record), result: record } : {},
      )
      if (revoked !== undefined) report(id, { subject: revoked.subject, clientId: revoked.client })
    },

    async revokeToken(id, jti, expires) {
      const revoked = await changeGrant<GrantRecord | undefined>(parts, id, async (record) => {
        if (record?.state !== 'live') return {}
        const now = runtime.clock()
        const others = (record.revokedTokens ?? []).filter(([each, until]) => until > now && each !== jti)
        if (others.length >= maxRevokedTokens) return { write: tombstone(record), result: record }
        return { write: { ...record, revokedTokens: [...others, [jti, expires]] } }
      })
      const detail = `more than ${maxRevokedTokens} access tokens revoked one by one`
      if (revoked !== undefined) report(id, { subject: revoked.subject, clientId: revoked.client, detail })
    },
  }
}

const unwritten = ({ created, expires }: ListedGrant, subject: string): GrantRecord => ({
  state: 'revoked',
  client: '',
  subject,
  resources: [],
  scopes: [],
  created,
  expires,
  epoch: 0,
})
