import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { env, pid, platform } from 'node:process'
import type { ClientStorage } from '../client/storage.ts'
import { underLock } from './node-lock.ts'

/**
 * Client storage in a folder that only this user can read (0700, files 0600), one file for each record. A write replaces its
 * file at once, so that a crash leaves the old value or the new one. Processes that share the folder take turns, and one that
 * is killed does not stop the others. Also on Deno and Bun.
 *
 * @param options.folder Default: `tollgate` below the user's configuration folder.
 */
export function fileStorage(options: { folder?: string } = {}): ClientStorage {
  const folder = options.folder ?? join(configurationFolder(), 'tollgate')
  const ready = once(async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // The folder may be older than we are.
    await chmod(folder, 0o700)
  })
  const turns = new Map<string, Promise<unknown>>()
  const fileOf = (key: string): string => join(folder, fileName(key))
  return {
    async get(key) {
      try {
        return await readFile(fileOf(key), 'utf8')
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async set(key, value) {
      await ready()
      await replace(fileOf(key), value)
    },
    async delete(key) {
      await rm(fileOf(key), { force: true })
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

/** Written beside its place and flushed before it takes it. */
async function replace(path: string, value: string): Promise<void> {
  const draft = `${path}.${pid}-${crypto.randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(value)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** Keys are `[A-Za-z0-9:_-]`; a colon cannot stand in a Windows file name. Base64url differs by case, which some file systems fold. */
const fileName = (key: string): string => `${Buffer.from(key).toString('hex')}.json`

function configurationFolder(): string {
  if (env['XDG_CONFIG_HOME']) return env['XDG_CONFIG_HOME']
  if (platform === 'win32' && env['APPDATA']) return env['APPDATA']
  return platform === 'darwin' ? join(homedir(), 'Library/Application Support') : join(homedir(), '.config')
}

const isMissing = (error: unknown): boolean => (error as { code?: string }).code === 'ENOENT'

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
