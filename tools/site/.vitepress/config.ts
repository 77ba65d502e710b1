// The site's settings. SITE_BASE: the path that it is served below. SITE_URL: its full address, for canonical links.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { slug } from 'github-slugger'
import { defineConfig, type HeadConfig } from 'vitepress'
import { accessibleTheme } from '../accessible-theme.ts'
import { writeForAgents } from '../agents.ts'
import { Links } from '../links.ts'
import { useRepositoryMarkdown } from '../markdown.ts'
import { addressOf, findPages, isWide, notPages, pathOf } from '../pages.ts'
import { createSidebar } from '../sidebar.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const own = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const { description, repository } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const github = repository.url.replace(/^git\+|\.git$/g, '')

const base = `/${process.env['SITE_BASE'] ?? ''}/`.replaceAll(/\/+/g, '/')
const url = process.env['SITE_URL']?.replace(/\/+$/, '') || undefined
const prefix = url ?? base.replace(/\/$/, '')

const pages = findPages(root)
const links = new Links(root, pages, github)
const sidebar = createSidebar(pages, links)

const hasApi = pages.some(({ file }) => file === 'docs/reference/api/README.md')

export default defineConfig({
  title: 'Tollgate',
  description,
  lang: 'en',
  base,
  srcDir: root,
  srcExclude: notPages,
  rewrites: pathOf,
  outDir: process.env['SITE_OUT'] ?? own('dist'),
  cacheDir: own('node_modules/.cache/vitepress'),
  metaChunk: true,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}icon.svg` }]],
  ...(url === undefined ? {} : { sitemap: { hostname: `${url}/` } }),
  markdown: {
    // Anchors as on GitHub, because the files' links are GitHub's.
    anchor: { slugify: slug },
    attrs: { disable: true },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (md) => useRepositoryMarkdown(md, { root, links }),
  },
  vite: { publicDir: own('public'), plugins: [accessibleTheme()] },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/guide/', activeMatch: '^/guide/' },
      ...(hasApi ? [{ text: 'API', link: '/reference/api/', activeMatch: '^/reference/api/' }] : []),
      { text: 'GitHub', link: github },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    externalLinkIcon: true,
    editLink: { pattern: `${github}/edit/main/:path`, text: 'Change this page on GitHub' },
    notFound: {
      title: 'Page not found',
      quote: 'There is no page at this address. The search may find what it was about.',
      linkLabel: 'To the home page',
      linkText: 'To the home page',
    },
    footer: { message: `Released under the MIT license.` },
  },
  transformPageData(data) {
    const page = pages.find(({ file }) => file === data.filePath)
    if (page === undefined) return {}
    const head: HeadConfig[] = [
      ['link', { rel: 'alternate', type: 'text/markdown', href: `${base}${page.path}` }],
    ]
    if (url !== undefined) head.push(['link', { rel: 'canonical', href: `${url}${addressOf(page)}` }])
    const home = page.file === 'README.md'
    const frontmatter = { head, aside: !home && !isWide(page), ...(home ? { pageClass: 'home' } : {}) }
    return { title: page.title, description: page.summary, frontmatter }
  },
  transformHtml: (html) => withPolicy(html),
  buildEnd({ outDir }) {
    writeForAgents(outDir, { pages, links, sidebar: Object.values(sidebar).flat(), prefix })
  },
})

/** Nothing is loaded from elsewhere; the scripts inside the page are those of the build. */
function withPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)]
  const hashes = scripts.map(([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`)
  const policy = [
    "default-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "connect-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    ["script-src 'self'", ...new Set(hashes)].join(' '),
    // Highlighted code and diagrams carry their colours with them.
    "style-src 'self' 'unsafe-inline'",
  ].join('; ')
  return html.replace('<head>', `<head>\n    <meta http-equiv="content-security-policy" content="${policy}">`)
}
