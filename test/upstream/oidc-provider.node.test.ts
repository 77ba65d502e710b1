// Sign-in at an identity provider that is not ours: oidc-provider, over sockets.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startOidcProvider } from '../../scripts/oidc-provider.ts'
import { upstream, type UpstreamOptions, type UpstreamUser } from '../../src/upstream/index.ts'
import type { Identity, Provider, SignIn } from '../../src/types.ts'
import { ok, Rig } from '../support/as.ts'
import { Browser, forms, requestUrl, verifier, type Shown } from '../support/pages.ts'
import { VaultWorld } from './vault-world.ts'

const issuer = 'http://localhost:3000'
let idp: Awaited<ReturnType<typeof startOidcProvider>>
let provider: Provider

beforeAll(async () => {
  idp = await startOidcProvider({ scopes: ['profile', 'email'], resources: {} })
  const response = await fetch(`${idp.issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      application_type: 'native',
      redirect_uris: [`${issuer}/authorize/callback/oidc-provider`],
      grant_types: ['authorization_code', 'refresh_token'],
    }),
  })
  const client = (await response.json()) as { client_id: string; client_secret: string }
  expect(response.status, JSON.stringify(client)).toBe(201)
  provider = {
    provider: 'oidc-provider',
    issuer: idp.issuer,
    credentials: { clientId: client.client_id, clientSecret: client.client_secret },
    signIn: { name: 'Provider', protocol: 'oidc', offlineScope: 'offline_access' },
  }
})
afterAll(() => idp.close())

/** A browser at the provider: it keeps cookies and fills in its two forms. */
class ProviderBrowser {
  readonly #cookies = new Map<string, string>()
  /** The pages that were shown: `login` or `consent`. */
  readonly pages: string[] = []

  /** Until the provider sends it back to us. */
  async visit(url: URL, login: string): Promise<URL> {
    let response = await this.#send(url.href)
    for (let i = 0; i < 12; i++) {
      const location = response.headers.get('location')
      if (location !== null) {
        const next = new URL(location, url)
        if (next.origin === issuer) return next
        response = await this.#send(next.href)
        continue
      }
      const text = await response.text()
      expect(response.status, text).toBe(200)
      const action = /<form[^>]* action="([^"]+)"/.exec(text)![1]!
      const prompt = /name="prompt" value="(\w+)"/.exec(text)![1]!
      this.pages.push(prompt)
      response = await this.#send(
        new URL(action, url).href,
        new URLSearchParams({ prompt, login, password: 'x' }),
      )
    }
    throw new Error('The provider does not come back')
  }

  async #send(url: string, body?: URLSearchParams): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie },
      ...(body && { body }),
    })
    for (const each of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(each)!
      if (value === '') this.#cookies.delete(name!)
      else this.#cookies.set(name!, value!)
    }
    return response
  }
}

/** A server on this machine, by the real clock, and one user's two halves of a browser. */
function start(options: Partial<UpstreamOptions> = {}): {
  rig: Rig
  at: ProviderBrowser
  users: UpstreamUser[]
  identities: Identity[]
  inner: SignIn
  signIn(login: string, parameters?: Record<string, string>): Promise<Shown>
} {
  const users: UpstreamUser[] = []
  const admit = (user: UpstreamUser): boolean => users.push(user) > 0
  const inner = upstream(provider, { admit, ...options })
  const identities: Identity[] = []
  const finish: SignIn['finish'] = async (request, leg) => {
    const identity = (await inner.finish!(request, leg)) as Identity
    identities.push(identity)
    return identity
  }
  const rig = new Rig({
    issuer,
    signIn: { ...inner, finish },
    fetch,
    clock: () => Date.now() / 1000,
  })
  const browser = new Browser(rig)
  const at = new ProviderBrowser()
  return {
    rig,
    at,
    users,
    identities,
    inner,
    async signIn(login, parameters = {}) {
      const page = await browser.visit(await requestUrl(parameters))
      expect(forms(page.text).length, page.text).toBeGreaterThan(0)
      const left = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
      expect(left.location?.origin, left.location?.href).toBe(idp.issuer)
      const back = await at.visit(left.location!, login)
      return browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
    },
  }
}

describe('oidc-provider upstream', () => {
  test('sign-in, token and tool', async () => {
    const { rig, users, signIn } = start()
    const shown = await signIn('alice')
    const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
    const approved = { code: shown.location!.searchParams.get('code')!, verifier, grantId: '' }
    const tokens = await ok(await rig.redeem(approved, form))
    expect(tokens.scope).toBe('notes:read')
    expect(users).toMatchObject([{ issuer: idp.issuer, subject: 'alice' }])
    const [user] = users
    expect(user!.claims['iss']).toBe(idp.issuer)
    const userinfo = await fetch(`${idp.issuer}/me`, {
      headers: { authorization: `Bearer ${user!.accessToken}` },
    })
    expect(await userinfo.json()).toMatchObject({ sub: 'alice' })
  })

  test('its session signs the user in silently; the consent is shown all the same (confused deputy)', async () => {
    const { at, users, signIn } = start()
    await signIn('alice')
    expect(at.pages).toEqual(['login', 'consent'])
    await signIn('nobody types this')
    // A native client has to be consented to each time there; a web client would come back at once.
    expect(at.pages).toEqual(['login', 'consent', 'consent'])
    expect(users.map(({ subject }) => subject)).toEqual(['alice', 'alice'])
  })

  test('prompt=login asks again, and the new sign-in is recent enough', async () => {
    const { at, users, signIn } = start()
    await signIn('alice')
    const shown = await signIn('alice', { prompt: 'login', max_age: '5' })
    expect(shown.location!.searchParams.get('error')).toBeNull()
    expect(at.pages.filter((each) => each === 'login')).toHaveLength(2)
    expect(users).toHaveLength(2)
  })

  test('nobody is signed in there and no page may be shown: access_denied', async () => {
    const { rig } = start()
    const browser = new Browser(rig)
    const page = await browser.visit(await requestUrl())
    const left = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
    left.location!.searchParams.set('prompt', 'none')
    // Nobody is signed in there, so it answers login_required.
    const back = await new ProviderBrowser().visit(left.location!, '')
    expect(back.searchParams.get('error')).toBe('login_required')
    const shown = await browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
    expect(shown.location!.searchParams.get('error')).toBe('access_denied')
  })

  test('a code of another sign-in does not fit this one (code injection, PKCE)', async () => {
    const victim = start()
    const attacker = start()
    const leave = async (rig: Rig): Promise<{ browser: Browser; back: URL }> => {
      const browser = new Browser(rig)
      const page = await browser.visit(await requestUrl())
      const left = await browser.submit(page, { decision: 'approve', scopes: ['notes:read'] })
      return { browser, back: await new ProviderBrowser().visit(left.location!, 'alice') }
    }
    const [stolen, own] = [await leave(victim.rig), await leave(attacker.rig)]
    own.back.searchParams.set('code', stolen.back.searchParams.get('code')!)
    const shown = await own.browser.get(own.back.href)
    expect(shown.location!.searchParams.get('error')).toBe('server_error')
    expect(attacker.users).toEqual([])
  })

  test('CN12 refresh with rotation, and a revocation that ends it', async () => {
    const { identities, inner, signIn } = start()
    await signIn('alice')
    const [{ upstream: tokens }] = identities as [Identity]
    expect(tokens).toMatchObject({ issuer: idp.issuer, refreshToken: expect.any(String) })

    const [access] = inner.upstreams!
    const vaults = new VaultWorld()
    await vaults.write({ ...tokens!, expiresAt: vaults.now - 1 })
    const vault = vaults.vault({ fetch })
    const first = await access!.token(vault)
    expect(first.accessToken).not.toBe(tokens!.accessToken)
    const stored = (await vaults.entry())!
    expect(stored.refreshToken).toBeDefined()

    await access!.revoke(stored, vault.runtime)
    expect(vaults.types()).toEqual(['upstream.renewed'])
    await vaults.write({ ...stored, expiresAt: vaults.now - 1 })
    await expect(access!.token(vault)).rejects.toMatchObject({ code: 'invalid_grant' })
    expect(vaults.types()).toContain('upstream.ended')
  })
})
