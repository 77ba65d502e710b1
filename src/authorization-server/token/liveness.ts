import { Lru } from '../../lib/lru.ts'
import { SingleFlight } from '../../lib/single-flight.ts'
import type { Awaitable } from '../../types.ts'
import type { Context } from '../context.ts'
import type { GrantRecord } from '../grants.ts'
import type { AccessToken } from './access-token.ts'

/** A token that is alive. Its grant, if it was read. */
export interface Alive {
  readonly grant: GrantRecord | undefined
}

/**
 * Whether an access token that was verified is alive; undefined if it was revoked. Its key and its epoch are
 * always judged. Unless `maxAge` is false, so are its grant, its client and its own revocation: a grant is
 * read at most once in `maxAge` seconds, or each time if that is 0. Synchronous if nothing has to be read.
 * Rejects with UnavailableError.
 */
export type CheckLiveness = (token: AccessToken, maxAge: number | false) => Awaitable<Alive | undefined>

interface Seen {
  readonly grant: GrantRecord | undefined
  /** Before the grant was read, in seconds since the epoch. */
  readonly at: number
}

/** The one place that decides whether a token is alive, for the guard and for introspection. */
export function createLiveness(context: Context): CheckLiveness {
  const { grants, clients, runtime } = context
  const seen = new Lru<Seen>(10_000)
  const flight = new SingleFlight<Seen>(runtime)

  const readGrant = async (grantId: string, maxAge: number): Promise<GrantRecord | undefined> => {
    if (maxAge === 0) return grants.live(grantId)
    const found = await flight.run(grantId, async () => {
      const at = runtime.clock()
      return { grant: await grants.live(grantId), at }
    })
    seen.set(grantId, found)
    return found.grant
  }

  return (token, maxAge) => {
    const trusted = isTrusted(context, token)
    if (maxAge === false)
      return typeof trusted === 'boolean' ? withoutGrant(trusted) : trusted.then(withoutGrant)
    const { grantId, claims } = token
    const known = seen.get(grantId)
    const fresh = known !== undefined && runtime.clock() - known.at < maxAge ? known : undefined
    const blocked = clients.isBlocked(claims.client_id)
    if (fresh !== undefined && typeof blocked === 'boolean' && typeof trusted === 'boolean')
      return judge(claims.jti, fresh.grant, blocked, trusted)
    const grant = fresh === undefined ? readGrant(grantId, maxAge) : fresh.grant
    return Promise.all([grant, blocked, trusted]).then((found) => judge(claims.jti, ...found))
  }
}

/**
 * Whether the key and the epoch of this token still count; `revokeAll()` ends both. An opaque token has
 * neither, because its grant is always read.
 */
export function isTrusted({ keys }: Context, { kid, claims }: AccessToken): Awaitable<boolean> {
  return kid === undefined || keys.isTrusted(kid, claims.epoch ?? 0)
}

const withoutGrant = (trusted: boolean): Alive | undefined => (trusted ? { grant: undefined } : undefined)

function judge(
  jti: string,
  grant: GrantRecord | undefined,
  blocked: boolean,
  trusted: boolean,
): Alive | undefined {
  if (grant === undefined || blocked || !trusted) return undefined
  return grant.revokedTokens?.some(([each]) => each === jti) ? undefined : { grant }
}
