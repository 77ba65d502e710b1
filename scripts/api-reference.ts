// Writes docs/reference/api from the doc comments: `npm run api-reference`. A test holds it current.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const tool = join(root, 'tools/api-reference')

if (!existsSync(join(tool, 'node_modules'))) run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])
run(process.execPath, ['generate.ts', join(root, 'docs/reference/api')])

function run(command: string, args: string[]): void {
  // npm is a script on Windows.
  const shell = process.platform === 'win32' && command === 'npm'
  const { status } = spawnSync(command, args, { cwd: tool, stdio: 'inherit', shell })
  if (status !== 0) process.exit(1)
}
