// `npm run test:conformance`: the official suite: client, authorization server, and an MCP server behind the guard. It is installed on first use, from its own lock file.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { npmProgram } from '../../scripts/program.ts'

const here = import.meta.dirname
const root = join(here, '../..')
const [npm, ...before] = npmProgram()
if (!existsSync(join(here, 'node_modules')))
  execFileSync(npm, [...before, 'ci', '--no-audit', '--no-fund', '--prefix', here], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')],
  {
    stdio: 'inherit',
  },
)

const { authorizationServerConformance } = await import('./authorization-server.ts')
const server = await authorizationServerConformance()
const { serverConformance } = await import('./server.ts')
const guarded = await serverConformance()
for (const problem of [...server.problems, ...guarded.problems]) console.log(problem)

const client = spawnSync(process.execPath, [join(here, 'client.ts')], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
})
console.log(client.stdout)
const [, good = '0', bad = '0'] = /client conformance: (\d+) passed, (\d+) failed/.exec(client.stdout) ?? []
const crashed = client.status !== 0 && bad === '0' ? 1 : 0

const passed = server.passed + guarded.passed + Number(good)
const failed = server.problems.length + guarded.problems.length + Number(bad) + crashed
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
