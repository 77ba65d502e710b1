// Runs the tests and prints what ran where. `node test/run.ts [group …]`; without a group, all of them.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join, relative } from 'node:path'
import { existsSync } from 'node:fs'
import { exceptions } from './runtime-exceptions.ts'

interface Run {
  name: string
  group: string
  command: string[]
  /** Whether this run is one of the shared suite, which must be the same everywhere. */
  shared: boolean
}
interface Outcome {
  run: Run
  passed: number
  failed: number
  tests: Set<string>
  seconds: number
  output: string
}

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const reports = mkdtempSync(join(tmpdir(), 'tollgate-tests-'))

const node22 = join(root, 'tools/node-22/node_modules/.bin/node')
const runs: Run[] = [
  run('node 20', 'node', [systemNode(), vitest], 'shared'),
  run('node 22', 'node', [node22, vitest], 'shared'),
  run('node 24', 'node', [process.execPath, vitest], 'shared'),
  run('workerd', 'workerd', [process.execPath, vitest], 'workerd'),
  run('workerd, no nodejs_compat', 'workerd', [process.execPath, vitest], 'workerd-plain'),
  run('deno', 'deno', [bin('deno'), 'run', '-A', '--unstable-kv', vitest], 'shared'),
  run('bun', 'bun', [bin('bun'), '--bun', vitest], 'shared'),
  { ...run('stores, adapters, hosts, package', 'hosts', [process.execPath, vitest], 'node'), shared: false },
]

/** Needs Chromium, so it runs only when it is asked for. */
const extra: Run[] = [
  { ...run('pages in Chromium', 'browser', [process.execPath, vitest], 'browser'), shared: false },
]

const groups = process.argv.slice(2)
const unknown = groups.filter((group) => ![...runs, ...extra].some((each) => each.group === group))
if (unknown.length > 0) throw new Error(`no such group: ${unknown.join(', ')}`)
const chosen = groups.length === 0 ? runs : [...runs, ...extra].filter(({ group }) => groups.includes(group))

await build()
if (chosen.some(({ name }) => name === 'node 22')) await install('tools/node-22')
if (chosen.some(({ group }) => group === 'hosts')) {
  await install('examples/express')
  await install('examples/next')
  await install('tools/inspector')
}
const outcomes = await inParallel(chosen, Math.max(1, Math.min(2, availableParallelism())))
report(outcomes)

function run(name: string, group: string, command: string[], project: string): Run {
  const file = join(reports, `${name.replaceAll(/\W+/g, '-')}.json`)
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]
  return { name, group, command: [...command, ...args], shared: true }
}

/** The first `node` on the path that is not one of ours: on the smallest supported machine, Node 20. */
function systemNode(): string {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules') && existsSync(join(folder, 'node')))
  return found[0] ? join(found[0], 'node') : process.execPath
}

async function build(): Promise<void> {
  const { code, output } = await execute([process.execPath, bin('tsc'), '-p', 'tsconfig.json'])
  if (code !== 0) fail(`the build failed\n${output}`)
}

/** What only some tests need lies in folders with lock files of their own, and is installed on first use. */
async function install(folder: string): Promise<void> {
  if (existsSync(join(root, folder, 'node_modules'))) return
  const command = ['npm', 'ci', '--include=dev', '--no-audit', '--no-fund', '--prefix', join(root, folder)]
  const { code, output } = await execute(command)
  if (code !== 0) fail(`${folder} could not be installed from its lock file\n${output}`)
}

async function inParallel(waiting: readonly Run[], width: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const queue = [...waiting].sort((a, b) => Number(a.shared) - Number(b.shared))
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const outcome = await perform(next)
      outcomes.push(outcome)
      const { name } = outcome.run
      console.log(
        `${name.padEnd(34)} ${outcome.passed} passed, ${outcome.failed} failed  (${outcome.seconds} s)`,
      )
      if (outcome.failed > 0) console.log(outcome.output)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return outcomes
}

async function perform(each: Run): Promise<Outcome> {
  const started = performance.now()
  const { code, output } = await execute(each.command)
  const seconds = Math.round((performance.now() - started) / 1000)
  const file = each.command.at(-1)!.replace('--outputFile.json=', '')
  const tests = new Set<string>()
  let passed = 0
  let failed = 0
  if (existsSync(file)) {
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as {
      testResults: {
        name: string
        status: string
        assertionResults: { fullName: string; status: string }[]
      }[]
    }
    for (const { name, status, assertionResults } of testResults) {
      const path = relative(root, name)
      if (status === 'failed' && assertionResults.length === 0) failed++
      for (const { fullName, status: result } of assertionResults) {
        if (result === 'passed') passed++
        else failed++
        if (!/\.(workerd|deno|bun)\.test\.ts$/.test(path)) tests.add(`${path} › ${fullName}`)
      }
    }
  }
  // A crash is a failure even where the report looks fine; so is a run without tests.
  if ((code !== 0 || passed === 0) && failed === 0) failed = 1
  return { run: each, passed, failed, tests, seconds, output }
}

function report(all: readonly Outcome[]): void {
  rmSync(reports, { recursive: true, force: true })
  const shared = all.filter((outcome) => outcome.run.shared)
  const everything = new Set(shared.flatMap(({ tests }) => [...tests]))
  const differences: string[] = []
  for (const {
    run: { name },
    tests,
  } of shared) {
    for (const test of everything) {
      const excused = exceptions.some(
        (exception) => exception.runtime === name && test.startsWith(exception.test),
      )
      if (!tests.has(test) && !excused) differences.push(`${name} did not run: ${test}`)
    }
  }
  for (const difference of differences.slice(0, 20)) console.log(difference)
  if (shared.length > 1)
    console.log(
      `the shared suite: ${everything.size} tests on ${shared.length} runtimes, ${differences.length} differences`,
    )
  const passed = all.reduce((sum, outcome) => sum + outcome.passed, 0)
  const failed = all.reduce((sum, outcome) => sum + outcome.failed, 0) + (differences.length > 0 ? 1 : 0)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}

function execute(command: readonly string[]): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    CI: '1',
    NO_COLOR: '1',
    FORCE_COLOR: '0',
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    DENO_NO_UPDATE_CHECK: '1',
  }
  const child = spawn(command[0]!, command.slice(1), { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
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
