// Writes the screenshots of linked accounts to docs/screenshots: node test/support/links-screenshots.ts
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { connectApp, startProviders } from './links-browser.ts'
import { BrowserRig } from './pages-browser.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const providers = await startProviders()
const rig = await BrowserRig.start({ branding: { name: 'Northwind Notes' }, links: providers.links })
const shoot = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })

const views = [
  ['light', {}, 'ada@example.com'],
  ['dark', { colorScheme: 'dark' }, 'grace@example.com'],
  ['phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }, 'mary@example.com'],
] as const

for (const [name, options, user] of views) {
  const page = await rig.newPage({
    deviceScaleFactor: 1.5,
    viewport: { width: 800, height: 560 },
    ...options,
  })
  const auth = await connectApp(rig, page, user)
  const link = async (provider: string): Promise<void> => {
    await page.goto((await auth.link(provider)).href)
    await page.getByRole('button', { name: 'Go on to' }).click()
    await page.getByRole('link', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'is connected' }).waitFor()
  }
  await page.goto((await auth.link('github')).href)
  await shoot(page, `link-${name}`)
  await link('github')
  await shoot(page, `link-connected-${name}`)
  rig.ahead += 400
  await link('google')
  await page.goto((await auth.link('github')).href)
  await shoot(page, `link-again-${name}`)
  await page.getByRole('button', { name: 'Do not connect' }).click()
  await shoot(page, `link-denied-${name}`)
  await page.goto(`${rig.issuer}/account`)
  await shoot(page, `account-links-${name}`)
  const other = await connectApp(rig, await rig.newPage(), 'mallory@example.com')
  await page.goto((await other.link('github')).href)
  await shoot(page, `link-refused-${name}`)
}
await rig.close()
await providers.close()
