// The documentation site: built, link-checked, and used in Chromium as readers do.
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compile } from '../support/compile.ts'
import { findPages } from '../../tools/site/pages.ts'
import { findings, launchBrowser } from '../support/pages-browser.ts'
import { buildSite, serveSite, type BuiltSite } from '../support/site.ts'

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

const url = 'https://docs.example.com/tollgate'
const base = '/tollgate/'
const root = join(import.meta.dirname, '../..')
const pages = findPages(root)

let site: BuiltSite
let served: Awaited<ReturnType<typeof serveSite>>
let browser: Browser
/** What pages complained of, and what they asked other hosts for. */
const complaints: string[] = []

beforeAll(async () => {
  site = await buildSite(url)
  served = await serveSite(site.folder, base)
  browser = await launchBrowser()
}, 240_000)
afterAll(async () => {
  await browser?.close()
  served?.close()
  site?.remove()
})

const htmlFiles = (): string[] => site.files.filter((file) => file.endsWith('.html'))
const decode = (text: string): string =>
  text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
const attributes = (html: string, pattern: RegExp): string[] =>
  [...html.matchAll(pattern)].map(([, value]) => decode(value!))

async function open(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(served.origin + base))
      complaints.push(`asks for ${request.url()}`)
  })
  await page.goto(served.origin + base + address)
  if (options.javaScriptEnabled !== false)
    await page.waitForFunction("document.querySelector('#app').__vue_app__ !== undefined")
  return page
}

test('each page of the repository is there, as HTML and as Markdown', () => {
  expect(pages.length).toBeGreaterThan(60)
  const expected = pages.flatMap(({ path }) => [path, path.replace(/\.md$/, '.html')])
  expect(expected.filter((path) => !site.files.includes(path))).toEqual([])
})

