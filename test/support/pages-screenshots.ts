// Writes docs/screenshots: node test/support/pages-screenshots.ts
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { hashPassword, passwordSignIn } from '../../src/authorization-server/sign-in/password.ts'
import { BrowserRig, signIn } from './pages-browser.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
mkdirSync(folder, { recursive: true })

const rig = await BrowserRig.start({
  branding: { name: 'Northwind Notes' },
  lifetimes: { rememberedConsent: 30 * 86_400 },
})
const shoot = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })

/** Approves and waits for the redirect to the app, which cannot be reached from here. */
async function approve(page: Page): Promise<void> {
  const gone = page.waitForEvent('requestfailed')
  await page.getByRole('button', { name: 'Approve' }).click()
  await gone
  await page.waitForTimeout(300)
}

const claude = await rig.register({
  client_name: 'Claude',
  redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
})
const cli = await rig.register({ client_name: 'Code Helper', redirect_uris: [`${rig.appOrigin}/callback`] })
const web = { client_id: claude, redirect_uri: 'https://claude.ai/api/mcp/auth_callback' }

const views = [
  ['light', {}, 'ada@example.com'],
  ['dark', { colorScheme: 'dark' }, 'grace@example.com'],
  ['phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }, 'mary@example.com'],
] as const
const usual = { deviceScaleFactor: 1.5, viewport: { width: 800, height: 560 } }

for (const [name, options, user] of views) {
  const page = await rig.newPage({ ...usual, ...options })
  await page.goto(await rig.url(web))
  await shoot(page, `sign-in-${name}`)
  await signIn(page, user)
  await shoot(page, `consent-${name}`)
  for (const name of ['Read your notes', 'Create, change']) await page.getByLabel(name).uncheck()
  await page.getByRole('button', { name: 'Approve' }).click()
  await shoot(page, `consent-nothing-chosen-${name}`)
  await page.getByLabel('Read your notes').check()
  await page.getByLabel('Do not ask again').check()
  await approve(page)
  await rig.redeem(claude, web.redirect_uri)
  rig.ahead += 1600
  const two = `${await rig.url(web)}&resource=${encodeURIComponent(rig.second)}`
  await page.goto(two.replace(/&scope=[^&]*/, ''))
  await shoot(page, `consent-several-${name}`)
  await page.goto(await rig.url({ ...web, scope: '', resource: rig.second }))
  await shoot(page, `consent-required-${name}`)
  await page.goto(await rig.url({ ...web, scope: 'notes:write' }))
  await shoot(page, `consent-one-${name}`)
  await page.goto(await rig.url({ client_id: cli }))
  await shoot(page, `consent-loopback-${name}`)
  await page.getByRole('button', { name: 'Approve' }).click()
  await rig.redeem(cli, `${rig.appOrigin}/callback`)
  rig.ahead += 900
  await page.goto(await rig.url({ ...web, scope: 'calendar:read' }))
  await shoot(page, `error-${name}`)
  await page.goto(`${rig.issuer}/account`)
  await shoot(page, `account-${name}`)
}
await rig.close()

const other = await BrowserRig.start({
  branding: { name: 'Northwind Notes' },
  signIn: oneOf(
    passwordSignIn({ users: { ada: { hash: await hashPassword('a long password') } } }),
    keySignIn({ label: 'Notes API key', verify: () => null }),
  ),
})
for (const [name, options] of views) {
  const page = await other.newPage({ ...usual, ...options })
  await page.goto(await other.url())
  await page.getByRole('button', { name: 'your password' }).click()
  await shoot(page, `sign-in-password-${name}`)
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await shoot(page, `sign-in-password-wrong-${name}`)
  await page.goto(await other.url())
  await shoot(page, `sign-in-choice-${name}`)
  await page.getByRole('button', { name: 'Notes API key' }).click()
  await shoot(page, `sign-in-key-${name}`)
}
await other.close()

const choosing = await BrowserRig.start({
  branding: { name: 'Northwind Notes' },
  consent: {
    choices: () => [
      {
        name: 'workspace',
        label: 'Workspace',
        options: ['Northwind', 'Contoso', 'Private'].map((label) => ({ value: label.toLowerCase(), label })),
      },
      {
        name: 'project',
        label: 'Project',
        options: Array.from({ length: 9 }, (_, i) => ({ value: `p${i}`, label: `Project ${i + 1}` })),
        required: false,
      },
    ],
  },
})
for (const [name, options] of [
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }],
] as const) {
  const page = await choosing.newPage({
    deviceScaleFactor: 1.5,
    viewport: { width: 800, height: 560 },
    ...options,
  })
  await page.goto(await choosing.url())
  await signIn(page, 'ada@example.com')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('alert').waitFor()
  await page.getByRole('radio', { name: 'Contoso' }).check()
  await shoot(page, `consent-choices-${name}`)
}
await choosing.close()
