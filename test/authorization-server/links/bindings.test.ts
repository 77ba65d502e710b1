// What the tokens of a linked account are bound to: the provider that issued them, the grant that asks for
// them, the account (CN12, LK4). At imitations of providers, and at the contract's level.
import { describe, expect, test } from 'vitest'
import { linkedAccounts } from '../../../src/authorization-server/link/linked-accounts.ts'
import { isAccountNotLinkedError } from '../../../src/errors.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { AuthInfo, UpstreamTokens } from '../../../src/types.ts'
import { upstream } from '../../../src/upstream/index.ts'
import { Rig } from '../../support/as.ts'
import { agree, comeBack, linkAccount, LinksRig } from '../../support/links.ts'
import { browserOf, cookieLogin, type Browser, type Shown } from '../../support/pages.ts'
import { UpstreamImitation } from '../../support/upstream-imitation.ts'

/** A deployment that calls a provider `git`: which one may change. */
class GitWorld {
  readonly store = memoryStore()
  readonly old = new UpstreamImitation({ issuer: 'https://old.test' })
  readonly next = new UpstreamImitation({
    issuer: 'https://next.test',
    clientId: 'c2',
    clientSecret: 's2',
    tokenPrefix: 'next',
  })
  readonly #background: Promise<unknown>[] = []
  now = 1_800_000_000

  constructor() {
    this.old.login({ sub: '1', name: 'Alice' })
    this.next.login({ sub: '2', name: 'Alice there' })
    this.old.clock = this.next.clock = () => this.now
  }

  server(idp: UpstreamImitation): Rig {
    const rig: Rig = new Rig({
      signIn: cookieLogin(),
      store: this.store,
      fetch: (input, init) => {
        const { origin } = new URL(new Request(input, init).url)
        return [this.old, this.next].find(({ issuer }) => issuer === origin)!.fetch(input, init)
      },
      clock: () => this.now,
      waitUntil: (promise) => void this.#background.push(promise),
      links: linkedAccounts({ git: upstream(idp.provider(), { admit: () => true }) }),
    })
    return rig
  }

  async link(browser: Browser, auth: AuthInfo, idp: UpstreamImitation): Promise<Shown> {
    const gone = await agree(browser, await auth.link('git'))
    return browser.get((await idp.visit(gone.location!)).href, { 'sec-fetch-site': 'cross-site' })
  }

  /** What goes on in the background is done. */
  async settle(): Promise<void> {
    await Promise.all(this.#background)
  }

  /** All that a provider was told after the sign-ins there. */
  secretsAt(idp: UpstreamImitation): string[] {
    return idp.requests.flatMap(({ form }) =>
      ['refresh_token', 'token'].flatMap((name) => form.get(name) ?? []),
    )
  }
}

const authOf = async (rig: Rig, token: string): Promise<AuthInfo> => {
  expect(await rig.call(token)).toBe(200)
  return rig.seen.at(-1)!
}

describe('CN12 another provider stands behind the same name', () => {
  test('its tokens are not those of the old one: not linked, and the old tokens go nowhere', async () => {
    const world = new GitWorld()
    const first = world.server(world.old)
    const { access_token: token } = await first.tokens('pub', { subject: 'alice' })
    const browser = browserOf(first, 'alice')
    await world.link(browser, await authOf(first, token), world.old)
    const old = world.old.issued[0]!
    expect((await first.seen.at(-1)!.upstream('git')).accessToken).toBe(old.accessToken)

    const second = world.server(world.next)
    const auth = await authOf(second, token)
    await expect(auth.upstream('git')).rejects.toSatisfy(isAccountNotLinkedError)
    expect((await browserOf(second, 'alice').get('/account')).text).not.toContain('Linked accounts')
    world.now += 3590
    await expect(auth.upstream('git')).rejects.toSatisfy(isAccountNotLinkedError)
    expect(world.secretsAt(world.next)).toEqual([])

    // The deployment goes back: nothing was lost.
    expect((await first.seen.at(-1)!.upstream('git')).accessToken).toBe(world.old.issued.at(-1)!.accessToken)

    // The user links the new one, which replaces the old one.
    await world.link(browserOf(second, 'alice'), auth, world.next)
    expect((await auth.upstream('git')).accessToken).toBe(world.next.issued[0]!.accessToken)
    await world.settle()
    expect([world.secretsAt(world.next), world.next.revoked, world.old.revoked]).toEqual([[], [], []])
  })

  test('"disconnect all" tells the new provider nothing of the old one’s tokens', async () => {
    const world = new GitWorld()
    const first = world.server(world.old)
    const { access_token: token } = await first.tokens('pub', { subject: 'alice' })
    await world.link(browserOf(first, 'alice'), await authOf(first, token), world.old)
    const second = world.server(world.next)
    await second.as.grants.revoke('alice')
    await world.settle()
    expect([world.next.requests, world.next.revoked]).toEqual([[], []])
  })

  test('a sign-in that brings tokens of another provider links nothing', async () => {
    const rig = new LinksRig()
    rig.github.account.upstream!.issuer = 'https://google.test'
    const auth = await rig.authOf('alice')
    const browser = browserOf(rig, 'alice')
    const shown = await comeBack(browser, await agree(browser, await auth.link('github')))
    expect([shown.status, rig.linksWritten]).toEqual([500, []])
    expect(revokedAt(rig)).toEqual([])
  })
})

const revokedAt = ({ github, google }: LinksRig): UpstreamTokens[] => [
  ...github.upstreams[0].revoked,
  ...google.upstreams[0].revoked,
]

describe('S4 an app that was disconnected', () => {
  test.each(['id', 'all'])('uses no linked account, and makes no link URL (%s)', async (which) => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig, 'alice')
    const [grant] = await rig.as.grants.list('alice')
    await rig.as.grants.revoke('alice', which === 'id' ? grant!.id : undefined)
    const ended = { code: 'invalid_grant' }
    await expect(auth.upstream('github')).rejects.toMatchObject(ended)
    await expect(auth.upstream('google')).rejects.toMatchObject(ended)
    await expect(auth.link('google')).rejects.toMatchObject(ended)
    await expect(auth.link('github')).rejects.toMatchObject(ended)
  })

