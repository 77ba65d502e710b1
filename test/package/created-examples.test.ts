import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commonFiles, copies, filesOf, folder, names } from '../../scripts/created-examples.ts'

test.each(names)('examples/%s is what `tollgate create` writes: node scripts/created-examples.ts', (name) => {
  const files = filesOf(name)
  for (const [path, text] of files) expect(readFileSync(join(folder, name, path), 'utf8'), path).toBe(text)
  const sources = readdirSync(join(folder, name, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const expected = [...files.keys()].filter((path) => path.startsWith('src/'))
  expect(sources.toSorted()).toEqual(expected.map((path) => join(folder, name, path)).toSorted())
})

test.each(copies)('examples/%s has the files of create/common: node scripts/created-examples.ts', (copy) => {
  const files = commonFiles()
  expect(readdirSync(join(folder, copy)).toSorted()).toEqual([...files.keys()].toSorted())
  for (const [name, text] of files) expect(readFileSync(join(folder, copy, name), 'utf8'), name).toBe(text)
})
