import { within } from '../../lib/within.ts'

/**
 * Where a client keeps registrations, pending authorizations and tokens. Values are secret: whoever can read them can
 * act as the user. Keys are short and consist of `[A-Za-z0-9:_-]`.
 */
export interface ClientStorage {
  get(key: string): Promise<string | undefined>
  /**
   * Stands when the promise resolves: a rotated refresh token is used only after that. What has an `expiresAt`, in seconds since the epoch, is
   * of no use after it and may be dropped: an authorization that nobody finishes is never deleted otherwise.
   */
  set(key: string, value: string, options?: { expiresAt?: number }): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Runs the work while nobody else who shares this storage runs work under the same key, in this process or another.
   * A holder that dies must not block the others for ever; one that lives may hold it for as long as a person has to approve.
   */
  exclusively<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** How many values that expire are kept in memory. */
const maxPassing = 1000

/** Storage in this process's memory: everything is forgotten when it ends. */
export function memoryStorage(): ClientStorage {
  const values = new Map<string, string>()
  const passing = new Set<string>()
  const exclusively = inTurn()
  return {
    get: async (key) => values.get(key),
    set: async (key, value, options) => {
      values.set(key, value)
      if (options?.expiresAt === undefined) return
      passing.add(key)
      const [oldest] = passing
      if (passing.size <= maxPassing || oldest === undefined) return
      passing.delete(oldest)
      values.delete(oldest)
    },
    delete: async (key) => {
      passing.delete(key)
      values.delete(key)
    },
    exclusively,
  }
}

/** How often a turn shows that it lives, in milliseconds, and when a silent one counts as abandoned, in seconds. */
const beat = 5000
const patience = 20

interface Turn {
  settled: Promise<unknown>
  beats: number
  /** Whom it waits for. */
  before: Turn | undefined
}

/**
 * A queue per key within this process. On Workers, work ends without settling when its request ends, and so do its beats: it does not
 * hold up those behind it. Who lives is waited for, however long it takes, because a person may be busy.
 */
export function inTurn(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Turn>()
  return async (key, work) => {
    const mine: Turn = { settled: Promise.resolve(), beats: 0, before: last.get(key) }
    const alive = setInterval(() => mine.beats++, beat)
    const start = (): ReturnType<typeof work> => {
      mine.before = undefined
      return work()
    }
    const turn = mine.before === undefined ? start() : ended(mine.before).then(start)
    mine.settled = turn.catch(() => undefined)
    last.set(key, mine)
    try {
      return await turn
    } finally {
      clearInterval(alive)
      if (last.get(key) === mine) last.delete(key)
    }
  }
}

/** When the turn has ended; or has been abandoned, and those that it waited for have ended. */
async function ended(turn: Turn): Promise<void> {
  for (let each: Turn | undefined = turn; each !== undefined; each = each.before) {
    let seen: number
    do {
      seen = each.beats
      if ((await within(patience, each.settled)) !== undefined) return
    } while (each.beats !== seen)
  }
}
