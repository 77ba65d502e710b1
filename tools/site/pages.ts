// The pages of the site: the Markdown of the repository, as it is, and where each file stands on the site.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file of the repository, from its root: `docs/guide/README.md`. */
export interface Page {
  file: string
  /** Where the site has it: `guide/index.md`. */
  path: string
  title: string
  /** Its first paragraph, as plain text. */
  summary: string
  markdown: string
}

/** What lies beside `docs/` and belongs on the site. */
const rootPages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']

/** Globs for everything else that is Markdown. */
export const notPages = [
  '!(docs)/**/*',
  `!(${rootPages.map((file) => file.replace('.md', '')).join('|')}).md`,
]

export function findPages(root: string): Page[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md'))
    .sort()
  return [...rootPages, ...docs].map((file) => readPage(root, file))
}

/** `docs/guide/README.md` is `guide/index.md` on the site, and `SECURITY.md` is `security.md`. */
export function pathOf(file: string): string {
  const inDocs = file.startsWith('docs/') ? file.slice('docs/'.length) : file.toLowerCase()
  return inDocs.replace(/(^|\/)readme\.md$/i, '$1index.md')
}

/** Where a browser finds it below the site's base: `/guide/` or `/guide/hosts.html`. */
export function addressOf(page: Pick<Page, 'path'>): string {
  return `/${page.path.replace(/\.md$/, '.html').replace(/(^|\/)index\.html$/, '$1')}`
}

/** It has a diagram, or a table of more columns than fit beside the list of headings. */
export function isWide({ markdown }: Pick<Page, 'markdown'>): boolean {
  return /^```mermaid$/m.test(markdown) || markdown.match(/^\|(?:\s*:?-+:?\s*\|){6,}$/m) !== null
}

function readPage(root: string, file: string): Page {
  const markdown = readFileSync(join(root, file), 'utf8')
  const [, title] = /^# +(.+)$/m.exec(markdown) ?? []
  if (title === undefined) throw new Error(`${file} has no title: a line that begins with "# "`)
  return { file, path: pathOf(file), title: plain(title), summary: summaryOf(markdown), markdown }
}

/** The first paragraph that is text: no heading, list, table, code, quote or comment. */
function summaryOf(markdown: string): string {
  const blocks = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').split(/\n\s*\n/)
  const paragraph = blocks.map((block) => block.trim()).find((block) => /^[^#|\->*<!\d\s]|^\*\*/.test(block))
  return plain((paragraph ?? '').replaceAll(/\s+/g, ' '))
}

/** Markdown without its marks. */
function plain(markdown: string): string {
  return markdown
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/`([^`]*)`/g, '$1')
    .replaceAll(/\*\*([^*]+)\*\*/g, '$1')
    .replaceAll(/(?<!\w)[_*]([^_*]+)[_*](?!\w)/g, '$1')
    .replaceAll('\\', '')
    .trim()
}
