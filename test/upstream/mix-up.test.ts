// Two identity providers at one server, one of them hostile, and the honest one sends no `iss` (RFC 9207): the
// redirect URI of its own that each has keeps the codes of one from the token endpoint of the other.
import { expect, test } from 'vitest'
import { linkedAccounts } from '../../src/authorization-server/link/linked-accounts.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { keySignIn } from '../../src/authorization-server/sign-in/key.ts'
import { oneOf } from '../../src/authorization-server/sign-in/one-of.ts'
import { ConfigurationError, isAccountNotLinkedError } from '../../src/errors.ts'
import type { AuthInfo, SignIn } from '../../src/types.ts'
import { upstream, type UpstreamOptions } from '../../src/upstream/index.ts'
import { ok, payload, Rig } from '../support/as.ts'
import { agree } from '../support/links.ts'
import {
  Browser,
  browserOf,
  codeOf,
  cookieLogin,
  expectLocal,
  FakeUpstream,
  forms,
  requestUrl,
  verifier,
  type Shown,
} from '../support/pages.ts'
import { UpstreamImitation } from '../support/upstream-imitation.ts'

const at = 'https://as.test/authorize/callback'
const admit = (): boolean => true

class World {
  /** Its client is confidential. */
  readonly honest = new UpstreamImitation()
  readonly hostile = new UpstreamImitation({ issuer: 'https://mallory.test', clientId: 'theirs' })
  readonly rig: Rig

  constructor(
    options: (signIns: { honest: SignIn; hostile: SignIn }) => Partial<AuthorizationServerOptions>,
  ) {
    const { honest, hostile } = this
    honest.login({ sub: 'victim', name: 'Victim' })
    hostile.login({ sub: 'other', name: 'Other' })
    this.rig = new Rig({
      ...options({
        honest: upstream(honest.provider(), { admit }),
        hostile: upstream(hostile.provider({ provider: 'mallory' }), { admit, name: 'Mallory ID' }),
      }),
      fetch: (input, init) =>
        (new Request(input, init).url.startsWith(hostile.issuer) ? hostile : honest).fetch(input, init),
    })
    honest.clock = hostile.clock = () => this.rig.now
  }

  /**
   * The hostile provider got the victim's browser, and sends it to the address of the attacker's own sign-in at
   * the honest one, with the victim's state; what the browser is shown at the end.
   */
  async mixUp(victim: Browser, gone: Shown, own: URL): Promise<Shown> {
    expect(gone.location!.origin).toBe(this.hostile.issuer)
    const there = new URL(own)
    there.searchParams.set('state', gone.location!.searchParams.get('state')!)
    const answer = await this.honest.visit(there)
    expect(answer.searchParams.get('code')).not.toBeNull()
    expect(answer.searchParams.get('iss')).toBeNull()
    return back(victim, answer)
  }

  /** No token endpoint got the code, and the victim has not signed in. */
  expectNothing(shown: Shown): void {
    expectLocal(shown, 403)
    const codes = ({ form }: { form: URLSearchParams }): string | null => form.get('code')
    expect(this.hostile.to('/token').map(codes)).toEqual([])
  }
}

const back = (browser: Browser, url: URL): Promise<Shown> =>
  browser.get(url.href, { 'sec-fetch-site': 'cross-site' })

async function approve(browser: Browser): Promise<Shown> {
  const page = await browser.visit(await requestUrl())
  return browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
}

async function authOf(rig: Rig, shown: Shown): Promise<AuthInfo> {
  const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
  const tokens = await ok(await rig.redeem({ code: codeOf(shown), verifier, grantId: '' }, form))
  expect(payload(tokens.access_token)['sub']).toBe('https://id.acme.test|victim')
  return authWith(rig, tokens.access_token)
}

async function authWith(rig: Rig, token: string): Promise<AuthInfo> {
  expect(await rig.call(token)).toBe(200)
  return rig.seen.at(-1)!
}

