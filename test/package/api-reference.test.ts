// docs/reference/api has what the doc comments say, and what is public has one.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { install } from '../support/runtime-next.ts'

const root = join(import.meta.dirname, '../..')
const committed = join(root, 'docs/reference/api')
const folder = mkdtempSync(join(tmpdir(), 'tollgate-reference-'))
const generated = join(folder, 'api')
const json = join(folder, 'api.json')

beforeAll(async () => {
  await install('tools/api-reference')
  execFileSync(process.execPath, ['generate.ts', generated, json], {
    cwd: join(root, 'tools/api-reference'),
    encoding: 'utf8',
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function pages(below: string): Record<string, string> {
  const files = readdirSync(below, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  )
  return Object.fromEntries(
    files.map((file) => [file.replaceAll('\\', '/'), readFileSync(join(below, file), 'utf8')]),
  )
}

test('docs/reference/api is what the doc comments say: npm run api-reference', () => {
  const now = pages(generated)
  expect(Object.keys(pages(committed)).sort()).toEqual(Object.keys(now).sort())
  expect(pages(committed)).toEqual(now)
})

test('each entry point has a page, and the index leads to it', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
  const files = Object.keys(exports).map((path) => path.replace(/^\./, 'tollgate') + '.md')
  expect(Object.keys(pages(committed)).sort()).toEqual(['README.md', ...files].sort())
  const index = readFileSync(join(committed, 'README.md'), 'utf8')
  expect(files.filter((file) => !index.includes(`](${file})`))).toEqual([])
})

interface Reflection {
  readonly id: number
  readonly kind: number
  readonly name: string
  readonly flags?: { readonly isOptional?: boolean }
  readonly comment?: { readonly summary: readonly { readonly text: string }[] }
  readonly children?: readonly Reflection[]
  readonly signatures?: readonly Reflection[]
  readonly inheritedFrom?: object
  readonly extendedTypes?: readonly { readonly target?: unknown }[]
  readonly type?: {
    readonly type: string
    readonly name?: string
    readonly declaration?: Reflection
    readonly types?: readonly Reflection['type'][]
  }
}

// TypeDoc's ReflectionKind.
const [constructor, reference] = [512, 4194304]
/** Types that mirror those of another library, whose documentation says what their members are. */
const mirrors = [
  ...['SdkClientProvider', 'SdkTokens', 'SdkErrors', 'WithMcpAuthOptions', 'Routes', 'GuardedRoutes'],
  ...['SqliteDatabase', 'SqliteStatement', 'RedisClient', 'D1Like', 'DenoKvLike', 'DenoKvAtomic'],
  ...['KvNamespaceLike', 'DurableObjectNamespaceLike', 'TollgateStore'],
]

/** Exports of all entry points, each once, by the page that has them. */
function exportsOf(): { page: string; each: Reflection }[] {
  const project = JSON.parse(readFileSync(json, 'utf8')) as Reflection
  return project.children!.flatMap((page) =>
    page.children!.filter(({ kind }) => kind !== reference).map((each) => ({ page: page.name, each })),
  )
}

/** The members of an export that it does not inherit. */
const membersOf = ({ children = [], type }: Reflection): Reflection[] =>
  [...children, ...(type?.declaration?.children ?? [])].filter(
    ({ kind, inheritedFrom }) => kind !== constructor && inheritedFrom === undefined,
  )

function commentOf({ comment, signatures = [], type }: Reflection): string {
  const own = comment?.summary.map(({ text }) => text).join('')
  return (
    own ||
    signatures.map(commentOf).find(Boolean) ||
    (type?.declaration?.signatures ?? []).map(commentOf).find(Boolean) ||
    ''
  )
}

test('each export has a comment of its own', () => {
  const all = exportsOf()
  expect(all.length).toBeGreaterThan(200)
  const byId = new Map(all.map(({ each }) => [each.id, commentOf(each)]))
  const missing = all.filter(({ each }) => {
    const comment = commentOf(each)
    // TypeDoc lends an interface the comment of what it extends.
    return comment === '' || each.extendedTypes?.some(({ target }) => byId.get(target as number) === comment)
  })
  expect(missing.map(({ page, each }) => `${page}: ${each.name}`)).toEqual([])
})

test('each member of an exported type has a comment', () => {
  const missing = exportsOf()
    .filter(({ each }) => !mirrors.includes(each.name))
    .flatMap(({ page, each }) =>
      membersOf(each)
        .filter((member) => commentOf(member) === '')
        .map((member) => `${page}: ${each.name}.${member.name}`),
    )
  expect(missing).toEqual([])
})

test('each option says its default, and a number its unit', () => {
  const options = exportsOf()
    .filter(({ each }) => /Options$|^Lifetimes$|^Need$/.test(each.name))
    .flatMap(({ page, each }) => membersOf(each).map((option) => ({ page, each, option })))
  expect(options.length).toBeGreaterThan(150)
  const silent = options.filter(({ option }) => {
    const comment = commentOf(option)
    const optional = option.flags?.isOptional === true
    if (optional && !/\b[Dd]efault\b|\bRequired\b/.test(comment)) return true
    return (
      isNumber(option.type) &&
      !/second|\bdays?\b|byte|character|entries|often|status|iterations|sessions|minute|\b\d[\d \u202f]*–/i.test(
        comment,
      )
    )
  })
  expect(silent.map(({ page, each, option }) => `${page}: ${each.name}.${option.name}`)).toEqual([])
})

const isNumber = (type: Reflection['type']): boolean =>
  (type?.type === 'intrinsic' && type.name === 'number') || (type?.types?.some(isNumber) ?? false)
