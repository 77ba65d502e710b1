// docs/architecture.md names files and functions that exist, and every folder of src/.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** Rows of the flows: | step | `file` | `function`, `function` |. Files are named from src/ on. */
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, , file]) => /^`[\w/.-]+\.ts`$/.test(file ?? ''))
  .map(([, , file, functions]) => ({
    file: file!.replaceAll('`', ''),
    functions: [...(functions ?? '').matchAll(/`([#\w]+)`/g)].map(([, name]) => name!),
  }))

test('each function of the flows is declared in the file that is named', () => {
  expect(rows.length).toBeGreaterThan(40)
  const missing = rows.flatMap(({ file, functions }) => {
    const path = join(root, 'src', file)
    if (!existsSync(path)) return [`${file} does not exist`]
    const code = readFileSync(path, 'utf8')
    if (functions.length === 0) return [`${file}: no function is named`]
    return functions
      .filter(
        (name) =>
          !new RegExp(
            `(?:function\\*?|const|class|interface|type|get|async) ${name}\\b|^ +(?:async )?${name}(?:<[^>]*>)?\\(`,
            'm',
          ).test(code),
      )
      .map((name) => `${file} does not declare ${name}`)
  })
  expect(missing).toEqual([])
})

test('each path that the page names exists', () => {
  const paths = [...page.matchAll(/`((?:src|test|docs|bench|scripts)\/[\w/.-]*)`/g)].map(([, path]) => path!)
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('each folder of src/ is in the house', () => {
  const folders = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, 'src').length + 1))
  expect(folders.filter((folder) => !page.includes(`\`${folder}/\``))).toEqual([])
})
