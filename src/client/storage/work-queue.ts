import { within } from '../../lib/within.ts'

/**
 * How often running work shows that it is alive, in milliseconds; and after how many silent seconds it counts
 * as abandoned.
 */
const heartbeat = 5000
const silence = 20

interface QueuedWork {
  settled: Promise<unknown>
  heartbeats: number
  /** The work that this one waits for. */
  before: QueuedWork | undefined
}

/**
 * A queue per key within this process. On Workers, work stops without settling when its request ends, and its
 * heartbeat stops with it, so it does not block those behind it. Work that is alive is waited for, however
 * long it takes: a user may be busy.
 */
export function createWorkQueue(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, QueuedWork>()
  return async (key, work) => {
    const own: QueuedWork = { settled: Promise.resolve(), heartbeats: 0, before: last.get(key) }
    const alive = setInterval(() => own.heartbeats++, heartbeat)
    const start = (): ReturnType<typeof work> => {
      own.before = undefined
      return work()
    }
    const running = own.before === undefined ? start() : untilEnded(own.before).then(start)
    own.settled = running.catch(() => undefined)
    last.set(key, own)
    try {
      return await running
    } finally {
      clearInterval(alive)
      if (last.get(key) === own) last.delete(key)
    }
  }
}

/** Resolves when the work has ended; or when it was abandoned, and the work that it waited for has ended. */
async function untilEnded(work: QueuedWork): Promise<void> {
  for (let each: QueuedWork | undefined = work; each !== undefined; each = each.before) {
    let seen: number
    do {
      seen = each.heartbeats
      if ((await within(silence, each.settled)) !== undefined) return
    } while (each.heartbeats !== seen)
  }
}
