// A browser without a window, for demos and tests: follows redirects, keeps cookies, and submits the forms that it finds.

export interface Visit {
  /** What the visitor types into every text and password field. Default: `demo`. */
  name?: string
  /** What he types elsewhere, by the input's name. */
  answers?: Readonly<Record<string, string>>
  /** The scopes that he agrees to, on a page that lets him choose. Default: all. */
  scopes?: readonly string[]
  /** Which button he presses: the first whose text or value matches. */
  press?: RegExp
  /** Called for each page with its title. */
  onPage?: (title: string, url: string) => void
  cookies?: Map<string, string>
  /** How the server is reached. Default: over the network. */
  send?: (request: Request) => Promise<Response>
}

/** Goes on until it would be sent to `redirectUri`, and returns that URL. Throws where a page has no way on. */
export async function browse(start: string | URL, redirectUri: string, visit: Visit = {}): Promise<URL> {
  const cookies = visit.cookies ?? new Map<string, string>()
  let next: Step = { url: new URL(start), method: 'GET' }
  for (let steps = 0; steps < 20; steps++) {
    const response = await open(next, cookies, visit.send ?? fetch)
    const location = response.headers.get('location')
    if (response.status >= 300 && response.status < 400 && location !== null) {
      const url = new URL(location, next.url)
      if (url.href.startsWith(redirectUri)) return url
      next = { url, method: 'GET', from: next.url }
      continue
    }
    const html = await response.text()
    visit.onPage?.(titleOf(html), next.url.origin + next.url.pathname)
    const form = formOf(html, next.url, visit)
    if (form === undefined)
      throw new Error(
        `${next.url.origin}${next.url.pathname} answered ${response.status} without a form:\n${textOf(html)}`,
      )
    next = form
  }
  throw new Error(`there is no end to ${next.url.origin}${next.url.pathname}`)
}

interface Step {
  url: URL
  method: 'GET' | 'POST'
  body?: URLSearchParams
  from?: URL
}

async function open(
  { url, method, body, from }: Step,
  jar: Map<string, string>,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  const headers = new Headers({
    accept: 'text/html',
    // What a browser would say of itself.
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': from === undefined ? 'none' : from.origin === url.origin ? 'same-origin' : 'cross-site',
  })
  // A cookie belongs to a host, not to a port (RFC 6265 §8.5); but the demo's two servers should not see each other's.
  const mine = [...jar].filter(([name]) => name.startsWith(`${url.origin} `))
  if (mine.length > 0)
    headers.set('cookie', mine.map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; '))
  if (method === 'POST') headers.set('origin', url.origin)
  const response = await send(
    new Request(url, { method, headers, redirect: 'manual', ...(body ? { body } : {}) }),
  )
  for (const cookie of response.headers.getSetCookie()) keep(cookie, url, jar)
  return response
}

function keep(cookie: string, url: URL, jar: Map<string, string>): void {
  const [pair = '', ...attributes] = cookie.split(';')
  const equals = pair.indexOf('=')
  const name = `${url.origin} ${pair.slice(0, equals).trim()}`
  const gone = attributes.some((each) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(each))
  if (gone) jar.delete(name)
  else jar.set(name, pair.slice(equals + 1))
}

/** The form with a button that leads on, filled in. Every box is ticked, but for scopes that the visit leaves out. */
function formOf(html: string, page: URL, visit: Visit): Step | undefined {
  const press = visit.press ?? /allow|approve|authori[sz]e|continue|sign.?in|log.?in/i
  for (const [, attributes = '', inside = ''] of html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
    const buttons = [...inside.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)]
    const button = buttons.find(([, own = '', text = '']) =>
      press.test(`${textOf(text)} ${attribute(own, 'value') ?? ''}`),
    )
    if (button === undefined) continue
    const body = new URLSearchParams()
    for (const [, own = ''] of inside.matchAll(/<input\b([^>]*)>/gi)) {
      const name = attribute(own, 'name')
      const type = attribute(own, 'type') ?? 'text'
      if (name === undefined || type === 'submit' || type === 'button') continue
      if (type === 'radio' && !/\schecked\b/i.test(own)) continue
      const value = attribute(own, 'value')
      if (type === 'checkbox') {
        if (name !== 'scope' || (visit.scopes?.includes(value ?? '') ?? true))
          body.append(name, value ?? 'on')
      } else if (type === 'hidden' || value) body.append(name, visit.answers?.[name] ?? value ?? '')
      else body.append(name, visit.answers?.[name] ?? visit.name ?? 'demo')
    }
    const name = attribute(button[1]!, 'name')
    if (name !== undefined) body.append(name, attribute(button[1]!, 'value') ?? '')
    const action = attribute(button[1]!, 'formaction') ?? attribute(attributes, 'action')
    const url = new URL(action === undefined || action === '' ? page : action, page)
    if (attribute(attributes, 'method')?.toLowerCase() === 'post')
      return { url, method: 'POST', body, from: page }
    url.search = body.toString()
    return { url, method: 'GET', from: page }
  }
  return undefined
}

function attribute(text: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(text)
  const value = found?.[1] ?? found?.[2] ?? found?.[3]
  return value === undefined ? undefined : unescape(value)
}

const titleOf = (html: string): string => textOf(/<title>([\s\S]*?)<\/title>/i.exec(html)?.[1] ?? '')

const textOf = (html: string): string =>
  unescape(html.replaceAll(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, '').replaceAll(/<[^>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()

function unescape(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return text.replaceAll(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) =>
    hex
      ? String.fromCodePoint(Number.parseInt(hex, 16))
      : decimal
        ? String.fromCodePoint(Number(decimal))
        : (named[name.toLowerCase()] ?? all),
  )
}
