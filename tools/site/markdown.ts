// How the repository's Markdown is read: links as GitHub follows them, and diagrams.
import { relative } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import type { Links } from './links.ts'
import { homeMarkdown } from './home.ts'
import { addressOf } from './pages.ts'

export interface RepositoryMarkdown {
  root: string
  links: Links
}

/** They have every word of the others: in the search they would stand before the answer. */
const unsearched = ['CHANGELOG.md', 'docs/spec-map.md']

export function useRepositoryMarkdown(md: MarkdownRenderer, { root, links }: RepositoryMarkdown): void {
  // As GitHub: `README.md` in a sentence is a file, though .md is a top-level domain.
  md.linkify.set({ fuzzyLink: false })
  const fileOf = ({ env }: { env: { path: string; realPath?: string } }): string =>
    relative(root, env.realPath ?? env.path).replaceAll('\\', '/')
  md.core.ruler.push('search', (state) => {
    if (unsearched.includes(fileOf(state)))
      state.env.frontmatter = { ...state.env.frontmatter, search: false }
  })
  md.core.ruler.before('normalize', 'home', (state) => {
    if (fileOf(state) === 'README.md') state.src = homeMarkdown(state.src)
  })
  md.core.ruler.push('repository', (state) => {
    const { tokens } = state
    const file = fileOf(state)
    for (const [index, { type, content }] of tokens.entries()) {
      // The corner of a table of two sides is no header.
      if (tokens[index - 1]?.type === 'th_open' && type === 'inline' && content === '')
        tokens[index - 1]!.tag = tokens[index + 1]!.tag = 'td'
    }
    for (const token of tokens.flatMap((token) => [token, ...(token.children ?? [])])) {
      if (token.type === 'html_inline' || token.type === 'html_block') checkHtml(file, token.content)
      if (token.type !== 'link_open') continue
      const link = links.resolve(file, token.attrGet('href') ?? '')
      if (link === undefined) continue
      token.attrSet('href', link.page ? addressOf(link.page) + link.anchor : link.source)
    }
  })
  const fence = md.renderer.rules['fence']!
  md.renderer.rules['fence'] = (tokens, index, ...rest) => {
    const { info, content } = tokens[index]!
    if (info.trim() !== 'mermaid') return fence(tokens, index, ...rest)
    // Readable without JavaScript too.
    return `<pre class="mermaid" v-pre>${md.utils.escapeHtml(content)}</pre>`
  }
}

/** GitHub drops what it does not know, and Vue takes it for a component. */
function checkHtml(file: string, html: string): void {
  const known = /^<\/?(a|br|details|summary|kbd|sub|sup)\b/
  for (const [tag] of html.matchAll(/<(?!!--)[^>]*>/g))
    if (!known.test(tag)) throw new Error(`${file}: ${tag} is no HTML that GitHub shows; write it as code`)
}
