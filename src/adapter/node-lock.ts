import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { kill, pid } from 'node:process'
import { whileOpenElsewhere } from './node-busy.ts'

/**
 * In milliseconds: how often a holder renews its lock, when a lock that was not renewed counts as abandoned,
 * and the shortest and longest pause between two attempts.
 */
const beat = 2000
const silence = 20_000
const pause = 25
const longest = 400

/**
 * Runs the work while this process holds the lock file. A holder that was killed is recognised by its process
 * id on this machine, and by its silence elsewhere.
 */
export async function underLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mark = JSON.stringify({ pid, host: hostname(), nonce: crypto.randomUUID() })
  for (let wait = pause; !(await create(path, mark)); wait = Math.min(wait * 1.2, longest)) {
    if (await abandoned(path)) await breakLock(path)
    else await new Promise((resolve) => setTimeout(resolve, wait))
  }
  const alive = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, beat)
  try {
    return await work()
  } finally {
    clearInterval(alive)
    if ((await content(path)) === mark) await whileOpenElsewhere(() => rm(path, { force: true }))
  }
}

async function create(path: string, mark: string): Promise<boolean> {
  try {
    // A lock that is just being removed still has its name.
    const file = await whileOpenElsewhere(() => open(path, 'wx', 0o600))
    await file.writeFile(mark)
    await file.close()
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false
    throw error
  }
}

async function abandoned(path: string): Promise<boolean> {
  const mark = await content(path)
  if (mark === undefined) return false
  const holder = parse(mark)
  if (holder?.host === hostname() && !isAlive(holder.pid)) return true
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
  return (await wallClock(path)) - mtimeMs > silence
}

/**
 * Only the holder of the second lock removes an abandoned first one, after another check, so that two waiters
 * do not both take over.
 */
async function breakLock(path: string): Promise<void> {
  const breaker = `${path}.break`
  if (!(await create(breaker, ''))) {
    const { mtimeMs } = await stat(breaker).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    // It is held for an instant; one that is left over belonged to a process killed in that instant.
    if ((await wallClock(path)) - mtimeMs > silence) await rm(breaker, { force: true })
    return
  }
  try {
    if (await abandoned(path)) await rm(path, { force: true })
  } finally {
    await rm(breaker, { force: true })
  }
}

/**
 * The file system's own clock, which also stamped the lock: machines that share it may disagree about the
 * time.
 */
async function wallClock(path: string): Promise<number> {
  const probe = `${path}.${crypto.randomUUID()}`
  await create(probe, '')
  const { mtimeMs } = await stat(probe)
  await rm(probe, { force: true })
  return mtimeMs
}

const content = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

function parse(mark: string): { pid: number; host: string } | undefined {
  try {
    return JSON.parse(mark) as { pid: number; host: string }
  } catch {
    return undefined
  }
}

function isAlive(process: number): boolean {
  try {
    return kill(process, 0)
  } catch (error) {
    // EPERM: alive, and of another user.
    return (error as { code?: string }).code === 'EPERM'
  }
}
