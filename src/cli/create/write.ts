import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import process from 'node:process'

import { CommandError } from '../io.ts'

/** What a version control system leaves in a folder that is empty otherwise. */
const harmless = new Set(['.git', '.DS_Store'])

/** Refuses a path at which a project would go over something. */
export function checkTarget(folder: string): void {
  const problem = targetProblem(folder)
  if (problem !== undefined) throw new CommandError(problem)
}

/** Why no project can be made there. */
export function targetProblem(folder: string): string | undefined {
  const path = resolve(folder)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (!stats.isDirectory()) return `${folder} is a file; name a folder that does not exist yet.`
  return readdirSync(path).some((name) => !harmless.has(name))
    ? `${folder} is not empty, and nothing in it was changed; name another folder.`
    : undefined
}

/**
 * Writes all files, or none: what was made before an error is removed. Synchronous, so that Ctrl-C takes
 * effect afterwards.
 */
export function writeProject(folder: string, files: ReadonlyMap<string, string>): void {
  const made: string[] = []
  const makeFolder = (path: string): void => {
    const first = mkdirSync(path, { recursive: true })
    if (first !== undefined) made.push(first)
  }
  const wait = (): void => undefined
  process.on('SIGINT', wait)
  try {
    makeFolder(folder)
    for (const [path, text] of files) {
      const file = join(folder, path)
      makeFolder(dirname(file))
      // `wx`: a file that has appeared since the check is not overwritten.
      writeFileSync(file, text, { flag: 'wx', mode: isPrivate(path) ? 0o600 : 0o666 })
      made.push(file)
    }
  } catch (error) {
    for (const path of made.reverse()) rmSync(path, { recursive: true, force: true })
    const { code = '', path = folder } = error as NodeJS.ErrnoException
    throw new CommandError(
      `${relative(process.cwd(), path) || path} cannot be written (${code}); nothing was left behind.`,
    )
  } finally {
    process.off('SIGINT', wait)
  }
}

/** The files with secrets. */
const isPrivate = (path: string): boolean => path === '.env' || path === '.dev.vars'
