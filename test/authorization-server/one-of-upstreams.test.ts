// Several identity providers behind one chooser, one of them hostile.
import { expect, test } from 'vitest'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import type { SignIn, UpstreamAccess } from '../../src/types.ts'
import { Rig, RES_A } from '../support/as.ts'
import {
  Browser,
  codeOf,
  expectLocal,
  FakeUpstream,
  forms,
  grantsWritten,
  requestUrl,
  type Shown,
} from '../support/pages.ts'

const key = keySignIn({ verify: (given) => ({ subject: `key|${given}` }) })

interface World {
  rig: Rig
  honest: FakeUpstream
  hostile: FakeUpstream
}

function world(): World {
  const honest = new FakeUpstream('GitHub')
  const hostile = new FakeUpstream('Mallory ID')
  hostile.user = { subject: 'mallory|1' }
  return { rig: new Rig({ signIn: oneOf(honest, hostile, key) }), honest, hostile }
}

/** The user agrees, and gets the chooser. */
async function choose(browser: Browser, parameters = {}): Promise<Shown> {
  const page = await browser.get(await requestUrl(parameters))
  const chooser = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
  expectLocal(chooser, 200)
  return chooser
}

const stateOf = ({ location }: Shown): string => location!.searchParams.get('state')!
const chooserState = ({ text }: Shown): string =>
  new URL(forms(text)[0]!.action, 'https://as.test').searchParams.get('state')!
const callback = (state: string, code: string): string => `/authorize/callback?state=${state}&code=${code}`
const legs = ({ cookies }: Browser): string[] => [...cookies.keys()].filter((name) => /sign-in-/.test(name))

test('SI9 CN10 the chooser names each provider', async () => {
  const { rig } = world()
  const { text } = await choose(new Browser(rig))
  for (const name of ['GitHub', 'Mallory ID', 'your API key']) expect(text).toContain(`<bdi>${name}</bdi>`)
})

test('SI9 CN11 mix-up: each provider gets a state of its own, and an answer of one never goes to another', async () => {
  const { rig, honest, hostile } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const first = stateOf(await browser.submit(chooser, {}, 'Mallory ID'))
  // The user goes back, and chooses again.
  const second = stateOf(await browser.submit(chooser, {}, 'GitHub'))
  expect(new Set([chooserState(chooser), first, second]).size).toBe(3)
  expect(hostile.started.map(({ leg }) => leg.state)).toEqual([first])
  expect(honest.started.map(({ leg }) => leg.state)).toEqual([second])
  // The hostile provider answers in the place of the honest one, with the only state that it has seen.
  await browser.get(callback(first, 'of-mallory'))
  expect(honest.redeemed).toEqual([])
  expect(await rig.as.grants.list('up|alice')).toEqual([])
})

test('SI9 CN9 the approval goes on with the chosen provider, and one approval makes one code', async () => {
  const { rig, honest } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const state = stateOf(await browser.submit(chooser, {}, 'GitHub'))
  codeOf(await browser.get(callback(state, 'c1')))
  expect(honest.redeemed).toEqual(['c1'])
  expect(await rig.as.grants.list('up|alice')).toMatchObject([{ access: { [RES_A]: ['notes:read'] } }])
  // The chosen leg has ended, and nothing of the chooser makes a second code.
  expectLocal(await browser.get(callback(state, 'c2')), [400, 403])
  const again = await browser.submit(chooser, {}, 'Mallory ID')
  expectLocal(again, [400, 403])
  expect(honest.redeemed).toEqual(['c1'])
  expect(grantsWritten(rig)).toBe(1)
})

test('SI9 CN9 the chosen leg ends when the approval does', async () => {
  const { rig, honest } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  rig.now += 590
  const state = stateOf(await browser.submit(chooser, {}, 'GitHub'))
  rig.now += 20
  expectLocal(await browser.get(callback(state, 'late')), 400)
  expect(honest.redeemed).toEqual([])
})

test('SI9 a double click, two tabs and going back: never more than two legs in a browser', async () => {
  const { rig } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const clicks: string[] = []
  for (let i = 0; i < 2; i++) {
    clicks.push(stateOf(await browser.submit(chooser, {}, 'GitHub')))
    expect(legs(browser).length).toBeLessThanOrEqual(2)
  }
  codeOf(await browser.get(callback(clicks[1]!, 'c')))

  const other = new Browser(rig)
  const [tab, second] = [await choose(other), await choose(other)]
  const left = stateOf(await other.submit(tab, {}, 'GitHub'))
  const right = stateOf(await other.submit(second, {}, 'Mallory ID'))
  expect(legs(other)).toHaveLength(2)
  codeOf(await other.get(callback(left, 'c')))
  codeOf(await other.get(callback(right, 'c')))
})

