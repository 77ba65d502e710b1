import { OAuthError } from '../../errors.ts'
import { createCallers } from '../../http/caller.ts'
import { sha256 } from '../../lib/hash.ts'
import { storedCodec } from '../../lib/codec.ts'
import type { NewEvent, ResolvedRuntime } from '../../lib/runtime.ts'
import { update } from '../../store/update.ts'
import type { RecordStore } from '../scoped-store.ts'

/** Limits how many clients may be stored. */
export interface Quota {
  /**
   * Counts one registration. Rejects with 429 and `Retry-After` if none is left for this caller or for all.
   */
  take(request: Request): Promise<void>
}

interface Window {
  until: number
  count: number
}

const codec = storedCodec<Window>('quota', { until: 'number', count: 'number' })

/**
 * Registrations per window, of all instances together. As an unapproved client lives 24 hours, this limits
 * what the store holds.
 */
export const registrationQuota = 1000
/** The most registrations of one caller per window, so that one caller cannot use up those of all. */
export const registrationShare = 200
const period = 3600
/** Tries of the conditional write: so many clients may register at the same time. */
const attempts = 20
const forAll = 'registrations:quota'

export function createQuota(issuer: string, store: RecordStore, runtime: ResolvedRuntime): Quota {
  const { clock } = store
  const findCaller = createCallers(runtime)

  const takeOne = (request: Request, key: string, most: number, detail: string): Promise<void> =>
    update<void>(
      store,
      key,
      (found) => {
        const known = found && codec.decode(found.value)
        if (found !== undefined && known === undefined) store.reportDamage(codec.kind, {})
        const window = known ?? newWindow(clock())
        if (window.count >= most)
          throw refuse(runtime, window.until - clock(), {
            issuer,
            detail,
            address: runtime.clientAddress(request),
          })
        const value = codec.encode({ ...window, count: window.count + 1 })
        return { write: { value, expiresAt: window.until }, result: undefined }
      },
      { attempts },
    )

  return {
    async take(request) {
      const caller = findCaller(request)
      if (caller !== undefined)
        await takeOne(
          request,
          `s${await sha256(caller.site, 'caller')}:quota`,
          registrationShare,
          'registrations of one caller',
        )
      await takeOne(request, forAll, registrationQuota, 'registrations')
    },
  }
}

const newWindow = (now: number): Window => ({ until: now + period, count: 0 })

function refuse(
  runtime: ResolvedRuntime,
  duration: number,
  about: Pick<NewEvent, 'issuer' | 'address' | 'detail'>,
): OAuthError {
  runtime.event({ type: 'rate.limited', level: 'warning', status: 429, duration, ...about })
  return new OAuthError('temporarily_unavailable', 'Too many clients have registered; try again later', {
    status: 429,
    retryAfter: duration,
  })
}
