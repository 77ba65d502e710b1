// For programs that read: each page as Markdown beside its HTML, llms.txt, which lists them (llmstxt.org), robots.txt.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import type { Links } from './links.ts'
import { addressOf, type Page } from './pages.ts'
import type { SidebarItem } from './sidebar.ts'

export interface Site {
  pages: readonly Page[]
  links: Links
  sidebar: readonly SidebarItem[]
  /** What stands before each address: `/tollgate`, or `https://docs.example.com/tollgate`. */
  prefix: string
}

/** Writes into the folder of the built site. */
export function writeForAgents(folder: string, site: Site): void {
  for (const page of site.pages) write(join(folder, page.path), toRawMarkdown(page, site.links))
  write(join(folder, 'llms.txt'), llmsText(site))
  write(join(folder, 'robots.txt'), robotsText(site.prefix))
}

/** The page with links that hold on the site: to Markdown again, or to GitHub. */
export function toRawMarkdown(page: Page, links: Links): string {
  return outsideCode(page.markdown, (text) =>
    text.replaceAll(/\]\(([^)\s]+)\)/g, (whole, target: string) => {
      const link = links.resolve(page.file, target)
      if (link === undefined) return whole
      const path = link.page && posix.relative(posix.dirname(page.path), link.page.path)
      return `](${path === undefined ? link.source : path + link.anchor})`
    }),
  )
}

function llmsText({ pages, sidebar, prefix }: Site): string {
  const [home] = pages
  const byAddress = new Map(pages.map((page) => [addressOf(page), page]))
  const lines = (item: SidebarItem): string[] => {
    const page = byAddress.get(item.link ?? '')
    const own =
      page === undefined ? [] : [`- [${page.title}](${prefix}/${page.path}): ${shorten(page.summary)}`]
    return [...own, ...(item.items ?? []).flatMap(lines)]
  }
  const sections = sidebar
    .filter(({ items }) => items !== undefined)
    .map(({ text, items = [] }) => `## ${text}\n\n${items.flatMap(lines).join('\n')}\n`)
  return `# ${home!.title}\n\n> ${home!.summary}\n\n${sections.join('\n')}`
}

/** Everything may be read. A sitemap's address is absolute, so it is named only if that of the site is known. */
function robotsText(prefix: string): string {
  const sitemap = prefix.startsWith('https:') ? `\nSitemap: ${prefix}/sitemap.xml\n` : ''
  return `User-agent: *\nAllow: /\n${sitemap}`
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200).replace(/\W+\w*$/, '')} …`
}

/** Changes what is neither in a fence nor in a code span. */
function outsideCode(markdown: string, change: (text: string) => string): string {
  const parts = markdown.split(/(^```[\s\S]*?^```|`[^`\n]*`)/m)
  return parts.map((part, index) => (index % 2 === 0 ? change(part) : part)).join('')
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
