// Sign-in at an identity provider (`oidc-provider`) in Chromium: the whole way, and the attacks on it.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Page } from 'playwright-core'
import { oidc } from '../../src/provider/oidc.ts'
import { upstream } from '../../src/upstream/upstream.ts'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { BrowserRig, findings } from '../support/pages-browser.ts'

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

const client = { clientId: 'tollgate', clientSecret: 'a secret of the client at the provider' }

let rig: BrowserRig
let provider: Awaited<ReturnType<typeof startOidcProvider>>
beforeAll(async () => {
  rig = await BrowserRig.start(async (issuer) => {
    const redirectUri = `${issuer}/authorize/callback/oidc`
    provider = await startOidcProvider({ scopes: [], resources: {}, client: { ...client, redirectUri } })
    return { signIn: upstream(oidc({ issuer: provider.issuer, ...client }), { admit: () => true }) }
  })
})
afterAll(async () => {
  await rig.close()
  await provider.close()
})
beforeEach(() => void rig.answers.splice(0))

/** A page, and what it has asked the provider for. */
async function newPage(options = {}): Promise<{ page: Page; visits: URL[] }> {
  const page = await rig.newPage(options)
  const visits: URL[] = []
  page.on('request', (request) => {
    if (request.url().startsWith(provider.issuer)) visits.push(new URL(request.url()))
  })
  return { page, visits }
}

const approve = (page: Page): Promise<void> => page.getByRole('button', { name: 'Approve' }).click()
const backInApp = (page: Page): Promise<void> =>
  page.getByRole('heading', { name: 'Back in the app' }).waitFor()

/** Signs in at the provider, whose pages are its own. */
async function signInThere(page: Page, name: string): Promise<void> {
  await page.locator('input[name=login]').fill(name)
  await page.locator('input[name=password]').fill('any')
  await page.locator('button[type=submit]').click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

/** The codes that reached an app. */
const codes = (): string[] => rig.answers.flatMap((each) => each.get('code') ?? [])

const cookieNames = async (page: Page): Promise<string[]> =>
  (await page.context().cookies(rig.issuer)).map(({ name }) => name)

test.each([
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 740 } }],
  ['without script', { javaScriptEnabled: false }],
])('CN8 CN11 consent by keyboard, sign-in at the provider, and a good code: %s', async (name, options) => {
  const { page, visits } = await newPage(options)
  await page.goto(await rig.url())
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  expect(await page.getByText('You will sign in with').count()).toBe(1)
  if (name !== 'without script') expect(await findings(page)).toEqual([])
  if (name === 'phone') expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  expect(visits).toEqual([])
  await page.getByRole('button', { name: 'Approve' }).focus()
  await page.keyboard.press('Enter')
  await signInThere(page, `user-${name.replace(' ', '-')}`)
  await backInApp(page)
  const asked = visits[0]!.searchParams
  // The client's own values are `state` and the challenge of its verifier.
  expect(asked.get('state')).not.toBe('state')
  expect(asked.get('redirect_uri')).toBe(`${rig.issuer}/authorize/callback/oidc`)
  expect(rig.answers.at(-1)!.get('state')).toBe('state')
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  const [grant] = await rig.as.grants.list(`${provider.issuer}|user-${name.replace(' ', '-')}`)
  expect(grant!.scopes).toEqual(['notes:read', 'notes:write'])
})

test('CN8 confused deputy: with a session at the provider, a link of another client gives it nothing', async () => {
  const { page, visits } = await newPage()
  await page.goto(await rig.url())
  await approve(page)
  await signInThere(page, 'victim')
  await backInApp(page)
  rig.answers.splice(0)
  visits.splice(0)
  const before = await cookieNames(page)
  const evil = await rig.register({
    client_name: 'Desk Assistant',
    redirect_uris: [`${rig.appOrigin}/evil`],
  })
  await page.goto(await rig.url({ client_id: evil, redirect_uri: `${rig.appOrigin}/evil` }))
  // The victim is asked first; nothing went to the provider, and nothing came back to the attacker.
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  expect(visits).toEqual([])
  expect(codes()).toEqual([])
  const legs = (names: readonly string[]): string[] => names.filter((each) => each.includes('sign-in'))
  expect(legs(await cookieNames(page))).toEqual(legs(before))
  await page.getByRole('button', { name: 'Deny' }).click()
  await backInApp(page)
  expect(visits).toEqual([])
  expect(page.url()).toContain('error=access_denied')
})

test('CN9 the callback of one browser opened in another one gets no code, and its code stays unused', async () => {
  const attacker = await newPage()
  const path = '/authorize/callback/oidc'
  // The attacker signs in, and keeps the way back for the victim.
  rig.stopped.set(path, undefined)
  await attacker.page.goto(await rig.url())
  await approve(attacker.page)
  await signInThere(attacker.page, 'attacker')
  await attacker.page.getByText('stopped').waitFor()
  const callback = rig.stopped.get(path)!
  rig.stopped.delete(path)

  const victim = await newPage()
  const answer = await victim.page.goto(callback)
  expect(answer!.status()).toBe(403)
  expect(codes()).toEqual([])
  expect(await cookieNames(victim.page)).toEqual([])
  expect(await rig.as.grants.list(`${provider.issuer}|attacker`)).toEqual([])

  // It was not redeemed for the victim: in the browser where it began, it is still good.
  await attacker.page.goto(callback)
  await backInApp(attacker.page)
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  // Replayed: the form is answered.
  const replayed = await attacker.page.goto(callback)
  expect(replayed!.status()).toBe(403)
})

test('CN13 another account than the page named is asked again', async () => {
  const { page } = await newPage()
  await page.goto(await rig.url())
  await approve(page)
  await signInThere(page, 'first')
  await backInApp(page)
  // The session at the provider ends, ours does not.
  await page.context().clearCookies({ domain: new URL(provider.issuer).hostname, name: /^_session/ })
  await page.goto(await rig.url())
  await page.getByText('first').first().waitFor()
  rig.answers.splice(0)
  await approve(page)
  await signInThere(page, 'second')
  await page.getByRole('alert').waitFor()
  expect(await page.getByRole('alert').innerText()).toContain('another account')
  expect(codes()).toEqual([])
  expect(await findings(page)).toEqual([])
})

test('CN10 the user declines at the provider: access_denied for the client, without the provider’s words', async () => {
  const { page } = await newPage()
  await page.goto(await rig.url())
  await approve(page)
  await page.getByRole('link', { name: 'Cancel' }).click()
  await backInApp(page)
  const answer = rig.answers.at(-1)!
  expect(answer.get('error')).toBe('access_denied')
  expect(answer.get('error_description')).not.toContain('End-User')
  expect(answer.get('iss')).toBe(rig.issuer)
})