test('CN11 RFC 9700 §4.4: the user chooses the hostile one of two ways to sign in', async () => {
  const world = new World(({ honest, hostile }) => ({ signIn: oneOf(honest, hostile) }))
  const { rig, honest } = world
  const attacker = new Browser(rig)
  const own = (await attacker.submit(await approve(attacker), {}, 'Acme')).location!
  const victim = new Browser(rig)
  const chooser = await approve(victim)
  const gone = await victim.submit(chooser, {}, 'Mallory ID')
  world.expectNothing(await world.mixUp(victim, gone, own))

  // The honest one sends a code only to a redirect URI that is registered there, and there are two.
  expect(own.searchParams.get('redirect_uri')).toBe(`${at}/acme`)
  expect(gone.location!.searchParams.get('redirect_uri')).toBe(`${at}/mallory`)
  const away = (await victim.submit(chooser, {}, 'Acme')).location!
  await authOf(rig, await back(victim, await honest.visit(away)))
})

test('CN11 LK3 RFC 9700 §4.4: a linked account at the hostile provider beside a sign-in at the honest one', async () => {
  const world = new World(({ honest, hostile }) => ({
    signIn: honest,
    links: linkedAccounts({ mallory: hostile }),
  }))
  const { rig, honest } = world
  const victim = new Browser(rig)
  const signedIn = await back(victim, await honest.visit((await approve(victim)).location!))
  const auth = await authOf(rig, signedIn)
  const own = (await approve(new Browser(rig))).location!
  const gone = await agree(victim, await auth.link('mallory'))
  world.expectNothing(await world.mixUp(victim, gone, own))
})

test('CN11 LK3 RFC 9700 §4.4: a sign-in at the hostile provider beside a linked account at the honest one', async () => {
  const world = new World(({ honest, hostile }) => ({
    signIn: oneOf(keySignIn({ verify: (key) => ({ subject: key }) }), hostile),
    links: linkedAccounts({ acme: honest }),
  }))
  const { rig } = world
  const attacker = new Browser(rig)
  const chosen = await attacker.submit(await approve(attacker), {}, 'your API key')
  const entered = await attacker.submit(chosen, { fields: { key: 'attacker' } })
  const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
  const tokens = await ok(await rig.redeem({ code: codeOf(entered), verifier, grantId: '' }, form))
  const auth = await authWith(rig, tokens.access_token)
  const own = (await agree(attacker, await auth.link('acme'))).location!
  const victim = new Browser(rig)
  const gone = await victim.submit(await approve(victim), {}, 'Mallory ID')
  world.expectNothing(await world.mixUp(victim, gone, own))
})

test('CN11 LK3 RFC 9700 §4.4: two linked accounts', async () => {
  const world = new World(({ honest, hostile }) => ({
    signIn: cookieLogin(),
    links: linkedAccounts({ acme: honest, mallory: hostile }),
  }))
  const { rig } = world
  const authAs = async (subject: string): Promise<AuthInfo> =>
    authWith(rig, (await rig.tokens('pub', { subject })).access_token)
  const mallory = await authAs('mallory')
  const attacker = browserOf(rig, 'mallory')
  const own = (await agree(attacker, await mallory.link('acme'))).location!
  const victim = browserOf(rig, 'victim')
  const gone = await agree(victim, await (await authAs('victim')).link('mallory'))
  world.expectNothing(await world.mixUp(victim, gone, own))
  await expect(mallory.upstream('acme')).rejects.toSatisfy(isAccountNotLinkedError)
})

test('CN11 a sign-in and a link at the same provider share the redirect URI; the leg decides', async () => {
  const world = new World(({ honest }) => ({ signIn: honest, links: linkedAccounts({ second: honest }) }))
  const { rig, honest } = world
  const browser = new Browser(rig)
  const away = (await approve(browser)).location!
  const auth = await authOf(rig, await back(browser, await honest.visit(away)))
  const gone = (await agree(browser, await auth.link('second'))).location!
  for (const each of [away, gone]) expect(each.searchParams.get('redirect_uri')).toBe(`${at}/acme`)
  const shown = await back(browser, await honest.visit(gone))
  expect([shown.status, shown.text.includes('Acme is connected')]).toEqual([200, true])
  expect((await auth.upstream('second')).accessToken).toBe(honest.issued.at(-1)!.accessToken)
})

