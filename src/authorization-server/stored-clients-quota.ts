import { OAuthError, UnavailableError } from '../errors.ts'
import type { ResolvedRuntime } from '../lib/runtime.ts'
import { spread } from '../lib/spread.ts'
import type { ExpiringStore } from '../store/contract.ts'

/** How many strangers may leave a record in the store. */
export interface Quota {
  /** Takes one; rejects with 429 and `Retry-After` where none is left. */
  take(): Promise<void>
}

interface Window {
  until: number
  count: number
}

/** Registrations in a window of so many seconds, of all instances together: with their 24 hours they bound what the store holds. */
export const registrationQuota = 1000
const period = 3600
/** So many may register at the same moment. */
const attempts = 20
const key = 'registrations:quota'

export function createQuota(store: ExpiringStore, runtime: ResolvedRuntime): Quota {
  const { clock } = store
  return {
    async take() {
      for (let i = 0; i < attempts; i++) {
        const found = await store.get(key)
        const window = found === undefined ? newWindow(clock()) : (JSON.parse(found.value) as Window)
        if (window.count >= registrationQuota) throw refuse(runtime, window.until - clock())
        const next = JSON.stringify({ ...window, count: window.count + 1 } satisfies Window)
        const options = { ifVersion: found?.version ?? null, expiresAt: window.until }
        if ((await store.put(key, next, options)) !== undefined) return
        await spread(i)
      }
      throw new UnavailableError('Too many register at once; try again')
    },
  }
}

const newWindow = (now: number): Window => ({ until: now + period, count: 0 })

function refuse(runtime: ResolvedRuntime, retryAfter: number): OAuthError {
  runtime.event({ type: 'rate.limited', level: 'warning', status: 429, detail: 'registrations' })
  return new OAuthError('temporarily_unavailable', 'Too many clients have registered; try again later', {
    status: 429,
    retryAfter,
  })
}
