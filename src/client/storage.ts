/**
 * Where a client keeps registrations, pending authorizations and tokens. Values are secret: whoever can read them can
 * act as the user. Keys are short and consist of `[A-Za-z0-9:_-]`.
 */
export interface ClientStorage {
  get(key: string): Promise<string | undefined>
  /** Stands when the promise resolves: a rotated refresh token is used only after that. */
  set(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Runs the work while nobody else who shares this storage runs work under the same key, in this process or another.
   * A holder that dies must not block the others for ever.
   */
  exclusively<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** Storage in this process's memory: everything is forgotten when it ends. */
export function memoryStorage(): ClientStorage {
  const values = new Map<string, string>()
  const exclusively = inTurn()
  return {
    get: async (key) => values.get(key),
    set: async (key, value) => {
      values.set(key, value)
    },
    delete: async (key) => {
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
