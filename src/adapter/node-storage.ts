import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, rename, rm, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process, { env, pid, platform } from 'node:process'
import type { ClientStorage } from '../client/types.ts'
import { readOptions, text } from '../lib/options.ts'
import { whileOpenElsewhere } from './node-busy.ts'
import { underLock } from './node-lock.ts'
import { sweep } from './node-sweep.ts'

/**
 * Client storage in a folder that only this user can read (0700, files 0600), one file for each record. A
 * write replaces its file at once, so that a crash leaves the old value or the new one. Processes that share
 * the folder take turns, and one that is killed does not stop the others. Also on Deno and Bun.
 *
 * Rejects if another user owns the folder or a file, or could have written it: a user who plants tokens
 * chooses
 * the account that is used.
 *
 * @param options.folder Default: `tollgate` below the user's configuration folder. It belongs to the storage:
 *   others lose their access.
 */
export function fileStorage(options: { folder?: string } = {}): ClientStorage {
  const { folder = join(configurationFolder(), 'tollgate') } = readOptions(
    'fileStorage',
    options,
    { folder: text() },
    { path: 'folder', directory: 'folder' },
  )
  // The folder may be older than we are, and open to others. Each time: a user who can write above it may put
  // another one in its place.
  const closed = async (): Promise<void> => {
    const { uid, mode } = await lstat(folder)
    checkOwn({ uid, mode })
    if ((mode & 0o777) !== 0o700) await chmod(folder, 0o700)
  }
  const ready = async (): Promise<void> => {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await closed()
    } catch (error) {
      throw unusable(folder, error)
    }
  }
  const turns = new Map<string, Promise<unknown>>()
  const fileOf = (key: string): string => join(folder, fileName(key))
  return {
    async get(key) {
      try {
        await closed()
        return await readOwn(fileOf(key))
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') return undefined
        throw unusable(folder, error)
      }
    },
    async set(key, value, { expiresAt } = {}) {
      await ready()
      await replace(fileOf(key), value, expiresAt)
      if (expiresAt !== undefined) await sweep(folder, kindOf(key))
    },
    async delete(key) {
      await whileOpenElsewhere(() => rm(fileOf(key), { force: true }))
    },
    async exclusively(key, work) {
      await ready()
      // Within the process a queue; between processes the file.
      const turn = (turns.get(key) ?? Promise.resolve()).then(() => underLock(`${fileOf(key)}.lock`, work))
      const settled = turn.catch(() => undefined)
      turns.set(key, settled)
      try {
        return await turn
      } finally {
        if (turns.get(key) === settled) turns.delete(key)
      }
    },
  }
}

/** Never through a symbolic link, which another user could have made. */
async function readOwn(path: string): Promise<string> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)
  const file = await whileOpenElsewhere(() => open(path, flags))
  try {
    checkOwn(await file.stat())
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** Windows has neither owners nor modes here: its folders belong to one user by their place. */
function checkOwn({ uid, mode }: { uid: number; mode: number }): void {
  // As a named import, it would not load there.
  const own = process.getuid?.()
  if (own === undefined) return
  const problem =
    uid !== own ? 'another user owns it' : (mode & 0o022) !== 0 ? 'others can write it' : undefined
  if (problem !== undefined) throw Object.assign(new Error(problem), { code: problem })
}

/**
 * Written beside its place and flushed before it takes it. The time of a file that expires is the time when
 * it does.
 */
async function replace(path: string, value: string, expiresAt: number | undefined): Promise<void> {
  const draft = `${path}.${pid}-${crypto.randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(value)
      await file.sync()
    } finally {
      await file.close()
    }
    if (expiresAt !== undefined) await utimes(draft, expiresAt, expiresAt)
    await whileOpenElsewhere(() => rename(draft, path))
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/**
 * Keys are `[A-Za-z0-9:_-]`; a colon cannot stand in a Windows file name. Base64url differs by case, which
 * some file systems fold.
 */
const fileName = (key: string): string => `${hex(key)}.json`

/** How the files of this kind of key end. */
const kindOf = (key: string): string => fileName(key.slice(key.lastIndexOf(':')))

const hex = (text: string): string => Buffer.from(text).toString('hex')

function configurationFolder(): string {
  if (env['XDG_CONFIG_HOME']) return env['XDG_CONFIG_HOME']
  if (platform === 'win32' && env['APPDATA']) return env['APPDATA']
  return platform === 'darwin' ? join(homedir(), 'Library/Application Support') : join(homedir(), '.config')
}

const unusable = (folder: string, cause: unknown): Error =>
  new Error(
    `Tokens cannot be kept in ${folder} (${(cause as { code?: string }).code}): make it a folder that this user owns, or pass another one: fileStorage({ folder })`,
    { cause },
  )
