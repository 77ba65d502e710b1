import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '..')
/** Git ignores it. */
export const folder: string = join(root, '.tollgate')
/** Written while `npm start` runs, so that `npm run demo` finds it. */
export const stateFile: string = join(folder, 'start.json')
