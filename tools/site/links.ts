// Links between files of the repository, as GitHub follows them, lead to pages of the site, or to GitHub.
import { statSync } from 'node:fs'
import { join, posix } from 'node:path'
import type { Page } from './pages.ts'

export interface Link {
  /** The page that it leads to; undefined if the file is not on the site. */
  page?: Page
  /** `#anchor`, or empty. */
  anchor: string
  /** The file on GitHub. */
  source: string
}

export class Links {
  readonly #root: string
  readonly #pages: ReadonlyMap<string, Page>
  readonly #repository: string

  /** `repository`: its address, as `https://github.com/owner/name`. */
  constructor(root: string, pages: readonly Page[], repository: string) {
    this.#root = root
    this.#pages = new Map(pages.map((page) => [page.file, page]))
    this.#repository = repository
  }

  /** Undefined for a link inside the page and for one to another site. */
  resolve(from: string, target: string): Link | undefined {
    if (/^([a-z][a-z0-9+.-]*:|#|\/)/i.test(target)) return undefined
    const [path, anchor] = target.split('#') as [string, string?]
    const file = posix.join(posix.dirname(from), decodeURIComponent(path)).replace(/\/$/, '')
    const found = statSync(join(this.#root, file), { throwIfNoEntry: false })
    if (found === undefined) throw new Error(`${from}: the link to ${target} leads to no file`)
    const page = this.#pages.get(file) ?? this.#pages.get(posix.join(file, 'README.md'))
    const hash = anchor === undefined ? '' : `#${anchor}`
    const kind = found.isDirectory() ? 'tree' : 'blob'
    return {
      ...(page === undefined ? {} : { page }),
      anchor: hash,
      source: `${this.#repository}/${kind}/main/${file}${hash}`,
    }
  }
}
