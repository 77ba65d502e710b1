// Installs the official suite from its own lock file and runs the client's leg. `node test/conformance/run.ts [part of a scenario's name]`
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const here = import.meta.dirname
const legs: [command: string, args: string[]][] = [
  ['npm', ['ci', '--no-audit', '--no-fund', '--prefix', here]],
  [process.execPath, [join(here, 'client.ts'), ...process.argv.slice(2)]],
]
for (const [command, args] of legs) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
