// What the documentation site makes of the repository's Markdown. test/browser/site.test.ts builds it.
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'
import { toRawMarkdown } from '../../tools/site/agents.ts'
import { Links } from '../../tools/site/links.ts'
import { findPages, isWide, pathOf } from '../../tools/site/pages.ts'
import { createSidebar, type SidebarItem } from '../../tools/site/sidebar.ts'

const root = join(import.meta.dirname, '../..')
const github = 'https://github.com/tollgate-mcp/tollgate'
const pages = findPages(root)
const links = new Links(root, pages, github)

test('each page is in a sidebar once: list a new one of docs/guide in docs/guide/README.md', () => {
  const flat = (item: SidebarItem): string[] => [item.link ?? '', ...(item.items ?? []).flatMap(flat)]
  const sidebar = createSidebar(pages, links)
  // Both have the overviews.
  const main = sidebar['/']!.flatMap(flat)
  const api = (sidebar['/reference/api/'] ?? []).flatMap(flat)
  const found = [...main, ...api.filter((link) => !main.includes(link))].filter((link) => link !== '')
  const expected = pages
    .filter(({ file }) => file !== 'README.md')
    .map(({ path }) => `/${path.replace(/\.md$/, '.html').replace(/(^|\/)index\.html$/, '$1')}`)
  expect(found.sort()).toEqual(expected.sort())
})

test('the overview of decisions lists each, with its title', () => {
  const decisions = pages.filter(({ file }) => /^docs\/adr\/\d/.test(file))
  const overview = pages.find(({ file }) => file === 'docs/adr/README.md')!.markdown
  for (const { file, markdown } of decisions) {
    const [, number, title] = /^# (\d+): (.+)$/m.exec(markdown)!
    expect(overview).toContain(`- [${number}. ${title}](${posix.basename(file)})`)
  }
})

test('a README stands for its folder, and files beside docs/ are in lower case', () => {
  expect(['README.md', 'docs/guide/README.md', 'docs/guide/hosts.md', 'SECURITY.md'].map(pathOf)).toEqual([
    'index.md',
    'guide/index.md',
    'guide/hosts.md',
    'security.md',
  ])
  expect(new Set(pages.map(({ path }) => path)).size).toBe(pages.length)
})

test('a link leads to a page, or to the file on GitHub; one to nothing is refused', () => {
  const page = (from: string, target: string): string | undefined => links.resolve(from, target)?.page?.path
  expect(page('README.md', 'docs/guide/hosts.md#deno')).toBe('guide/hosts.md')
  expect(page('docs/storage.md', 'guide/providers/')).toBe('guide/providers/index.md')
  expect(links.resolve('docs/guide/hosts.md', '../../examples')).toEqual({
    anchor: '',
    source: `${github}/tree/main/examples`,
  })
  expect(links.resolve('docs/storage.md', '../src/errors.ts')?.source).toBe(
    `${github}/blob/main/src/errors.ts`,
  )
  for (const target of ['#deno', 'https://example.com/', 'mailto:a@example.com'])
    expect(links.resolve('README.md', target)).toBeUndefined()
  expect(() => links.resolve('README.md', 'docs/nothing.md')).toThrow(
    'README.md: the link to docs/nothing.md',
  )
})

test('each page has a title and a summary without Markdown', () => {
  for (const { file, title, summary } of pages) {
    expect(title, file).not.toBe('')
    expect(`${title} ${summary}`, file).not.toMatch(/`|\]\(|\*\*/)
  }
  const [home] = pages
  expect(home!.title).toBe('Tollgate')
  expect(home!.summary).toMatch(/^OAuth 2\.1 for MCP servers/)
})

test('a page with a table of six columns or a diagram is wide', () => {
  expect(isWide({ markdown: '```mermaid\nflowchart LR\n```\n' })).toBe(true)
  const table = (columns: number): string => `| a |\n|${' --- |'.repeat(columns)}\n`
  expect([5, 6].map((columns) => isWide({ markdown: table(columns) }))).toEqual([false, true])
})

test('in the Markdown for agents each relative link leads to such Markdown', () => {
  const paths = new Set(pages.map(({ path }) => path))
  const broken = pages.flatMap((page) =>
    relativeLinks(toRawMarkdown(page, links))
      .filter((target) => !paths.has(posix.join(posix.dirname(page.path), target.split('#')[0]!)))
      .map((target) => `${page.path}: ${target}`),
  )
  expect(broken).toEqual([])
})

test('in the Markdown for agents code is as it was', () => {
  const page = {
    ...pages[0]!,
    markdown: '[a](docs/storage.md) `[b](docs/storage.md)`\n\n```\n[c](docs/x)\n```\n',
  }
  expect(toRawMarkdown(page, links)).toBe('[a](storage.md) `[b](docs/storage.md)`\n\n```\n[c](docs/x)\n```\n')
})

function relativeLinks(markdown: string): string[] {
  const text = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^([a-z]+:|#)/.test(target))
}
