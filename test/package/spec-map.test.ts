// The map of requirements speaks of files that exist, and of tests that name the requirement.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const rows = readFileSync(join(root, 'docs/spec-map.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| [A-Z]+\d+ /.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, id, , files, tests]) => ({ id: id!, files: paths(files!), tests: paths(tests!) }))

function paths(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path!)
}

test('every requirement has a file and a test that exist', () => {
  expect(rows.length).toBeGreaterThan(100)
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  const missing = rows.flatMap(({ id, files, tests }) => [
    ...(files.length === 0 || tests.length === 0 ? [`${id}: nothing`] : []),
    ...[...files, ...tests].filter((path) => !existsSync(join(root, path))).map((path) => `${id}: ${path}`),
  ])
  expect(missing).toEqual([])
})

test('each test names the requirement that it is listed for', () => {
  const silent = rows.flatMap(({ id, tests }) =>
    tests
      .filter((path) => !new RegExp(`\\b${id}(?![0-9A-Za-z])`).test(readFileSync(join(root, path), 'utf8')))
      .map((path) => `${id}: ${path}`),
  )
  expect(silent).toEqual([])
})
