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
  /\b(?:\w*Error|super|refused|localError|wireError)\((?=\s*(?:[^'(),]*\?\s*)?'([a-z]+(?:_[a-z]+)+)'(?:\s*:\s*'([a-z_]+)')?)/g

interface Created {
  readonly file: string
  readonly code: string
  readonly statuses: readonly number[]
}

/** Each error that the code creates; its status is a number among the arguments, or else 400. */
function created(): readonly Created[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = read(`src/${file}`)
      return [...text.matchAll(creates)].flatMap(({ index, 0: opening, 1: one, 2: other }) => {
        const written = argumentsAt(text, index + opening.length).match(/\b[45]\d\d\b/g) ?? ['400']
        const statuses = written.map(Number)
        return [one, other].flatMap((code) => (code === undefined ? [] : [{ file, code, statuses }]))
      })
    })
}

/** The text from here to the parenthesis that closes the call. */
function argumentsAt(text: string, start: number): string {
  let end = start
  for (let depth = 1; depth > 0 && end < text.length; end++) depth += { '(': 1, ')': -1 }[text[end]!] ?? 0
  return text.slice(start, end)
}

test('each documented code is in the type, and each in the type is documented, once', () => {
  expect(typed.length).toBeGreaterThan(30)
  expect(new Set(documented).size).toBe(documented.length)
  expect([...documented].sort()).toEqual([...typed].sort())
})

test('the code creates each of them, and no other', () => {
  expect([...new Set(created().map(({ code }) => code))].sort()).toEqual([...typed].sort())
})

/** Statuses that a row has from elsewhere than the creation of an error. */
const answered: Readonly<Record<string, readonly number[]>> = {
  // `refuseInvalid(target, 403, …)` of the guard.
  invalid_request: [403],
}

/** The client's errors have no status on the page; a sentence there says what two libraries answer. */
const isOnPage = ({ file }: Created): boolean => !/^client[/\\]|mcp-errors\.ts$/.test(file)

/** A status that no caller sees: the error goes to the redirect URI, or only to `onError`. */
const unseen = ['server_error 400']

test('each status on the page is one that the code answers with this code, and the other way round', () => {
  const rows = [...read('docs/reference/errors.md').matchAll(/^\| `([a-z_]+)` +\| ([\d, ]+?) +\|/gm)]
  expect(rows.length).toBeGreaterThan(15)
  const errors = created().filter(isOnPage)
  const wrong = rows.flatMap(([, code, statuses]) => {
    const documentedStatuses = statuses!.split(', ').map(Number)
    const given = errors.filter((each) => each.code === code).flatMap((each) => each.statuses)
    const actual = new Set([...given, ...(answered[code!] ?? [])])
    const seen = [...actual].filter((each) => !unseen.includes(`${code} ${each}`)).sort((a, b) => a - b)
    return String(seen) === String(documentedStatuses) ? [] : [`${code}: ${documentedStatuses}, not ${seen}`]
  })
  expect(wrong).toEqual([])
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
