// Runs the tests and prints what ran where. `node test/run.ts [group …]`; without a group, all of them but the browser.
// vitest.config.ts says which files belong to which project; test/support/runs.ts says which runtime runs which project.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npmProgram, programOf } from '../scripts/program.ts'
import { differences, readReport, type Report } from './support/reports.ts'
import { runsOn, type Run } from './support/runs.ts'

const root = join(import.meta.dirname, '..')
const runs = runsOn()
/** What only some tests need lies in folders with lock files of their own. */
const tools: Readonly<Record<string, readonly string[]>> = {
  node: process.platform === 'linux' ? ['tools/node-22'] : [],
  hosts: [
    'examples/client-agent',
    'examples/express',
    'examples/next',
    'examples/postgres-tenants',
    'tools/inspector',
    'tools/mcp-framework',
    'tools/mcp-handler',
    'tools/typescript',
  ],
}

const groups = process.argv.slice(2)
const unknown = groups.find((group) => !runs.some((run) => run.group === group))
if (unknown !== undefined) fail(`there is no group "${unknown}"`)
const chosen = runs.filter(({ group }) =>
  groups.length === 0 ? group !== 'browser' : groups.includes(group),
)

await must([...programOf('typescript', 'tsc'), '-p', 'tsconfig.json'])
for (const folder of new Set(chosen.flatMap(({ group }) => tools[group] ?? [])))
  if (!existsSync(join(root, folder, 'node_modules')))
    await must([...npmProgram(), 'ci', '--include=dev', '--no-audit', '--no-fund', '--prefix', folder])

const folder = mkdtempSync(join(tmpdir(), 'tollgate-tests-'))
const waiting = [...chosen]
const done: { run: Run; report: Report }[] = []
// Two at a time: some of them wait more than they compute.
await Promise.all([runNext(), runNext()])
rmSync(folder, { recursive: true, force: true })

const shared = done.filter(({ run }) => run.shared)
const missing = differences(shared.map(({ run, report }) => ({ name: run.name, tests: report.tests })))
for (const line of missing.slice(0, 20)) console.log(line)
if (shared.length > 1)
  console.log(
    `the shared suite: ${shared[0]!.report.tests.size} tests on ${shared.length} runtimes, ${missing.length} differences`,
  )
const sum = (of: (report: Report) => number): number => done.reduce((all, { report }) => all + of(report), 0)
const failed = sum((report) => report.failed) + (missing.length > 0 ? 1 : 0)
console.log(`${sum((report) => report.passed)} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

async function runNext(): Promise<void> {
  const run = waiting.shift()
  if (run === undefined) return
  const file = join(folder, `${run.name.replaceAll(/\W+/g, '-')}.json`)
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', run.project]
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const started = performance.now()
  const { code, output } = await execute([...run.runtime, ...vitest, ...reporters])
  const seconds = Math.round((performance.now() - started) / 1000)
  const report = readReport(file, root, code)
  done.push({ run, report })
  console.log(`${run.name.padEnd(34)} ${report.passed} passed, ${report.failed} failed  (${seconds} s)`)
  if (report.failed > 0) console.log(output)
  await runNext()
}

async function must(command: readonly string[]): Promise<void> {
  const { code, output } = await execute(command)
  if (code !== 0) fail(`${command.join(' ')} failed\n${output}`)
}

/** The end of what it prints. */
function execute([command, ...args]: readonly string[]): Promise<{ code: number; output: string }> {
  const quiet = { CI: '1', NO_COLOR: '1', FORCE_COLOR: '0', WRANGLER_SEND_METRICS: 'false' }
  const offline = { CLOUDFLARE_CF_FETCH_ENABLED: 'false', DENO_NO_UPDATE_CHECK: '1' }
  const env = { ...process.env, ...quiet, ...offline }
  const child = spawn(command!, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

function fail(message: string): never {
  console.log(message)
  console.log('0 passed, 1 failed')
  process.exit(1)
}
