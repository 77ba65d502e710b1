// Writes the examples that are projects of `tollgate create`, as it makes them, and the notes server of one
// that stands alone: `node scripts/created-examples.ts`. A test holds them current.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Choices } from '../src/cli/create/choices.ts'
import { environmentFile } from '../src/cli/create/environment.ts'
import { projectFiles } from '../src/cli/create/project.ts'

const choices: Readonly<Record<string, Choices>> = {
  'hono-node': { host: 'hono', auth: 'password', store: 'sqlite' },
  'workers-upstream': { host: 'workers', auth: 'upstream', provider: 'github', store: 'durable-object' },
}

export const folder: string = join(import.meta.dirname, '../examples')
export const names: readonly string[] = Object.keys(choices)

/** The files of one example by their path, without the file that git ignores. */
export function filesOf(name: string): ReadonlyMap<string, string> {
  const chosen = choices[name]!
  const secrets = { secret: '', password: '', passwordHash: '' }
  const files = new Map(projectFiles({ name, choices: chosen, tollgate: 'file:../..', secrets }))
  files.delete(environmentFile(chosen.host))
  return files
}

/** Folders with the MCP server of `create/common`, below an example that is no project of `create`. */
export const copies: readonly string[] = ['modes/notes']

/** The files of such a folder by their name. */
export const commonFiles = (): ReadonlyMap<string, string> =>
  new Map(
    ['notes.ts', 'scopes.ts', 'storage.ts', 'tools.ts'].map((name) => [
      name,
      readFileSync(join(folder, 'create/common/src', name), 'utf8'),
    ]),
  )

if (import.meta.filename === process.argv[1]) {
  for (const name of names) {
    rmSync(join(folder, name, 'src'), { recursive: true, force: true })
    for (const [path, text] of filesOf(name)) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true })
      writeFileSync(join(folder, name, path), text)
    }
  }
  for (const copy of copies)
    for (const [name, text] of commonFiles()) writeFileSync(join(folder, copy, name), text)
}
