import type { Fetch } from '../types.ts'
import { readForms, titleOf, type Form } from './forms.ts'

/** A page of the server under test, as the user sees it. */
export interface TestPage {
  readonly url: URL
  readonly status: number
  readonly title: string
  readonly html: string
  readonly forms: readonly Form[]
}

/** What the user does with a page: the form, and the values that it sends. */
export interface Submission {
  readonly form: Form
  readonly values: URLSearchParams
}

/** Follows redirects and fills forms, with cookies and with the headers of a browser. It runs no script. */
export interface Browser {
  /**
   * Goes there and on, until an address at `destination`, which it returns. Rejects if a page has no form
   * that `answer` fills.
   */
  visit(url: URL, destination: string, answer: (page: TestPage) => Submission): Promise<URL>
}

/** No sign-in has more pages and redirects. */
const maxSteps = 30

export function createBrowser(fetch: Fetch, headers: Headers): Browser {
  const cookies = createCookies()
  const send = async (url: URL, site: string, init: RequestInit = {}): Promise<Response> => {
    const all = new Headers(headers)
    for (const [name, value] of new Headers(init.headers)) all.set(name, value)
    all.set('accept', 'text/html')
    all.set('sec-fetch-site', site)
    const own = [all.get('cookie'), cookies.for(url)].filter(Boolean).join('; ')
    if (own !== '') all.set('cookie', own)
    const response = await fetch(url, { ...init, headers: all, redirect: 'manual' })
    for (const each of response.headers.getSetCookie()) cookies.keep(url, each)
    return response
  }
  return {
    async visit(start, destination, answer) {
      let [url, site, init]: [URL, string, RequestInit] = [start, 'none', {}]
      for (let i = 0; i < maxSteps; i++) {
        if (url.href.startsWith(destination)) return url
        const response = await send(url, site, init)
        const location = response.headers.get('location')
        if (response.status >= 300 && response.status < 400 && location !== null) {
          await response.body?.cancel()
          const next = new URL(location, url)
          ;[site, url, init] = [siteOf(url, next), next, {}]
          continue
        }
        const html = await response.text()
        const page = { url, status: response.status, title: titleOf(html), html, forms: readForms(html) }
        const { form, values } = answer(page)
        const action = new URL(form.action, url)
        const posts = form.method === 'POST'
        if (!posts) action.search = values.toString()
        ;[site, init] = [siteOf(url, action), posts ? postOf(url, values) : {}]
        url = action
      }
      throw new Error(
        `The sign-in does not end: ${maxSteps} pages and redirects, the last at ${withoutQuery(url)}`,
      )
    },
  }
}

const siteOf = (from: URL, to: URL): string => (from.origin === to.origin ? 'same-origin' : 'cross-site')

const postOf = ({ origin }: URL, values: URLSearchParams): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded', origin },
  body: values.toString(),
})

/** A query may carry a code or a sealed request. */
export const withoutQuery = ({ origin, pathname }: URL): string => origin + pathname

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** The cookies of each host (RFC 6265 §5), as far as tests need them: host, path, `Max-Age`. */
function createCookies(): { for(url: URL): string; keep(url: URL, setCookie: string): void } {
  const jars = new Map<string, Cookie[]>()
  return {
    for: ({ host, pathname }) =>
      (jars.get(host) ?? [])
        .filter(({ path }) => pathname === path || pathname.startsWith(path.replace(/\/?$/, '/')))
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    keep({ host }, setCookie) {
      const [pair = '', ...attributes] = setCookie.split(';').map((each) => each.trim())
      const at = pair.indexOf('=')
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      const attribute = (wanted: string): string | undefined =>
        attributes.find((each) => each.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1)
      const path = attribute('path') ?? '/'
      const isOver = Number(attribute('max-age') ?? 1) <= 0 || attribute('expires')?.includes(' 1970 ')
      const others = (jars.get(host) ?? []).filter((each) => each.name !== name || each.path !== path)
      jars.set(host, isOver ? others : [...others, { name, value, path }])
    },
  }
}
