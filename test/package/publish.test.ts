// The packed artifact as publint and "are the types wrong" see it. The package is ESM only, so CommonJS and the
// resolution of Node 10 are none of its promises.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { programOf } from '../../scripts/program.ts'
import { packInto } from '../support/npm.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tollgate-publish-'))
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
let tarball: string

beforeAll(() => {
  tarball = packInto(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run([node, file]: [string, string], ...args: string[]): string {
  const env = { ...process.env, NO_COLOR: '1' }
  return execFileSync(node, [file, ...args], { cwd: root, encoding: 'utf8', env })
}

test('publint has no finding', { timeout: 60_000 }, () => {
  expect(run(programOf('publint'), 'run', tarball, '--strict')).toContain('All good!')
})

test('attw: the types of each subpath resolve for ESM', { timeout: 120_000 }, () => {
  const found = run(
    programOf('@arethetypeswrong/cli', 'attw'),
    '--profile',
    'esm-only',
    '--format',
    'ascii',
    tarball,
  )
  const subpaths = Object.keys(exports).length
  for (const resolution of ['node16 (from ESM)', 'bundler']) {
    const lines = found.split('\n').filter((line) => line.startsWith(`${resolution}: `))
    expect(lines).toHaveLength(subpaths)
    expect(lines.filter((line) => !line.includes('🟢'))).toEqual([])
  }
})