  test('a linked account costs two reads: the grant and the account', async () => {
    const rig = new LinksRig()
    const auth = await linkAccount(rig, 'alice')
    const read: string[] = []
    rig.store.before = ({ key, method }) => {
      read.push(`${method} ${key.replace(/.*:/, '')}`)
    }
    await auth.upstream('github')
    expect(read).toEqual(['get grant', 'get link-github'])
  })
})

/** Alice is back from the provider; what happens while it answers is `meanwhile`. */
async function linkWhile(rig: LinksRig, meanwhile: () => Promise<unknown>): Promise<Shown> {
  const auth = await rig.authOf('alice')
  const browser = browserOf(rig, 'alice')
  const gone = await agree(browser, await auth.link('github'))
  const finish = rig.github.finish.bind(rig.github)
  rig.github.finish = async (request, leg) => {
    await meanwhile()
    return finish(request, leg)
  }
  return comeBack(browser, gone)
}

describe('LK3 the app is disconnected while the provider answers', () => {
  test('nothing is linked, the page says so, and the tokens are revoked', async () => {
    const rig = new LinksRig()
    const shown = await linkWhile(rig, () => rig.as.grants.revoke('alice'))
    expect([shown.status, await rig.storedLinks()]).toEqual([400, []])
    expect(shown.text).toContain('The app is no longer connected')
    expect(revokedAt(rig)).toEqual([rig.github.account.upstream])
    expect(rig.events.map(({ type }) => type)).not.toContain('account.linked')
  })

  test.each(['before', 'after'] as const)('… or right %s the link is written', async (when) => {
    const rig = new LinksRig()
    let revoked = false
    rig.store[when] = async ({ method, key }: { method: string; key: string }) => {
      if (revoked || method !== 'put' || !key.endsWith(':link-github')) return
      revoked = true
      await rig.as.grants.revoke('alice')
    }
    const shown = await linkWhile(rig, async () => undefined)
    expect([revoked, shown.status, await rig.storedLinks()]).toEqual([true, 400, []])
    expect(revokedAt(rig)).toContainEqual(rig.github.account.upstream)
  })

  test('tokens that cannot be stored are revoked: too large', async () => {
    const rig = new LinksRig()
    const { account } = rig.github
    rig.github.account = { ...account, upstream: { ...account.upstream!, idToken: 'x'.repeat(20_000) } }
    expect((await linkWhile(rig, async () => undefined)).status).toBe(500)
    expect(revokedAt(rig)).toEqual([rig.github.account.upstream])
  })

  test('tokens that cannot be stored are revoked: an outage', async () => {
    const rig = new LinksRig()
    rig.store.before = ({ method, key }) => {
      if (method === 'put' && key.endsWith(':link-github')) throw new Error('down')
    }
    expect((await linkWhile(rig, async () => undefined)).status).toBe(503)
    expect(revokedAt(rig)).toEqual([rig.github.account.upstream])
  })

  test.each(['one token ends all', 'it is the same token'])(
    '… but not if the account is linked: %s',
    async (what) => {
      const rig = new LinksRig()
      await linkAccount(rig, 'alice')
      const endsAll = what === 'one token ends all'
      rig.github.upstreams[0].revocationEndsAll = endsAll
      if (endsAll) rig.github.account = rig.github.accountOf('hubot')
      rig.now++
      rig.store.before = ({ method, key }) => {
        if (method === 'put' && key.endsWith(':link-github')) throw new Error('down')
      }
      expect((await linkWhile(rig, async () => undefined)).status).toBe(503)
      expect(revokedAt(rig)).toEqual([])
      const linked = await (await rig.authOf('alice')).upstream('github')
      expect(linked.accessToken).toBe('github access token of octocat')
    },
  )
})

test('LK4 an account is replaced while its tokens are renewed: the renewed ones are revoked', async () => {
  const world = new GitWorld()
  const { old: idp } = world
  const rig = world.server(idp)
  const { access_token: token } = await rig.tokens('pub', { subject: 'alice' })
  const auth = await authOf(rig, token)
  const browser = browserOf(rig, 'alice')
  await world.link(browser, auth, idp)
  world.now += 3590
  const [reached, gate] = [deferred(), deferred()]
  idp.on('/token', async (request, { form }) => {
    if (form.get('grant_type') !== 'refresh_token') return undefined
    idp.on('/token', () => undefined)
    const answer = await idp.handle(request)
    reached.resolve()
    await gate.promise
    return answer
  })
  const renewal = auth.upstream('git')
  await reached.promise
  idp.login({ sub: '2', name: 'Another' })
  await world.link(browser, auth, idp)
  gate.resolve()
  const [first, renewed, another] = idp.issued
  // The caller gets what is linked now.
  expect((await renewal).accessToken).toBe(another!.accessToken)
  await expect.poll(() => idp.revoked).toContain(renewed!.refreshToken)
  expect(idp.revoked).toContain(first!.refreshToken)
  expect(idp.revoked).not.toContain(another!.refreshToken)
  expect((await auth.upstream('git')).accessToken).toBe(another!.accessToken)
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
