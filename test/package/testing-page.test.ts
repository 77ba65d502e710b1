// docs/guide/test-your-server.md shows the programs of examples/testing, and each of them runs with its own runner.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { refusedTokenNames } from '../../src/testing/index.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'examples/testing')
const page = readFileSync(join(root, 'docs/guide/test-your-server.md'), 'utf8')
const bin = (name: string): string => join(root, 'node_modules/.bin', name)

const runners: [name: string, command: string[], passed: RegExp][] = [
  [
    'vitest',
    [process.execPath, bin('../vitest/vitest.mjs'), 'run', '--root', '.', 'vitest.test.ts'],
    /Tests +14 passed \(14\)/,
  ],
  ['node', [process.execPath, '--test', 'node.test.ts'], /pass 11\n[^]*fail 0/],
  // Inside this repository Deno reads dist/ as its own modules, without their declarations.
  ['deno', [bin('deno'), 'test', '-A', '--no-check', 'deno.test.ts'], /11 passed \| 0 failed/],
  ['bun', [bin('bun'), 'test', 'bun.test.ts'], /11 pass\n[^]*0 fail/],
]

test.each(runners)(
  'the program for %s runs as the page says',
  { timeout: 120_000 },
  async (_name, command, passed) => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', DENO_NO_UPDATE_CHECK: '1' }
    // A runner inside a runner behaves otherwise.
    for (const name of Object.keys(env))
      if (/^(?:VITEST|NODE_TEST|NODE_V8)/.test(name)) delete env[name as never]
    const { stdout, stderr } = await promisify(execFile)(command[0]!, command.slice(1), {
      cwd: folder,
      env,
    }).catch((error: { stdout: string; stderr: string }) => error)
    expect(stdout + stderr).toMatch(passed)
  },
)

test('the page shows the programs that run', () => {
  const shown = [...page.matchAll(/`(examples\/[^`]+)`\n\n```typescript\n([\s\S]*?)```/g)]
  expect(shown.map(([, path]) => path)).toEqual(
    ['server', 'vitest.test', 'node.test', 'deno.test', 'bun.test'].map(
      (file) => `examples/testing/${file}.ts`,
    ),
  )
  for (const [, path, code] of shown) expect(code, path).toBe(readFileSync(join(root, path!), 'utf8'))
})

test('the page names each token that must be refused', () => {
  const named = [...page.matchAll(/^\| `([a-z-]+)` +\| [^|]*\|$/gm)].map(([, name]) => name)
  expect(named.filter((name) => (refusedTokenNames as readonly string[]).includes(name!))).toEqual([
    ...refusedTokenNames,
  ])
})
