import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { page, path } from '../../scripts/endings-table.ts'

test('docs/reference/endings.md is what is measured: node scripts/endings-table.ts', () => {
  expect(readFileSync(path, 'utf8')).toBe(page())
})
