// Writes the site's pictures in docs/screenshots: node test/support/site-screenshots.ts
import { join } from 'node:path'
import { launchBrowser } from './pages-browser.ts'
import { buildSite, serveSite } from './site.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const site = await buildSite('https://docs.example.com/')
const served = await serveSite(site.folder, '/')
const browser = await launchBrowser()
const desktop = { viewport: { width: 1280, height: 800 } }
for (const [name, address, options] of [
  ['site-light', '', desktop],
  ['site-dark', 'guide/hosts.html', { ...desktop, colorScheme: 'dark' }],
  ['site-phone', 'guide/', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }],
] as const) {
  const page = await browser.newPage(options)
  await page.goto(`${served.origin}/${address}`, { waitUntil: 'networkidle' })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
await browser.close()
served.close()
site.remove()
