// Every TypeScript block of the README and the guide compiles against the built package, as a user would write it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compile } from '../support/compile.ts'
import { isApiPage, toModule } from '../support/api-examples.ts'

const root = join(import.meta.dirname, '../..')
// Inside the package, so that `tollgate/…` resolves through its own `exports`.
const folder = join(root, '.tollgate/snippets')

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'AGENTS.md', 'examples/README.md'],
  ...markdown('docs'),
  ...markdown('skills'),
]

function markdown(below: string): string[] {
  return readdirSync(join(root, below), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${below}/${file.replaceAll('\\', '/')}`)
}

/** In the API reference, the example of a member is indented as its comment. */
function textOf(page: string): string {
  const text = readFileSync(join(root, page), 'utf8')
  return isApiPage(page) ? text.replaceAll(/^ {2}/gm, '') : text
}

const snippets = pages.flatMap((page) => {
  const blocks = textOf(page).matchAll(/^```ts\n([\s\S]*?)^```$/gm)
  return [...blocks].map(([, code], i) => ({
    name: `${page.replaceAll(/\W/g, '-')}-${i + 1}.ts`,
    code: isApiPage(page) ? toModule(page, code!) : code!,
  }))
})

/** What a snippet leaves to the reader's own application. */
const ambient = `
declare module 'cloudflare:workers' {
  export const env: Record<string, any>
  export function waitUntil(promise: Promise<unknown>): void
}
declare function mcp(request: Request, context?: { authInfo?: { token: string; clientId: string; scopes: string[] } | undefined }): Promise<Response>
declare namespace Deno {
  function openKv(path?: string): Promise<import('tollgate/store/deno-kv').DenoKvLike>
}
declare function userOf(request: Request): Promise<{ subject: string; name?: string } | undefined>
`

/** Blocks of TypeScript that are not compiled here: `typescript` in place of `ts`. */
const elsewhere: Record<string, string> = {
  'docs/guide/hosts.md': 'quick-start.test.ts runs them',
  'docs/guide/test-your-server.md': 'testing-page.test.ts runs them',
}

test('each block of TypeScript is compiled here, or by the test that runs it', () => {
  const others = pages.flatMap((page) => {
    const text = textOf(page)
    const blocks = [...text.matchAll(/^ *```(typescript|tsx|js|javascript|jsx| +ts)\b.*$/gm)].map(
      ([fence]) => fence,
    )
    // A page about moving shows what another library's program was, and programs that need its package.
    const allowed = page in elsewhere || page.startsWith('docs/guide/migrate/') ? Infinity : 0
    return blocks.length > allowed || /^ +```ts$/m.test(text) ? [`${page}: ${blocks.join(', ')}`] : []
  })
  expect(others).toEqual([])
})

test('the snippets of the README and the guide compile', async () => {
  expect(snippets.length).toBeGreaterThan(3)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'ambient.d.ts'), ambient)
  for (const { name, code } of snippets)
    writeFileSync(
      join(folder, name),
      code.includes('import ') || code.includes('export ') ? code : `${code}\nexport {}`,
    )
  const options = {
    compilerOptions: {
      target: 'es2022',
      module: 'nodenext',
      lib: ['es2023', 'dom', 'dom.iterable'],
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    },
    include: ['.'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  expect(await compile(folder)).toBe('')
})
