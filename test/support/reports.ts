// Reads vitest's JSON reports, and holds the shared suite to the same tests on every runtime.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

export interface Report {
  passed: number
  failed: number
  /** The names of the tests of the shared suite: "file › name". */
  tests: Set<string>
}

interface Json {
  testResults: {
    name: string
    status: string
    assertionResults: { fullName: string; status: string }[]
  }[]
}

/** What a run of vitest did. `code`: its exit code. A test that neither passed nor failed (skipped) counts as failed. */
export function readReport(file: string, root: string, code: number): Report {
  const { testResults }: Json = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Json)
    : { testResults: [] }
  const report: Report = { passed: 0, failed: 0, tests: new Set() }
  for (const { name, status, assertionResults } of testResults) {
    const path = relative(root, name)
    if (status === 'failed' && assertionResults.length === 0) report.failed++
    for (const test of assertionResults) {
      if (test.status === 'passed') report.passed++
      else report.failed++
      if (!/\.(workerd|deno|bun)\.test\.ts$/.test(path)) report.tests.add(`${path} › ${test.fullName}`)
    }
  }
  // A crash is a failure even if the report looks fine; so is a run without tests.
  if (report.failed === 0 && (code !== 0 || report.passed === 0)) report.failed = 1
  return report
}

/** One line for each test that a runtime did not run and another one did. */
export function differences(runs: readonly { name: string; tests: ReadonlySet<string> }[]): string[] {
  const everything = new Set(runs.flatMap(({ tests }) => [...tests]))
  return runs.flatMap(({ name, tests }) =>
    [...everything].filter((test) => !tests.has(test)).map((test) => `${name} did not run: ${test}`),
  )
}
