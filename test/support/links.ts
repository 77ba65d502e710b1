// Accounts at other providers, linked through the pages: providers at the contract's level, and the steps of
// a user.
import { expect } from 'vitest'
import { linkedAccounts, type LinkOptions } from '../../src/authorization-server/link/linked-accounts.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import { OAuthError } from '../../src/errors.ts'
import type {
  AuthInfo,
  Identity,
  SignIn,
  SignInLeg,
  UpstreamAccess,
  UpstreamToken,
  UpstreamTokens,
  VaultRecord,
} from '../../src/types.ts'
import { Rig } from './as.ts'
import { browserOf, cookieLogin, type Browser, type Shown } from './pages.ts'

/** A provider that gives every user of it the account that `account` says. */
export class FakeProvider implements SignIn {
  readonly consent = 'before'
  readonly name: string
  readonly upstreams: readonly [FakeAccess]
  readonly started: SignInLeg[] = []
  /** Codes that were redeemed. */
  readonly redeemed: string[] = []
  account: Identity
  failure: OAuthError | undefined

  constructor(provider: string, name = provider) {
    this.name = name
    this.upstreams = [new FakeAccess(provider)]
    this.account = this.accountOf('octocat')
  }

  /** An account of this provider, with the tokens that a sign-in brings. */
  accountOf(login: string): Identity {
    const { issuer, provider } = this.upstreams[0]
    return {
      subject: `${issuer}|${login}`,
      name: login,
      upstream: {
        accessToken: `${provider} access token of ${login}`,
        refreshToken: `${provider} refresh token of ${login}`,
        expiresAt: 1_800_003_600,
        issuer,
      },
    }
  }

  identify(): undefined {
    return undefined
  }

  start(_request: Request, { leg }: { leg: SignInLeg }): Response {
    leg.kept = 'verifier'
    this.started.push(leg)
    const { issuer } = this.upstreams[0]
    const query = new URLSearchParams({ state: leg.state, redirect_uri: leg.callbackUrl })
    return new Response(null, { status: 302, headers: { location: `${issuer}/authorize?${query}` } })
  }

  async finish(request: Request, leg: SignInLeg): Promise<Identity> {
    expect(leg.kept).toBe('verifier')
    this.redeemed.push(new URL(request.url).searchParams.get('code') ?? '')
    if (this.failure !== undefined) throw this.failure
    return this.account
  }
}

export class FakeAccess implements UpstreamAccess {
  readonly provider: string
  readonly issuer: string
  readonly revoked: UpstreamTokens[] = []
  readonly vaults: VaultRecord[] = []
  revocationEndsAll = false
  /** The provider refuses to renew. */
  hasEnded = false

  constructor(provider: string) {
    this.provider = provider
    this.issuer = `https://${provider}.test`
  }

  async token(vault: VaultRecord): Promise<UpstreamToken> {
    this.vaults.push(vault)
    const token = await vault.update<UpstreamToken | undefined>((entry) => {
      if (entry === undefined || this.hasEnded) return { write: null, result: undefined }
      return { result: { accessToken: entry.accessToken } }
    })
    if (token === undefined) throw new OAuthError('invalid_grant', 'Sign in again')
    return token
  }

  async revoke(tokens: UpstreamTokens): Promise<void> {
    this.revoked.push(tokens)
  }
}

/** A server with its own login whose users can link accounts at `github` and `google`. */
export class LinksRig extends Rig {
  readonly github: FakeProvider
  readonly google: FakeProvider

  constructor(options: Partial<AuthorizationServerOptions> = {}, more: Partial<LinkOptions> = {}) {
    const github = new FakeProvider('github', 'GitHub')
    const google = new FakeProvider('google', 'Google')
    super({
      signIn: cookieLogin(),
      links: linkedAccounts({ github: { signIn: github, ...more }, google }),
      ...options,
    })
    this.github = github
    this.google = google
  }

  /** What a tool has that this user calls. */
  async authOf(subject = 'alice'): Promise<AuthInfo> {
    const { access_token } = await this.tokens('pub', { subject })
    return this.authWith(access_token)
  }

  async authWith(token: string): Promise<AuthInfo> {
    expect(await this.call(token)).toBe(200)
    return this.seen.at(-1)!
  }

  /** Records of linked accounts that were ever written. */
  get linksWritten(): string[] {
    return this.store.written.map(({ key }) => key).filter((key) => /:link-/.test(key))
  }

  /** The keys of the linked accounts that are stored now. */
  async storedLinks(): Promise<string[]> {
    const keys = [...new Set(this.linksWritten)]
    const found = await Promise.all(keys.map(async (key) => ((await this.store.get(key)) ? [key] : [])))
    return found.flat()
  }
}

/** The path of this URL, as the browser opens it. */
export const pathOf = ({ pathname, search }: URL): string => pathname + search

/** Opens the page and agrees: the browser is on its way to the provider. */
export async function agree(browser: Browser, link: URL): Promise<Shown> {
  const page = await browser.get(pathOf(link))
  expect([page.status, page.location?.href]).toEqual([200, undefined])
  return browser.submit(page, { decision: 'approve' })
}

/** The provider sends the browser back, from its own site. */
export const comeBack = (browser: Browser, gone: Shown, code = 'code'): Promise<Shown> =>
  browser.get(callbackOf(gone, code), { 'sec-fetch-site': 'cross-site' })

export const callbackOf = (gone: Shown, code = 'code'): string =>
  `/authorize/callback?state=${stateOf(gone)}&code=${code}`

export const stateOf = ({ location }: Shown): string => location!.searchParams.get('state')!

/** The whole flow. */
export async function linkAccount(
  rig: LinksRig,
  user = 'alice',
  provider: 'github' | 'google' = 'github',
  auth?: AuthInfo,
): Promise<AuthInfo> {
  const own = auth ?? (await rig.authOf(user))
  const browser = browserOf(rig, user)
  const shown = await comeBack(browser, await agree(browser, await own.link(provider)))
  expect(shown.status, shown.text).toBe(200)
  return own
}
