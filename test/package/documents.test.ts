// The documents name files and identifiers that exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

function filesBelow(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (/^node_modules$|^\./.test(entry.name)) return []
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path, pattern) : pattern.test(path) ? [path] : []
  })
}

/** A superseded decision speaks of what was. */
const documents = [...filesBelow('docs', /\.md$/), 'README.md', 'CONTRIBUTING.md', 'SECURITY.md']
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  .filter(({ text }) => !/^Superseded/m.test(text))
  // Snippets are compiled by a test of their own.
  .map(({ file, text }) => ({ file, text: text.replaceAll(/^```[\s\S]*?^```/gm, '') }))

const identifiers = new Set(
  ['src', 'scripts', 'examples', 'test', 'bench']
    .flatMap((folder) => filesBelow(folder, /\.tsx?$/))
    .flatMap((file) => readFileSync(join(root, file), 'utf8').match(/[A-Za-z_]\w*/g) ?? []),
)

/** Names of other projects, and words that are not names. */
const foreign = [
  'app/.well-known/[...path]/route.ts',
  'app/oauth/[...path]/route.ts',
  'camelCase',
  'rewriteRelativeImportExtensions',
  'commandTimeout',
  './x.ts',
  './x.js',
  '/jwks.json',
]

test('each file that a document names exists', () => {
  expect(documents.length).toBeGreaterThan(30)
  const missing = documents.flatMap(({ file, text }) =>
    [...text.matchAll(/`([\w@./[\]-]+\/[\w.[\]-]+\.(?:tsx?|js|mjs|json|toml|sh|md))`/g)]
      .map(([, path]) => path!)
      .filter((path) => !foreign.includes(path))
      .filter(
        (path) =>
          ![path, `src/${path}`, join(dirname(file), path)].some((each) => existsSync(join(root, each))),
      )
      .map((path) => `${file}: ${path}`),
  )
  expect(missing).toEqual([])
})

test('each identifier that a document names occurs in the code', () => {
  const missing = documents.flatMap(({ file, text }) =>
    [...text.matchAll(/`([^`\n]+)`/g)]
      .flatMap(([, words]) => [...words!.matchAll(/(?<![\w.'"-])([a-z]+[A-Z]\w*)\b/g)])
      .map(([name]) => name)
      .filter((name) => !foreign.includes(name) && !identifiers.has(name))
      .map((name) => `${file}: ${name}`),
  )
  expect(missing).toEqual([])
})
