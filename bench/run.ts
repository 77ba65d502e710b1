// `npm run bench [exact] [guard] [workerd] [tokens] [cold] [http]`: ratios against the peers and against the physical limit, each with
// its bar, in one run. `npm run bench -- --write` runs all and puts the table of bars into docs/performance.md.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programOf } from '../scripts/program.ts'
import { summary } from './harness.ts'

const root = join(import.meta.dirname, '..')
const wanted = process.argv.slice(2).filter((name) => name !== '--write')
const all = {
  exact: async () => (await import('./exact.ts')).exactBars(),
  guard: async () => (await import('./guard.ts')).guardBenchmark(),
  workerd: async () => (await import('./workerd.ts')).workerdBenchmark(),
  tokens: async () => {
    const { tokensBenchmark, tokensInWorkerd } = await import('./tokens-benchmark.ts')
    await tokensBenchmark()
    await tokensInWorkerd()
  },
  cold: async () => (await import('./cold-start.ts')).coldStartBenchmark(),
  http: async () => (await import('./http.ts')).httpBenchmark(),
}
for (const [name, benchmark] of Object.entries(all))
  if (wanted.length === 0 || wanted.includes(name)) await benchmark()
console.log(`\n${summary()}`)
if (process.argv.includes('--write')) write()
process.exit(0)

function write(): void {
  const page = join(root, 'docs/performance.md')
  const [before, rest] = readFileSync(page, 'utf8').split('<!-- measured -->') as [string, string]
  const after = rest.slice(rest.indexOf('<!-- /measured -->'))
  writeFileSync(page, `${before}<!-- measured -->\n\n${summary()}\n\n${after}`)
  const [node, prettier] = programOf('prettier')
  execFileSync(node, [prettier, '--write', page])
}
