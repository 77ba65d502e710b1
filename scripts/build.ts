import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './start-state.ts'

/** Makes dist/, through which the examples import `tollgate/…` as a user does. */
export async function build(): Promise<void> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const child = spawn(process.execPath, [compiler, '-p', 'tsconfig.json'], { cwd: root })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`The build failed.\n${output}`)
}
