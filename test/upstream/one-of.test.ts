// Two identity providers behind one chooser, one of them hostile: sign-in itself, over HTTP.
import { expect, test } from 'vitest'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { upstream } from '../../src/upstream/index.ts'
import { RES_A, Rig } from '../support/as.ts'
import { Browser, codeOf, expectLocal, requestUrl, verifier, type Shown } from '../support/pages.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'

const iss = { authorization_response_iss_parameter_supported: true }

function world(): { rig: Rig; honest: UpstreamImitation; hostile: UpstreamImitation } {
  const honest = new UpstreamImitation({ metadata: iss })
  const hostile = new UpstreamImitation({ issuer: 'https://mallory.test', clientId: 'theirs' })
  honest.login({ sub: 'alice' })
  hostile.login({ sub: 'alice' })
  const signIn = oneOf(
    upstream(honest.provider(), { admit: () => true }),
    upstream(hostile.provider({ provider: 'mallory' }), { admit: () => true, name: 'Mallory ID' }),
  )
  const rig = new Rig({
    signIn,
    fetch: (input, init) =>
      new Request(input, init).url.startsWith(hostile.issuer)
        ? hostile.fetch(input, init)
        : honest.fetch(input, init),
  })
  honest.clock = hostile.clock = () => rig.now
  return { rig, honest, hostile }
}

async function choose(browser: Browser): Promise<Shown> {
  const page = await browser.get(await requestUrl())
  return browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
}

const back = (browser: Browser, url: URL): Promise<Shown> =>
  browser.get(url.href, { 'sec-fetch-site': 'cross-site' })

test('SI9 CN11 the same subject at two providers is two users, each with the tokens of their own provider', async () => {
  const { rig, honest, hostile } = world()
  // The imitations number their tokens.
  hostile.issued.push({ accessToken: '', refreshToken: '' })
  for (const [idp, button] of [
    [honest, 'Acme'],
    [hostile, 'Mallory ID'],
  ] as const) {
    const browser = new Browser(rig)
    const away = await browser.submit(await choose(browser), {}, button)
    expect(away.location!.origin).toBe(idp.issuer)
    const code = codeOf(await back(browser, await idp.visit(away.location!)))
    const subject = `${idp.issuer}|alice`
    expect(await rig.as.grants.list(subject)).toHaveLength(1)
    expect((await browser.get('/account')).text).toContain('Pub')
    const response = await rig.redeem({ code, verifier, grantId: '' }, {})
    const { access_token } = (await response.json()) as { access_token: string }
    expect(await rig.call(access_token, rig.guard, RES_A)).toBe(200)
    expect(rig.seen.at(-1)!.subject).toBe(subject)
    const { accessToken } = await rig.seen.at(-1)!.upstream()
    expect(accessToken).toBe(idp.issued.at(-1)!.accessToken)
  }
})

test('SI9 mix-up: the hostile provider answers with its state and the code of the honest one', async () => {
  const { rig, honest, hostile } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const toHostile = (await browser.submit(chooser, {}, 'Mallory ID')).location!
  const toHonest = (await browser.submit(chooser, {}, 'Acme')).location!
  for (const name of ['state', 'nonce', 'code_challenge'])
    expect(toHostile.searchParams.get(name)).not.toBe(toHonest.searchParams.get(name))

  // It sends the browser on to the honest one, with its own state.
  const forwarded = new URL(toHostile)
  forwarded.host = new URL(honest.issuer).host
  forwarded.searchParams.set('client_id', honest.clientId)
  const answer = await honest.visit(forwarded)
  const shown = await back(browser, answer)
  expect(shown.location?.searchParams.has('code') ?? false).toBe(false)
  // The honest one says `iss`, so its code goes nowhere.
  expect([hostile.to('/token'), honest.to('/token')]).toEqual([[], []])

  // The user's own sign-in at the honest one goes on.
  codeOf(await back(browser, await honest.visit(toHonest)))
  expect(honest.to('/token')).toHaveLength(1)
  expect(hostile.to('/token')).toEqual([])
})

test('SI9 mix-up: the answer of the hostile provider under a state that it has not seen', async () => {
  const { rig, honest, hostile } = world()
  const browser = new Browser(rig)
  const chooser = await choose(browser)
  const toHostile = (await browser.submit(chooser, {}, 'Mallory ID')).location!
  await browser.submit(chooser, {}, 'Acme')
  const answer = await hostile.visit(toHostile)
  const guessed = new URL(answer)
  const own = answer.searchParams.get('state')!
  guessed.searchParams.set('state', `${own.slice(0, -1)}${own.endsWith('a') ? 'b' : 'a'}`)
  expectLocal(await back(browser, guessed), 403)
  // Its own state leads to itself only.
  await back(browser, answer)
  expect(honest.to('/token')).toEqual([])
  expect(await rig.as.grants.list(`${honest.issuer}|alice`)).toEqual([])
})
