// The sidebar: its sections are those of the overviews of the guide and of the API reference; other pages stand by
// their folder.
import { posix } from 'node:path'
import type { Links } from './links.ts'
import { addressOf, type Page } from './pages.ts'

export interface SidebarItem {
  text: string
  link?: string
  collapsed?: boolean
  items?: SidebarItem[]
}

const guide = 'docs/guide/README.md'
const api = 'docs/reference/api/README.md'

/** By the beginning of the address, as VitePress takes it: the API reference has one of its own. */
export function createSidebar(pages: readonly Page[], links: Links): Record<string, SidebarItem[]> {
  const inApi = pages.filter(({ file }) => file.startsWith(posix.dirname(api)))
  const rest = pages.filter((page) => !inApi.includes(page))
  const sections = sectionsOf(guide, rest, links)
  const listed = new Set(sections.flatMap((section) => section.pages))
  const others = (belongs: (page: Page) => boolean): Page[] =>
    rest.filter((page) => belongs(page) && !listed.has(page))
  const background = others(({ file }) => posix.dirname(file) === 'docs' || file === 'docs/adr/README.md')
  const overview = rest.filter(({ file }) => file === guide).map(item)
  const main = [
    ...sections.map(({ text, pages }, index) => {
      const items = pages.map((page) => withFolder(page, others))
      return { text, items: index === 0 ? [...overview, ...items] : items }
    }),
    group('Reference', [
      ...others(({ file }) => posix.dirname(file) === 'docs/reference'),
      ...inApi.filter(({ file }) => file === api),
    ]),
    { text: 'Background', items: background.map((page) => withFolder(page, others)) },
    group(
      'Project',
      others(({ file }) => !file.includes('/') && file !== 'README.md'),
    ),
  ]
  return { ...apiSidebar(inApi, links), '/': main.filter(({ items }) => items.length > 0) }
}

function apiSidebar(pages: readonly Page[], links: Links): Record<string, SidebarItem[]> {
  if (pages.length === 0) return {}
  const groups = sectionsOf(api, pages, links).map(({ text, pages }) => group(text, pages))
  const overview = pages.filter(({ file }) => file === api).map(item)
  return { '/reference/api/': [{ text: '← Guide', link: '/guide/' }, ...overview, ...groups] }
}

interface Section {
  text: string
  pages: Page[]
}

/** A section for each `##` of an overview, with the pages that it links to, each page once. */
function sectionsOf(file: string, pages: readonly Page[], links: Links): Section[] {
  const overview = pages.find((page) => page.file === file)
  if (overview === undefined) throw new Error(`${file} is missing`)
  const seen = new Set([overview])
  return overview.markdown
    .split(/^## +/m)
    .slice(1)
    .map((section) => {
      const found = [...section.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => links.resolve(file, target!)?.page)
        .filter((page) => page !== undefined)
        .filter((page) => pages.includes(page) && !seen.has(page) && seen.add(page))
      return { text: section.split('\n', 1)[0]!.trim(), pages: found }
    })
    .filter(({ pages }) => pages.length > 0)
}

/** A folder's README brings the folder's other pages along. */
function withFolder(page: Page, others: (belongs: (page: Page) => boolean) => Page[]): SidebarItem {
  const folder = posix.dirname(page.file)
  if (posix.basename(page.file) !== 'README.md' || page.file === guide) return item(page)
  const items = others((other) => posix.dirname(other.file) === folder && other !== page).map(item)
  return { ...item(page), collapsed: true, items }
}

const group = (text: string, pages: readonly Page[]): SidebarItem & { items: SidebarItem[] } => ({
  text,
  items: pages.map(item),
})

const item = (page: Page): SidebarItem => ({ text: page.title, link: addressOf(page) })
