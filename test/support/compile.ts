import { execFile } from 'node:child_process'
import { join } from 'node:path'

const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')

/** What the compiler says about a project, a folder with a tsconfig.json: nothing if it compiles. */
export const compile = (project: string): Promise<string> =>
  new Promise((resolve) => {
    execFile(process.execPath, [compiler, '-p', project], (error, stdout, stderr) =>
      resolve(error === null ? stdout : stdout || stderr || error.message),
    )
  })
