// The pages in Chromium, used as users do; axe-core finds nothing.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { BrowserRig, findings, signIn } from '../support/pages-browser.ts'

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

let rig: BrowserRig
beforeAll(async () => {
  rig = await BrowserRig.start({ lifetimes: { rememberedConsent: 3600 } })
})
afterAll(() => rig.close())

/** The consent page of a user who has signed in. */
async function consent(
  name: string,
  { parameters = {}, ...options }: BrowserContextOptions & { parameters?: Record<string, string> } = {},
): Promise<Page> {
  const page = await rig.newPage(options)
  await page.goto(await rig.url(parameters))
  await signIn(page, name)
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  return page
}

const approve = (page: Page): Promise<void> => page.getByRole('button', { name: 'Approve' }).click()
const backInApp = (page: Page): Promise<void> =>
  page.getByRole('heading', { name: 'Back in the app' }).waitFor()
const last = (): URLSearchParams => rig.answers.at(-1)!

test('approve: one scope of two, and the code is good', async () => {
  const page = await consent('approver')
  expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(2)
  await page.getByLabel('Create, change').uncheck()
  await approve(page)
  await backInApp(page)
  expect(last().get('iss')).toBe(rig.issuer)
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  const [grant] = await rig.as.grants.list('approver')
  expect(grant!.scopes).toEqual(['notes:read'])
})

test('approve with nothing chosen: told what to do, then it works', async () => {
  const page = await consent('hasty')
  for (const box of await page.getByRole('checkbox').all()) await box.uncheck()
  await approve(page)
  expect(await page.getByRole('alert').innerText()).toContain('Choose at least one thing')
  expect(await findings(page)).toEqual([])
  await page.getByLabel('Create, change').check()
  await approve(page)
  await backInApp(page)
})

test('U8 a required scope is fixed, also for the keyboard, and granted; axe finds nothing', async () => {
  const page = await consent('required')
  await page.goto(await rig.url({ resource: rig.second, scope: 'events:read events:write' }))
  const fixed = page.getByLabel('See your events (required)')
  expect([await fixed.isChecked(), await fixed.isDisabled()]).toEqual([true, true])
  expect(await findings(page)).toEqual([])
  await page.getByLabel('Create and change events').uncheck()
  await approve(page)
  await backInApp(page)
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  expect((await rig.as.grants.list('required'))[0]!.scopes).toEqual(['events:read'])
})

test('CN14 choices: asked, told what is missing, kept, in the grant; by keyboard; axe finds nothing', async () => {
  const options = [
    { value: 'acme', label: 'Acme' },
    { value: 'home', label: 'At home' },
  ]
  const own = await BrowserRig.start({
    consent: {
      choices: () => [
        { name: 'workspace', label: 'Workspace', options },
        {
          name: 'project',
          label: 'Project',
          options: Array.from({ length: 9 }, (_, i) => ({ value: `p${i}`, label: `Project ${i}` })),
          required: false,
        },
      ],
    },
  })
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await own.newPage({ colorScheme })
      await page.goto(await own.url())
      await signIn(page, `choosing ${colorScheme}`)
      await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
      expect(await findings(page)).toEqual([])
      await page.getByLabel('Project').selectOption('p8')
      await approve(page)
      expect(await page.getByRole('alert').innerText()).toBe('Choose an option for “Workspace”.')
      expect(await findings(page)).toEqual([])
      expect(await page.getByLabel('Project').inputValue()).toBe('p8')
      await page.getByRole('radio', { name: 'Acme' }).focus()
      await page.keyboard.press('ArrowDown')
      await approve(page)
      await backInApp(page)
      expect(await own.redeem('desk', `${own.appOrigin}/callback`)).toBe(200)
      const [grant] = await own.as.grants.list(`choosing ${colorScheme}`)
      expect(grant!.choices).toEqual({ workspace: 'home', project: 'p8' })
      await page.goto(`${own.issuer}/account`)
      expect(await page.getByText('Workspace: At home').count()).toBe(1)
      expect(await findings(page)).toEqual([])
    }
  } finally {
    await own.close()
  }
})

test('S12 two resources: each has its list and its required scope; axe finds nothing', async () => {
  const page = await consent('several')
  const url = new URL(await rig.url({ scope: '' }))
  url.searchParams.append('resource', rig.second)
  await page.goto(url.href)
  expect(await page.getByRole('group').count()).toBe(2)
  expect(await findings(page)).toEqual([])
  await page.getByLabel('See your events').uncheck()
  await approve(page)
  expect(await page.getByRole('alert').innerText()).toContain('Calendar does not work without')
  for (const name of ['Create and change events', 'Invite other people'])
    await page.getByLabel(name).uncheck()
  await approve(page)
  await backInApp(page)
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  expect((await rig.as.grants.list('several'))[0]!.resources).toEqual([rig.resource])
})

