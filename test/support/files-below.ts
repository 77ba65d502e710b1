import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The files in these folders of `root` whose paths fit, without what is installed there or hidden. Links, which the
 * hosts' tests make to this folder, are not followed.
 */
export function filesBelow(root: string, folders: readonly string[], names: RegExp): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      if (/^node_modules$|^\./.test(entry.name)) return []
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? filesBelow(root, [path], names) : names.test(path) ? [path] : []
    }),
  )
}