test('SI9 CSRF: only a form of this server chooses; GET and a form of another site do not', async () => {
  const { rig, honest, hostile } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const { action } = forms(chooser.text).find(({ html }) => html.includes('Mallory ID'))!
  expectLocal(await browser.get(action), 200)
  expectLocal(await browser.post(action, '', { 'sec-fetch-site': 'cross-site' }), 403)
  expectLocal(await browser.post(action, '', { origin: 'https://evil.test' }), 403)
  expect([honest.started, hostile.started]).toEqual([[], []])
  // On a leg that has its way, a POST of this origin cannot change it either.
  const state = stateOf(await browser.submit(chooser, {}, 'GitHub'))
  const query = new URL(action, rig.issuer).searchParams
  codeOf(await browser.post(`${callback(state, 'c')}&choice=${query.get('choice')}`, ''))
  expect([honest.redeemed, hostile.started]).toEqual([['c'], []])
})

test('SI9 a deployment that adds or removes a way while a user signs in', async () => {
  const { rig, honest, hostile } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const { store } = rig
  const state = stateOf(await browser.submit(chooser, {}, 'GitHub'))
  const added = new FakeUpstream('Added')
  const next = new Rig({ store, signIn: oneOf(added, key, hostile, honest) })
  const inNext = new Browser(next)
  for (const [name, value] of browser.cookies) inNext.cookies.set(name, value)
  // The page was shown by the other deployment.
  const hostileState = stateOf(await inNext.submit(chooser, {}, 'Mallory ID'))
  expect(hostile.started.map(({ leg }) => leg.state)).toEqual([hostileState])
  codeOf(await inNext.get(callback(state, 'c')))
  expect([honest.redeemed, added.redeemed]).toEqual([['c'], []])

  const without = new Rig({ store, signIn: oneOf(key, hostile) })
  const inLast = new Browser(without)
  for (const [name, value] of browser.cookies) inLast.cookies.set(name, value)
  const page = await inLast.get(callback(state, 'c'))
  expectLocal(page, [200, 400])
  expect(honest.redeemed).toEqual(['c'])
})

test.each([['"'.repeat(199)], ['\u0001'.repeat(199)], ['é'.repeat(199)], ['\\'.repeat(1000)]])(
  'SI9 a hint of many characters that JSON escapes does not break the sign-in (%#)',
  async (hint) => {
    const { rig, honest } = world()
    const browser = new Browser(rig)
    const chooser = await choose(browser, { login_hint: hint, prompt: 'login' })
    expect((await browser.submit(chooser, {}, 'GitHub')).location!.host).toBe('up.test')
    expect(honest.started).toMatchObject([{ prompt: 'login' }])
  },
)

test('SI9 a way may keep as much as a sign-in without chooser', async () => {
  const kept = '"'.repeat(600)
  const seen: (string | undefined)[] = []
  const big: SignIn = {
    consent: 'before',
    name: 'Big',
    identify: () => undefined,
    start: (_request, { leg }) => {
      leg.kept = kept
      return new Response(null, { status: 302, headers: { location: `https://up.test/?state=${leg.state}` } })
    },
    finish: async (_request, leg) => {
      seen.push(leg.kept)
      return { subject: 'big' }
    },
  }
  const browser = new Browser(new Rig({ signIn: oneOf(big, key) }))
  const state = stateOf(await browser.submit(await choose(browser, { login_hint: 'ada' }), {}, 'Big'))
  codeOf(await browser.get(callback(state, 'c')))
  expect(seen).toEqual([kept])
})

test('SI9 what is done later with the tokens of each provider goes on', () => {
  const access = (provider: string): UpstreamAccess => ({
    provider,
    issuer: `https://${provider}.test`,
    token: () => Promise.reject(new Error('not asked')),
    revoke: () => Promise.resolve(),
  })
  const [one, two] = [access('one'), access('two')]
  const ways = [
    Object.assign(new FakeUpstream('One'), { upstreams: [one] }),
    key,
    Object.assign(new FakeUpstream('Two'), { upstreams: [two] }),
  ]
  expect(oneOf(...ways).upstreams).toEqual([one, two])
  expect(oneOf(key, new FakeUpstream()).upstreams).toBeUndefined()
})

test('SI9 names that look alike on the page are refused', () => {
  expect(() => oneOf(new FakeUpstream('GitHub'), new FakeUpstream('GitHub✓'))).toThrow('name of its own')
})