test('RC6 a double click: the app gets its code, and one only', async () => {
  const page = await consent('double')
  const before = rig.answers.length
  await page.getByRole('button', { name: 'Approve' }).dblclick()
  await backInApp(page)
  const codes = new Set(rig.answers.slice(before).map((each) => each.get('code')))
  expect([codes.size, codes.has(null)]).toEqual([1, false])
  expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
})

test('T7 what is remembered stands on the account page and can be ended there; axe finds nothing', async () => {
  const page = await consent('remembering', {
    parameters: { client_id: 'web', redirect_uri: 'https://assistant.test/callback' },
  })
  await page.getByLabel('Do not ask again').check()
  const gone = page.waitForRequest(/^https:\/\/assistant\.test\/callback/)
  await approve(page)
  await gone
  await page.waitForURL(/^chrome-error:/)
  await page.goto(`${rig.issuer}/account`)
  expect(await findings(page)).toEqual([])
  await page.getByRole('button', { name: 'Ask me again when Web Assistant connects' }).click()
  expect(await page.getByRole('status').innerText()).toBe('You are asked again when that app connects.')
})

test('deny: as big and as near as Approve, and the app hears of it', async () => {
  const page = await consent('denier')
  const [deny, yes] = await Promise.all(
    ['Deny', 'Approve'].map(async (name) => (await page.getByRole('button', { name }).boundingBox())!),
  )
  expect([deny!.width, deny!.height, deny!.y]).toEqual([yes!.width, yes!.height, yes!.y])
  await page.getByRole('button', { name: 'Deny' }).click()
  await backInApp(page)
  expect([last().get('error'), last().get('state'), last().get('code')]).toEqual([
    'access_denied',
    'state',
    null,
  ])
  // Nothing was stored, so going back asks anew.
  await page.goBack()
  await page.getByLabel('Read your notes').check()
  await approve(page)
  await backInApp(page)
  expect(last().has('code')).toBe(true)
})

test('two tabs and a reload', async () => {
  const first = await consent('tabs', { parameters: { state: 'first' } })
  const second = await first.context().newPage()
  await second.goto(await rig.url({ state: 'second' }))
  await second.reload()
  await first.getByLabel('Read your notes').check()
  await approve(first)
  await backInApp(first)
  expect(last().get('state')).toBe('first')
  await second.getByLabel('Read your notes').check()
  await approve(second)
  await backInApp(second)
  expect(last().get('state')).toBe('second')
  expect(last().has('code')).toBe(true)
})

test('by keyboard only, with a visible focus', async () => {
  const page = await rig.newPage()
  await page.goto(await rig.url())
  await page.keyboard.press('Tab')
  await page.keyboard.type('keys')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  const reached: string[] = []
  for (let i = 0; i < 8 && reached.at(-1) !== 'approve'; i++) {
    await page.keyboard.press('Tab')
    const value = await page.evaluate<string>("document.activeElement.value ?? 'link'")
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle')
    expect(outline).toBe('solid')
    reached.push(value)
    if (value === 'notes:write') await page.keyboard.press('Space')
  }
  expect(reached).toEqual(['link', 'notes:read', 'notes:write', 'deny', 'approve'])
  await page.keyboard.press('Enter')
  await backInApp(page)
  expect((await rig.as.grants.list('keys'))[0]!.scopes).toEqual(['notes:read'])
})

test('without JavaScript, and without CSS', async () => {
  const page = await consent('plain', { javaScriptEnabled: false })
  await page.getByLabel('Read your notes').check()
  await approve(page)
  await backInApp(page)
  expect(last().has('code')).toBe(true)
  const bare = await consent('bare')
  await bare.evaluate("document.querySelector('style').remove()")
  await bare.getByLabel('Read your notes').check()
  await approve(bare)
  await backInApp(bare)
  expect(last().has('code')).toBe(true)
})

const looks: [string, BrowserContextOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['360 px', { viewport: { width: 360, height: 640 } }],
  [
    '360 px, dark, high contrast',
    { viewport: { width: 360, height: 640 }, colorScheme: 'dark', contrast: 'more' },
  ],
]

