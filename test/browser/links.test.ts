// The page that links an account, and the account page with links, in Chromium: by keyboard, in light and dark, on
// desktop and phone; axe-core finds nothing.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Page } from 'playwright-core'
import { BrowserRig, findings, signIn } from '../support/pages-browser.ts'
import { connectApp, startProviders, type BrowserLinks } from '../support/links-browser.ts'

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

let providers: BrowserLinks
let rig: BrowserRig
beforeAll(async () => {
  providers = await startProviders()
  rig = await BrowserRig.start({ links: providers.links })
})
afterAll(async () => {
  await rig.close()
  await providers.close()
})

const views = [
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 740 } }],
  ['without script', { javaScriptEnabled: false }],
] as const

/** What axe-core finds, if scripts run there. */
const checked = async (page: Page, name: string): Promise<void> => {
  if (name !== 'without script') expect(await findings(page)).toEqual([])
  if (name === 'phone') expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
}

/** Tabs to the control of this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('Tab')
    const focused = page.locator(':focus')
    const label = (await focused.getAttribute('aria-label')) ?? (await focused.innerText())
    if (label === name) return
  }
  throw new Error(`No control ${name}`)
}

test.each(views)('LK1 the keyboard links an account and unlinks it: %s', async (name, options) => {
  const page = await rig.newPage(options)
  const auth = await connectApp(rig, page, `user ${name}`)
  await page.goto((await auth.link('github')).href)
  await page.getByRole('heading', { name: 'Connect your GitHub account?' }).waitFor()
  expect(await page.getByText(`user ${name}`).count()).toBe(1)
  await checked(page, name)
  await tabTo(page, 'Go on to GitHub')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'Allow' }).press('Enter')
  await page.getByRole('heading', { name: 'GitHub is connected' }).waitFor()
  expect(await page.getByRole('status').innerText()).toBe('Account ada-l')
  await checked(page, name)
  expect((await auth.upstream('github')).accessToken).toBe('github access token of ada-l')
  await page.goto(`${rig.issuer}/account`)
  await page.getByRole('heading', { name: 'Linked accounts' }).waitFor()
  await checked(page, name)
  await tabTo(page, 'Unlink GitHub account ada-l')
  await page.keyboard.press('Enter')
  await page.getByRole('status').waitFor()
  expect(await page.getByRole('status').innerText()).toBe('The account is no longer linked.')
  expect(await page.getByRole('heading', { name: 'Linked accounts' }).count()).toBe(0)
  await expect(auth.upstream('github')).rejects.toMatchObject({ code: 'account_not_linked' })
})

test.each(views)('LK1 not connecting: nothing is stored, and the page says so: %s', async (name, options) => {
  const page = await rig.newPage(options)
  const auth = await connectApp(rig, page, `denying ${name}`)
  await page.goto((await auth.link('google')).href)
  const [deny, yes] = await Promise.all(
    ['Do not connect', 'Go on to Google'].map(
      async (each) => (await page.getByRole('button', { name: each }).boundingBox())!,
    ),
  )
  expect([deny!.width, deny!.height, deny!.y]).toEqual([yes!.width, yes!.height, yes!.y])
  await tabTo(page, 'Do not connect')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Nothing was connected' }).waitFor()
  await checked(page, name)
  await expect(auth.upstream('google')).rejects.toMatchObject({ code: 'account_not_linked' })
})

test('LK1 account linking: the attacker’s URL in the victim’s browser is an error page', async () => {
  const attacker = await connectApp(rig, await rig.newPage(), 'mallory')
  const url = (await attacker.link('github')).href
  const victim = await rig.newPage()
  await connectApp(rig, victim, 'victim')
  await victim.goto(url)
  await victim.getByRole('heading', { name: 'This link is for another user' }).waitFor()
  expect(await victim.getByRole('button').count()).toBe(0)
  expect(await findings(victim)).toEqual([])
  await expect(attacker.upstream('github')).rejects.toMatchObject({ code: 'account_not_linked' })
})

test('LK1 a user who is not signed in signs in first and comes back to the page', async () => {
  const auth = await connectApp(rig, await rig.newPage(), 'returning')
  const page = await rig.newPage()
  await page.goto((await auth.link('github')).href)
  await signIn(page, 'returning')
  await page.getByRole('heading', { name: 'Connect your GitHub account?' }).waitFor()
  await page.getByRole('button', { name: 'Go on to GitHub' }).click()
  await page.getByRole('link', { name: 'Allow' }).click()
  await page.getByRole('heading', { name: 'GitHub is connected' }).waitFor()
  expect((await auth.upstream('github')).accessToken).toBe('github access token of ada-l')
})

test('LK1 a double click, and Back: the account is linked', async () => {
  const page = await rig.newPage()
  const auth = await connectApp(rig, page, 'double')
  await page.goto((await auth.link('github')).href)
  await page.getByRole('button', { name: 'Go on to GitHub' }).dblclick()
  await page.getByRole('link', { name: 'Allow' }).waitFor()
  await page.goBack()
  await page.getByRole('button', { name: 'Go on to GitHub' }).click()
  await page.getByRole('link', { name: 'Allow' }).click()
  await page.getByRole('heading', { name: 'GitHub is connected' }).waitFor()
  expect((await auth.upstream('github')).accessToken).toBe('github access token of ada-l')
})
