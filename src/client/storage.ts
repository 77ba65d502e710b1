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
   * A holder that dies must not block the others for ever.
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

/** Milliseconds after which a turn counts as abandoned: on Workers, work ends without settling when its request ends. */
const patience = 20_000

/** A queue per key within this process. */
export function inTurn(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const previous = last.get(key)
    const turn = previous === undefined ? work() : atMost(previous).then(work)
    const settled = turn.catch(() => undefined)
    last.set(key, settled)
    try {
      return await turn
    } finally {
      if (last.get(key) === settled) last.delete(key)
    }
  }
}

async function atMost(previous: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const abandoned = new Promise((resolve) => {
    timer = setTimeout(resolve, patience)
  })
  await Promise.race([previous, abandoned])
  clearTimeout(timer)
}
