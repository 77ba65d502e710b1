// The sign-in pages in Chromium: password, key and chooser, by keyboard, in light and dark; axe-core finds nothing.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Page } from 'playwright-core'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { hashPassword, passwordSignIn } from '../../src/authorization-server/sign-in/password.ts'
import { BrowserRig, findings } from '../support/pages-browser.ts'

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

const password = 'correct horse battery staple'

let rig: BrowserRig
beforeAll(async () => {
  rig = await BrowserRig.start({
    signIn: oneOf(
      passwordSignIn({ users: { ada: { hash: await hashPassword(password), name: 'Ada' } } }),
      keySignIn({ label: 'Notes API key', verify: (key) => (key === 'good' ? { subject: 'keyed' } : null) }),
    ),
  })
})
afterAll(() => rig.close())

const views = [
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 740 } }],
  ['without script', { javaScriptEnabled: false }],
] as const

const consented = async (page: Page): Promise<void> => {
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  await page.getByRole('button', { name: 'Approve' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Back in the app' }).waitFor()
}

/** What axe-core finds, if scripts run there. */
const checked = async (page: Page, name: string): Promise<void> => {
  if (name !== 'without script') expect(await findings(page)).toEqual([])
  if (name === 'phone') expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
}

test.each(views)('SI1 SI9 the keyboard chooses and types the password: %s', async (name, options) => {
  const page = await rig.newPage(options)
  await page.goto(await rig.url())
  await checked(page, name)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByLabel('User name').waitFor()
  await checked(page, name)
  await page.keyboard.press('Tab')
  await page.keyboard.type('ada')
  await page.keyboard.press('Tab')
  await page.keyboard.type('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  expect(await page.getByRole('alert').innerText()).toBe('The user name or the password is wrong.')
  expect(await page.getByLabel('User name').inputValue()).toBe('ada')
  expect(await page.getByLabel('Password').inputValue()).toBe('')
  await checked(page, name)
  await page.getByLabel('Password').focus()
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await consented(page)
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  // The clock of the limits goes on.
  rig.ahead += 61
})

test.each(views)('SI8 SI9 the keyboard chooses and pastes the key: %s', async (name, options) => {
  const page = await rig.newPage(options)
  await page.goto(await rig.url())
  await page.getByRole('button', { name: 'Notes API key' }).focus()
  await page.keyboard.press('Enter')
  await page.getByLabel('Notes API key').waitFor()
  await checked(page, name)
  await page.getByLabel('Notes API key').fill('bad')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await checked(page, name)
  await page.getByLabel('Notes API key').fill('good')
  await page.keyboard.press('Enter')
  await consented(page)
  rig.ahead += 61
})

test('SI9 Back leads to the chooser; the last choice comes first there, and axe finds nothing', async () => {
  const page = await rig.newPage()
  await page.goto(await rig.url())
  await page.getByRole('button', { name: 'Notes API key' }).click()
  await page.getByLabel('Notes API key').waitFor()
  await page.goBack()
  const first = page.getByRole('button').first()
  expect(await first.innerText()).toBe('Sign in with your Notes API key (used last)')
  expect(await findings(page)).toEqual([])
  await page.getByRole('button', { name: 'your password' }).click()
  await page.getByLabel('Password').waitFor()
})
