// An authorization server whose users sign in at an imitated identity provider, and the way through it.
import { upstream, type UpstreamOptions } from '../../src/upstream/index.ts'
import type { AuthorizationServerOptions } from '../../src/authorization-server/options.ts'
import type { Provider } from '../../src/types.ts'
import { ok, Rig, type Tokens } from './as.ts'
import { Browser, codeOf, requestUrl, verifier, type Shown } from './pages.ts'
import { UpstreamImitation, type ImitationOptions } from './upstream-imitation.ts'

export interface WorldOptions {
  imitation?: ImitationOptions
  /** Changes the preset's data. */
  provider?: Partial<Provider>
  options?: Partial<UpstreamOptions>
  server?: Partial<AuthorizationServerOptions>
}

export const alice = { sub: 'alice-1', name: 'Alice', email: 'alice@acme.test', email_verified: true }

export class UpstreamWorld {
  readonly idp: UpstreamImitation
  readonly rig: Rig
  /** What `onError` got. */
  readonly errors: { error: unknown; where: string }[] = []

  constructor({ imitation, provider, options, server }: WorldOptions = {}) {
    this.idp = new UpstreamImitation(imitation)
    this.idp.login(alice)
    const signIn = upstream(this.idp.provider(provider), { admit: () => true, ...options })
    this.rig = new Rig({
      signIn,
      fetch: this.idp.fetch,
      onError: (error, { where }) => this.errors.push({ error, where }),
      ...server,
    })
    this.idp.clock = () => this.rig.now
  }

  browser(): Browser {
    return new Browser(this.rig)
  }

  /** From the client's request to the provider's page: the user has consented. */
  async toProvider(
    browser: Browser,
    parameters: Readonly<Record<string, string | undefined>> = {},
  ): Promise<URL> {
    const shown = await this.approve(browser, parameters)
    if (shown.location?.origin !== new URL(this.idp.issuer).origin)
      throw new Error(`${shown.status} ${shown.location?.href ?? shown.text}`)
    return shown.location
  }

  async approve(
    browser: Browser,
    parameters: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Shown> {
    const consent = await browser.visit(await requestUrl(parameters))
    return browser.submit(consent, { decision: 'approve', scopes: ['notes:read', 'notes:write'] })
  }

  /** All of it; what the browser is shown at the end. */
  async signIn(
    browser: Browser = this.browser(),
    parameters: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Shown> {
    const back = await this.idp.visit(await this.toProvider(browser, parameters))
    return browser.get(back.href, { 'sec-fetch-site': 'cross-site' })
  }

  /** The tokens of a client whose user signed in. */
  async tokens(shown: Shown): Promise<Tokens> {
    return ok(await this.rig.redeem({ code: codeOf(shown), verifier, grantId: '' }, clientForm))
  }
}

const clientForm = { redirect_uri: 'http://127.0.0.1:3000/cb' }