test('CN11 a callback counts only at the path of its leg, before its code or its error is read', async () => {
  const world = new World(({ honest, hostile }) => ({ signIn: oneOf(honest, hostile, new FakeUpstream()) }))
  const { rig, honest, hostile } = world
  const browser = new Browser(rig)
  const chooser = await approve(browser)
  const answers = [
    await honest.visit((await browser.submit(chooser, {}, 'Acme')).location!),
    await hostile.visit((await browser.submit(chooser, {}, 'Mallory ID')).location!),
  ]
  for (const answer of answers)
    for (const path of ['acme', 'mallory', 'ACME', 'acme/', 'acme%20', 'other', '']
      .map((each) => `${at}/${each}`)
      .concat(at)) {
      const wrong = new URL(path + answer.search)
      if (wrong.pathname === answer.pathname) continue
      const isRoute = [`${at}/acme`, `${at}/mallory`, at].includes(path)
      if (!isRoute) {
        expect(await rig.as.handle(new Request(wrong)), path).toBeUndefined()
        continue
      }
      expectLocal(await back(browser, wrong), 403)
      wrong.searchParams.delete('code')
      wrong.searchParams.set('error', 'access_denied')
      expectLocal(await back(browser, wrong), 403)
    }
  expect([honest.to('/token'), hostile.to('/token')]).toEqual([[], []])
  codeOf(await back(browser, answers[0]!))
})

test('CN11 the chooser is a page of this server, at the path without a name', async () => {
  const { rig } = new World(({ honest, hostile }) => ({ signIn: oneOf(honest, hostile) }))
  const browser = new Browser(rig)
  const { text } = await approve(browser)
  const { action } = forms(text)[0]!
  expect(new URL(action, at).pathname).toBe('/authorize/callback')
  expectLocal(await browser.get(action), 200)
  expectLocal(await browser.get(action.replace('?', '/acme?')), 403)
})

test('CN11 there are callbacks only for what is configured', async () => {
  const exists = async (rig: Rig, name?: string): Promise<boolean> =>
    (await rig.get(name === undefined ? at : `${at}/${name}`)) !== undefined
  const all = async (options: Partial<AuthorizationServerOptions>): Promise<(string | undefined)[]> => {
    const rig = new Rig(options)
    const names = [undefined, 'acme', 'mallory', 'other', '__proto__', 'constructor']
    const found = await Promise.all(names.map(async (name) => ((await exists(rig, name)) ? [name] : [])))
    return found.flat()
  }
  const acme = upstream(new UpstreamImitation().provider(), { admit })
  const mallory = upstream(
    new UpstreamImitation().provider({ provider: 'mallory', issuer: 'https://m.test' }),
    {
      admit,
      name: 'M',
    },
  )
  expect(await all({ signIn: acme })).toEqual(['acme'])
  expect(await all({ signIn: acme, links: linkedAccounts({ x: mallory }) })).toEqual(['acme', 'mallory'])
  expect(await all({ signIn: oneOf(acme, mallory) })).toEqual([undefined, 'acme', 'mallory'])
  expect(await all({ signIn: new FakeUpstream() })).toEqual([undefined])
  expect(await all({ signIn: cookieLogin() })).toEqual([])
  expect(await all({ signIn: cookieLogin(), links: linkedAccounts({ x: acme }) })).toEqual(['acme'])
  // Without kept tokens, too.
  const silent = upstream(new UpstreamImitation().provider(), { admit, keepTokens: false })
  expect(await all({ signIn: silent })).toEqual(['acme'])
})

const way = (issuer: string, options: Partial<UpstreamOptions> = {}, clientId = 'our client'): SignIn =>
  upstream(new UpstreamImitation({ issuer, clientId }).provider(), {
    admit,
    name: issuer + clientId,
    ...options,
  })

const refused = (make: () => unknown): string => {
  try {
    make()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
  }
  return 'not refused'
}