test.each(looks)('%s: nothing to find for axe, nothing wider than the window', async (look, options) => {
  const name = `looks ${look}`
  const check = async (page: Page): Promise<void> => {
    expect(await findings(page)).toEqual([])
    const width = await page.evaluate<number>('document.documentElement.scrollWidth')
    expect(width).toBeLessThanOrEqual(page.viewportSize()!.width)
  }
  const page = await rig.newPage(options)
  await page.goto(await rig.url())
  await check(page)
  await signIn(page, name)
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  await check(page)
  const long = await rig.register({
    client_name: 'Wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',
    redirect_uris: [`https://${'sub-domain.'.repeat(12)}example.test/callback/${'x'.repeat(200)}`],
  })
  const redirect_uri = `https://${'sub-domain.'.repeat(12)}example.test/callback/${'x'.repeat(200)}`
  await page.goto(await rig.url({ client_id: long, redirect_uri }))
  await check(page)
  await page.goto(await rig.url({ client_id: long, redirect_uri, scope: 'unknown' }))
  await page.getByRole('link', { name: 'Go back to the app' }).waitFor()
  await check(page)
  await page.goto(`${rig.issuer}/account`)
  await check(page)
})

test('the account page: what is connected, one ends, then all', async () => {
  const page = await consent('account')
  for (let i = 0; i < 3; i++) {
    await page.goto(await rig.url())
    await page.getByLabel('Read your notes').check()
    await approve(page)
    await backInApp(page)
    expect(await rig.redeem('desk', `${rig.appOrigin}/callback`)).toBe(200)
  }
  await page.goto(`${rig.issuer}/account`)
  expect(await findings(page)).toEqual([])
  const items = page
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name: 'Desk Assistant' }) })
  expect(await items.count()).toBe(3)
  await page
    .getByRole('button', { name: /^Disconnect Desk Assistant/ })
    .first()
    .click()
  expect(await page.getByRole('status').innerText()).toBe('The app is disconnected.')
  expect(await items.count()).toBe(2)
  expect(await findings(page)).toEqual([])
  await page.getByText('Disconnect all apps').click()
  expect(await findings(page)).toEqual([])
  await page.getByRole('button', { name: 'Disconnect all 2' }).click()
  await page.getByText('No app has access to your account.').waitFor()
  expect(await rig.as.grants.list('account')).toEqual([])
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Your name').waitFor()
})

test('AZ14 clickjacking: no site can frame a page', async () => {
  const page = await rig.newPage()
  await page.goto(`${rig.appOrigin}/`)
  await page.setContent(`<iframe src="${(await rig.url()).replaceAll('&', '&amp;')}"></iframe>`)
  expect(page.frames().map((each) => each.url())).toContain('chrome-error://chromewebdata/')
})

test('the redirect after the consent form is followed to an app on another origin', async () => {
  // Chromium applies `form-action` to every later redirect: with it, this click would lead nowhere.
  const page = await consent('web', {
    parameters: { client_id: 'web', redirect_uri: 'https://assistant.test/callback' },
  })
  await page.getByLabel('Read your notes').check()
  await page.getByLabel('Do not ask again').check()
  const gone = page.waitForRequest(/^https:\/\/assistant\.test\/callback/)
  await approve(page)
  expect(new URL((await gone).url()).searchParams.has('code')).toBe(true)
})

test('S21 a long host name is seen to its end, beside the tick as well', async () => {
  const host = `claude.ai.${'secure-and-verified.'.repeat(10)}evil.test`
  const id = `https://${host}/client.json`
  const document = { client_id: id, client_name: 'Claude', redirect_uris: [`https://${host}/cb`] }
  const own = await BrowserRig.start({ fetch: async () => Response.json(document) })
  try {
    const page = await own.newPage({ viewport: { width: 500, height: 900 } })
    await page.goto(await own.url({ client_id: id, redirect_uri: `https://${host}/cb` }))
    await signIn(page, 'reader')
    await page.getByText('Published by').waitFor()
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(500)
    expect(await findings(page)).toEqual([])
  } finally {
    await own.close()
  }
})

test('clickjacking by a double click: a click that was meant for a window above approves nothing', async () => {
  // No pointer was ever over this one; and time stands still when one comes.
  const page = await (await consent('doubleclicked')).context().newPage()
  await page.goto(await rig.url())
  const before = rig.answers.length
  const debug = await page.context().newCDPSession(page)
  await debug.send('Animation.enable')
  await debug.send('Animation.setPlaybackRate', { playbackRate: 0 })
  const { x, y } = (await page.getByRole('button', { name: 'Approve' }).boundingBox())!
  for (let i = 0; i < 3; i++) await page.mouse.click(x + 9, y + 9)
  await page.getByRole('heading', { name: 'wants to use Notes' }).waitFor()
  expect(rig.answers.length).toBe(before)
  await debug.send('Animation.setPlaybackRate', { playbackRate: 1 })
  await approve(page)
  await backInApp(page)
})

test('the keyboard approves at once', async () => {
  const page = await consent('typist')
  await page.getByRole('button', { name: 'Approve' }).focus()
  await page.keyboard.press('Enter')
  await backInApp(page)
})
