// Commands without a shell. On Windows, `npm` and what lies in node_modules/.bin are scripts of the shell, which Node does not start without one (CVE-2024-27980).
import { readFileSync } from 'node:fs'
import { join, win32 } from 'node:path'
import { root } from './start-state.ts'

/** How Node runs the command of an installed package. */
export function programOf(name: string, command: string = name): [node: string, file: string] {
  const folder = join(root, 'node_modules', name)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    bin: string | Readonly<Record<string, string>>
  }
  return [process.execPath, join(folder, typeof bin === 'string' ? bin : bin[command]!)]
}

interface System {
  readonly platform: NodeJS.Platform
  readonly execPath: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** How npm is run: the one that runs this script, or else the one that came with Node. */
export function npmProgram({ platform, execPath, env }: System = process): readonly [string, ...string[]] {
  const { npm_execpath: running = '' } = env
  if (/[\\/]npm-cli\.js$/.test(running)) return [execPath, running]
  if (platform !== 'win32') return ['npm']
  return [execPath, win32.join(win32.dirname(execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')]
}