test('CN12 the name of a provider stands for one issuer and one client', () => {
  const [a, b] = ['https://a.test', 'https://b.test']
  const key = keySignIn({ verify: () => undefined })
  const own = way(a)
  for (const other of [way(b), way(a, {}, 'other client')]) {
    const links = linkedAccounts({ linked: other })
    for (const make of [
      () => oneOf(own, other),
      () => oneOf(other, key, own),
      () => oneOf(own, way(b, { keepTokens: false })),
      () => new Rig({ signIn: oneOf(own, key), links }),
      () => new Rig({ signIn: own, links }),
      () => new Rig({ signIn: way(a, { keepTokens: false }), links }),
      () => new Rig({ signIn: cookieLogin(), links: linkedAccounts({ first: own, second: other }) }),
    ]) {
      const message = refused(make)
      expect(message).toContain('"acme"')
      expect(message).toContain("provider: '…'")
    }
  }
  // The way out.
  const named = way(b, { provider: 'acme-b' })
  expect(refused(() => oneOf(way(a), named))).toBe('not refused')
  expect(refused(() => new Rig({ signIn: way(a), links: linkedAccounts({ linked: named }) }))).toBe(
    'not refused',
  )
  // The same client of the same provider.
  expect(
    refused(
      () =>
        new Rig({
          signIn: way(a),
          links: linkedAccounts({ acme: way(a), more: way(a, { scopes: ['repo'] }) }),
        }),
    ),
  ).toBe('not refused')
})

test('LK4 the name of a linked account is not that of a sign-in at another issuer', () => {
  const [a, b] = ['https://a.test', 'https://b.test']
  const linked = way(b, { provider: 'other' })
  const key = keySignIn({ verify: () => undefined })
  for (const signIn of [way(a), oneOf(key, way(a))]) {
    const message = refused(() => new Rig({ signIn, links: linkedAccounts({ acme: linked }) }))
    expect(message).toContain('linkedAccounts.acme')
    expect(message).toContain("provider: '…'")
  }
  expect(refused(() => new Rig({ signIn: way(a), links: linkedAccounts({ other: linked }) }))).toBe(
    'not refused',
  )
})

test('CN11 the name of a provider is a segment of its redirect URI', () => {
  for (const provider of ['', 'a/b', '..', 'A', 'a b', 'ä', 'a%2f', 'x'.repeat(41)]) {
    expect(
      refused(() => way('https://a.test', { provider })),
      provider,
    ).toContain('provider')
    const preset = new UpstreamImitation().provider({ provider })
    expect(
      refused(() => upstream(preset, { admit })),
      provider,
    ).toContain('provider')
  }
  for (const provider of ['a', '0', 'my_idp-2', 'x'.repeat(40)]) way('https://a.test', { provider })
})

test('CN12 two applications at one provider: tokens are renewed only by the client that they were issued to', async () => {
  const idp = new UpstreamImitation()
  idp.login({ sub: 'alice' })
  const apps = ['staff', 'guests'].map((id) => {
    const credentials = { clientId: id, clientSecret: 's' }
    const preset = { ...idp.provider(), clientId: id, credentials }
    return upstream(preset, { admit, name: id, provider: id })
  })
  idp.isOurClient = () => true
  idp.claims = (claims) => ({ ...claims, aud: 'guests' })
  const rig = new Rig({ signIn: oneOf(...apps), fetch: idp.fetch })
  idp.clock = () => rig.now
  const browser = new Browser(rig)
  const away = (await browser.submit(await approve(browser), {}, 'guests')).location!
  const shown = await back(browser, await idp.visit(away))
  const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
  const tokens = await ok(await rig.redeem({ code: codeOf(shown), verifier, grantId: '' }, form))
  const auth = await authWith(rig, tokens.access_token)
  await expect(auth.upstream('staff')).rejects.toThrow()
  expect((await auth.upstream('guests')).accessToken).toBe(idp.issued[0]!.accessToken)
  rig.now += 3590
  for (let i = 1; i < 3; i++) {
    expect((await auth.upstream()).accessToken).toBe(idp.issued[i]!.accessToken)
    const sent = idp.to('/token').at(-1)!
    const basic = atob((sent.headers.get('authorization') ?? '').slice('Basic '.length))
    expect([basic, sent.form.get('grant_type')]).toEqual(['guests:s', 'refresh_token'])
    rig.now += 3590
  }
})
