// The official suite's client scenarios, each run singly, at the default revision and forced to two others. A scenario passes where
// nothing failed, nothing warned and every check that it is about was made: a client that does nothing fails nothing, either.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { alsoByRegistration, expected, expectedAt } from './client-scenarios.ts'

interface Check {
  id: string
  status: string
}

const here = import.meta.dirname
const suite = join(here, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')
const command = `"${process.execPath}" --no-warnings "${join(here, 'client-under-test.ts')}"`
const revisions: (string | undefined)[] = [undefined, '2025-11-25', '2026-07-28']

interface Job {
  scenario: string
  revision: string | undefined
  /** By registration, not by a document. */
  registers: boolean
}

const jobs = revisions.flatMap((revision): Job[] => [
  ...Object.keys(expected).map((scenario) => ({ scenario, revision, registers: false })),
  ...alsoByRegistration.map((scenario) => ({ scenario, revision, registers: true })),
])
const queue =
  process.argv[2] === undefined ? jobs : jobs.filter(({ scenario }) => scenario.includes(process.argv[2]!))
const problems: string[] = []
let passed = 0

await Promise.all(
  Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await judge(job)
  }),
)
for (const problem of problems) console.log(problem)
console.log(`client conformance: ${passed} passed, ${problems.length} failed`)
process.exitCode = problems.length === 0 && passed > 0 ? 0 : 1

async function judge(job: Job): Promise<void> {
  const { scenario, revision, registers } = job
  const { code, checks, output } = await run(job)
  const made = new Map(checks.map(({ id, status }) => [id, status]))
  const bad = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING').map(({ id }) => id)
  const wanted = [...expectedAt(scenario, revision), ...(registers ? ['client-registration'] : [])]
  const missing = wanted.filter((id) => made.get(id) !== 'SUCCESS')
  if (code === 0 && bad.length === 0 && missing.length === 0) {
    passed++
    return
  }
  const reasons = [
    `exit ${code}`,
    ...bad.map((id) => `failed ${id}`),
    ...missing.map((id) => `missing ${id}`),
  ]
  const how = `${revision ?? 'default'}${registers ? ', registering' : ''}`
  problems.push(`${scenario} (${how}): ${reasons.join(', ')}\n${output.slice(-1500)}`)
}

function run({
  scenario,
  revision,
  registers,
}: Job): Promise<{ code: number; checks: Check[]; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-conformance-'))
  const forced = revision === undefined ? [] : ['--spec-version', revision, '--force']
  const args = [suite, 'client', '--command', command, '--scenario', scenario, '-o', folder, ...forced]
  const env = { ...process.env, ...(registers ? { CONFORMANCE_REGISTERS: '1' } : {}) }
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  return new Promise((resolve) => {
    child.on('close', (code) => {
      const checks = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('checks.json'))
        .flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Check[])
      rmSync(folder, { recursive: true, force: true })
      resolve({ code: code ?? 1, checks, output })
    })
  })
}
