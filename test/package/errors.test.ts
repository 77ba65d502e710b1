// docs/reference/errors.md, the type OAuthErrorCode and the code name the same error codes, and the same pages.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const documented = [...read('docs/reference/errors.md').matchAll(/^\| `([a-z_]+)`/gm)].map(
  ([, code]) => code!,
)

const [, union = ''] = /export type OAuthErrorCode =\n([\s\S]*?)\n\n/.exec(read('src/errors.ts')) ?? []
const typed = [...union.matchAll(/^ {2}\| '([a-z_]+)'$/gm)].map(([, code]) => code!)

/** What creates an error; the code is the first argument, or one of two in a conditional. */
const creates =
  /\b(?:\w*Error|super|refused|localError|wireError)\(\s*(?:[^'(),]*\?\s*)?'([a-z]+(?:_[a-z]+)+)'(?:\s*:\s*'([a-z_]+)')?/g

function created(): Set<string> {
  const codes = new Set<string>()
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    for (const [, ...found] of read(`src/${file}`).matchAll(creates))
      for (const code of found) if (code !== undefined) codes.add(code)
  }
  return codes
}

test('each documented code is in the type, and each in the type is documented, once', () => {
  expect(typed.length).toBeGreaterThan(30)
  expect(new Set(documented).size).toBe(documented.length)
  expect([...documented].sort()).toEqual([...typed].sort())
})

test('the code creates each of them, and no other', () => {
  expect([...created()].sort()).toEqual([...typed].sort())
})

test('each error page of the authorization server is documented by its title, and no other', () => {
  const section = /## Pages that a user sees\n([\s\S]*?)\n## /.exec(read('docs/reference/errors.md'))![1]!
  const rows = [...section.matchAll(/^\| ([A-Z][^|]*?) +\|/gm)].map(([, title]) => title!)
  const files = ['page-error.ts', 'page/error.ts', 'authorize/target.ts', 'link/errors.ts']
  const code = files.map((file) => read(`src/authorization-server/${file}`)).join('')
  const titles = [
    ...code.matchAll(/\btitle: (?:[^'\n]*\? )?'([^']+)'(?: : '([^']+)')?/g),
    ...code.matchAll(/(?:: |= )\[\n\s+'([^']+)'/g),
  ].flatMap(([, ...found]) => found.filter((each) => each !== undefined))
  expect(rows.length).toBeGreaterThan(12)
  expect([...new Set(titles)].sort()).toEqual(rows.sort())
  // Pages are made in these files only.
  const makers = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && /new PageError\(/.test(read(`src/${file}`)),
  )
  expect(files.map((file) => join('authorization-server', file))).toEqual(expect.arrayContaining(makers))
})