test('each link, anchor, image, script and style leads to something', () => {
  const anchors = new Map(
    htmlFiles().map((file) => [file, new Set(attributes(site.read(file), /\sid="([^"]*)"/g))]),
  )
  const broken = htmlFiles().flatMap((file) => {
    const html = site
      .read(file)
      .replaceAll(/<script[\s\S]*?<\/script>/g, (script) => script.split('>', 1)[0]!)
    return attributes(html, /\s(?:href|src)="([^"]*)"/g)
      .filter((target) => !/^(https?:|data:|mailto:)/.test(target))
      .filter((target) => {
        const { pathname, hash } = new URL(target, `${url}/${file}`)
        if (!pathname.startsWith(base)) return true
        const path = pathname.slice(base.length).replace(/(^|\/)$/, '$1index.html')
        if (!site.files.includes(path)) return true
        // An anchor of the page that is not there: GitHub's and the site's would differ.
        return hash !== '' && !anchors.get(path)?.has(decodeURIComponent(hash.slice(1)))
      })
      .map((target) => `${file}: ${target}`)
  })
  expect(broken).toEqual([])
})

test('the home page is the README from its first section on, with a head of its first paragraph', () => {
  const home = site.read('index.html')
  const text = home.replaceAll(/<[^>]+>/g, '')
  expect(home).toMatch(/<h1[^>]*>.*Tollgate/s)
  expect(text).toContain('OAuth 2.1 for MCP servers')
  expect(text).toContain('npx tollgate create my-server')
  for (const name of ['createResourceServer', 'createAuthorizationServer', 'createClient'])
    expect(text).toContain(name)
  expect(text).not.toContain('npm ci')
})

test('the search knows the sections of guide and reference, not the changelog', () => {
  const index = site.files.find((file) => /localSearchIndexroot/.test(file))!
  const text = site.read(index)
  expect(text).toContain('/tollgate/guide/hosts.html#deno')
  expect(text).not.toContain('/tollgate/changelog.html')
  expect(text).not.toContain('/tollgate/spec-map.html')
})

test('settings and theme compile', async () => {
  expect(await compile(join(root, 'tools/site'))).toBe('')
})

test('canonical address, Markdown and description are in the head; the sitemap has each page', () => {
  const html = site.read('guide/hosts.html')
  expect(html).toContain(`<link rel="canonical" href="${url}/guide/hosts.html">`)
  expect(html).toContain(`<link rel="alternate" type="text/markdown" href="${base}guide/hosts.md">`)
  expect(html).toContain('<meta name="description" content="Each quick start below')
  const listed = [...site.read('sitemap.xml').matchAll(/<loc>/g)].length
  expect(listed).toBe(pages.length)
})

test('llms.txt lists each page as Markdown; robots.txt forbids nothing', () => {
  const text = site.read('llms.txt')
  expect(text).toMatch(/^# Tollgate\n\n> OAuth 2\.1 for MCP servers/)
  const listed = attributes(text, /^- \[.*?\]\((\S+)\): /gm)
  const expected = pages.filter(({ path }) => path !== 'index.md').map(({ path }) => `${url}/${path}`)
  expect([...new Set(listed)].sort()).toEqual(expected.sort())
  expect(site.read('robots.txt')).toBe(`User-agent: *\nAllow: /\n\nSitemap: ${url}/sitemap.xml\n`)
})

const reference = pages.filter(({ file }) => file === 'docs/reference/api/tollgate.md')
/** Home, tables, code, wide tables, a diagram, an entry of the reference: what is looked at, and in which widths. */
const samples: [address: string, kinds: ('desktop' | 'phone' | 'dark')[]][] = [
  ['', ['desktop', 'phone', 'dark']],
  ['guide/', ['desktop', 'phone']],
  ['guide/hosts.html', ['desktop', 'dark']],
  ['guide/clients.html', ['desktop', 'phone', 'dark']],
  ['guide/concepts.html', ['desktop', 'phone', 'dark']],
  ...reference.map(() => ['reference/api/tollgate.html', ['desktop']] as (typeof samples)[number]),
]

test.each([
  ['desktop', { viewport: { width: 1280, height: 900 } }],
  ['phone', { viewport: { width: 360, height: 740 } }],
  ['dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
] as const)('%s: nothing to find for axe, nothing wider than the window', async (kind, options) => {
  for (const [address] of samples.filter(([, kinds]) => kinds.includes(kind))) {
    const page = await open(address, options)
    if (address === 'guide/concepts.html') await page.locator('.diagram').first().waitFor()
    expect(await findings(page), address).toEqual([])
    const width = await page.evaluate<number>('document.documentElement.scrollWidth')
    expect(width, address).toBeLessThanOrEqual(options.viewport.width)
    await page.context().close()
  }
})

test('a diagram is drawn, has a name, and follows the colours', async () => {
  const page = await open('architecture.html', { colorScheme: 'light' })
  const name = await page.locator('.diagram svg').first().getAttribute('aria-label')
  expect(name).toMatch(/^Diagram: \w/)
  const color = (): Promise<string> =>
    page.evaluate<string>(
      "getComputedStyle(document.querySelector('.diagram svg text, .diagram svg span')).color",
    )
  const light = await color()
  await page.emulateMedia({ colorScheme: 'dark' })
  await expect.poll(color).not.toBe(light)
  const plain = await open('architecture.html', { javaScriptEnabled: false })
  expect(await plain.locator('pre.mermaid').first().innerText()).toContain('flowchart')
})

test('by keyboard only: skip link, then search finds a page', async () => {
  const page = await open('guide/')
  await page.keyboard.press('Tab')
  expect(await page.evaluate<string>('document.activeElement.textContent')).toContain('Skip to content')
  await page.keyboard.press('Enter')
  expect(new URL(page.url()).hash).toBe('#VPContent')
  await page.keyboard.press('Control+k')
  await page.getByRole('searchbox').waitFor()
  expect(await findings(page)).toEqual([])
  await page.keyboard.type('rotate the secret')
  await page.getByRole('option').nth(1).waitFor()
  expect(await findings(page)).toEqual([])
  await page.keyboard.press('ArrowDown')
  const chosen = page.getByRole('option', { selected: true })
  const address = await chosen.getAttribute('href')
  expect((await chosen.innerText()).toLowerCase()).toMatch(/rotat|secret/)
  await page.keyboard.press('Enter')
  await page.waitForURL(served.origin + address)
})

test('by keyboard only: a page by the sidebar, on a phone by its menu', async () => {
  const desk = await open('guide/')
  await focusOn(desk, 'Protect an MCP server')
  await desk.keyboard.press('Enter')
  await desk.getByRole('heading', { level: 1, name: 'Protect an MCP server' }).waitFor()
  const phone = await open('guide/', { viewport: { width: 360, height: 740 } })
  await focusOn(phone, 'Menu')
  await phone.keyboard.press('Enter')
  await phone.getByRole('link', { name: 'Threat model' }).first().waitFor()
  expect(await findings(phone)).toEqual([])
  await focusOn(phone, 'Rotate')
  await phone.keyboard.press('Enter')
  await phone.getByRole('heading', { level: 1, name: 'Rotat' }).waitFor()
})

test('a page that does not exist is said to be missing', async () => {
  const page = await open('nothing.html')
  expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Page not found')
  expect(await findings(page)).toEqual([])
  complaints.splice(0, complaints.length, ...complaints.filter((each) => !each.includes('status of 404')))
})

test('no page of the above asked another host for anything, or complained', () => {
  expect(complaints).toEqual([])
})

test('what runs in a page is what the build wrote: its policy names each script, and no host', () => {
  for (const file of htmlFiles()) {
    const [policy] = attributes(
      site.read(file),
      /<meta http-equiv="content-security-policy" content="([^"]*)">/g,
    )
    expect(policy, file).toMatch(/default-src 'none'.*script-src 'self'( 'sha256-[\w+/=]+')+;/)
    expect(policy, file).not.toMatch(/https?:|script-src[^;]*unsafe/)
  }
})

/** Presses Tab until the focus is on the element of this text. */
async function focusOn(page: Page, text: string): Promise<void> {
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate<string>('document.activeElement.textContent.trim()')) === text) return
  }
  throw new Error(`the keyboard does not reach "${text}"`)
}
