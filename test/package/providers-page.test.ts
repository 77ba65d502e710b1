import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { page, path, samples } from '../../scripts/providers-table.ts'

const root = join(import.meta.dirname, '../..')
const names = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort()

const presets = names('src/provider', '.ts').filter((name) => name !== 'preset')

test.each(presets)('tollgate/provider/%s is importable alone, and exports the preset', async (name) => {
  const module = (await import(join(root, 'dist/provider', `${name}.js`))) as Record<string, unknown>
  const camelCase = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  expect(Object.keys(module)).toEqual([camelCase])
})

test('docs/reference/providers.md is what the presets say: node scripts/providers-table.ts', () => {
  expect(readFileSync(path, 'utf8')).toBe(page())
})

test('every preset stands in the table, in the exports and in the guide', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>
  }
  const exported = Object.keys(exports).flatMap((name) => name.match(/^\.\/provider\/(.+)$/)?.[1] ?? [])
  expect(Object.keys(samples).sort()).toEqual(presets)
  expect(exported.sort()).toEqual(presets)
  expect(names('docs/guide/providers', '.md').filter((name) => name !== 'README')).toEqual(presets)
})
