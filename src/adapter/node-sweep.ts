import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Milliseconds after which a file that was never put in its place belonged to a process that was killed. */
const forgotten = 3_600_000

/**
 * Removes the expired records of this kind, and files that killed processes left beside records of any kind.
 * Nothing else in the folder is touched.
 */
export async function sweep(folder: string, kind: string): Promise<void> {
  const now = Date.now()
  for (const name of await readdir(folder)) {
    const leftover = /^[0-9a-f]+\.json\../.test(name)
    if (!leftover && !(name.endsWith(kind) && /^[0-9a-f]+\.json$/.test(name))) continue
    const path = join(folder, name)
    // Another process may be sweeping, too.
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (mtimeMs + (leftover ? forgotten : 0) < now) await rm(path, { force: true })
  }
}
