// What `npm start` tells `npm run demo`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '..')
/** Git ignores it. */
export const folder: string = join(root, '.tollgate')
/** Written while `npm start` runs, so that `npm run demo` finds it. A server that the demo starts has its own. */
export const stateFile: string = process.env['TOLLGATE_STATE_FILE'] ?? join(folder, 'start.json')

/** How users sign in at the server that `npm start` runs. */
export type SignInMode = 'any name' | 'password' | 'upstream' | 'external'

export interface StartState {
  readonly resource: string
  readonly signIn: SignInMode
  /** What to type there, by the input's name. */
  readonly answers: Readonly<Record<string, string>>
}

export const readState = (file: string = stateFile): StartState | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StartState) : undefined
