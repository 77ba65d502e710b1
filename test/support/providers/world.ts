// An authorization server whose users sign in at an imitated provider, with its preset's data or other data.
import { expect } from 'vitest'
import { oidc } from '../../../src/provider/oidc.ts'
import type { Provider, UpstreamToken } from '../../../src/types.ts'
import { upstream, type UpstreamOptions } from '../../../src/upstream/index.ts'
import { ok, Rig } from '../as.ts'
import { Browser, codeOf, requestUrl, verifier, type Shown } from '../pages.ts'
import { alice, fetchOf, type ImitatedUser, type ProviderImitation } from './imitation.ts'

/** Providers register what lies below it: `<callback>/<name>`. */
export const callback = 'https://as.test/authorize/callback'

/** An authorization server in front of the imitation, with this preset's data. */
export class World {
  readonly rig: Rig
  readonly idp: ProviderImitation
  /** What goes on after an answer. */
  readonly background: Promise<unknown>[] = []

  constructor(idp: ProviderImitation, preset: Provider = idp.preset, options: Partial<UpstreamOptions> = {}) {
    this.idp = idp
    // The redirect URI stays that of the provider also with the data of another preset.
    const { provider } = idp.preset
    const signIn = upstream(preset, { admit: () => true, provider, ...options })
    this.rig = new Rig({
      signIn,
      fetch: fetchOf(idp),
      waitUntil: (promise) => void this.background.push(promise),
    })
    idp.clock = () => this.rig.now
  }

  /** What the browser is shown at the end; or the provider's page, if it does not send the browser back. */
  async signIn(parameters: Readonly<Record<string, string>> = {}): Promise<Shown> {
    const browser = new Browser(this.rig)
    const consent = await browser.visit(await requestUrl(parameters))
    const shown = await browser.submit(consent, {
      decision: 'approve',
      scopes: ['notes:read', 'notes:write'],
    })
    // The provider could not be asked.
    if (!this.idp.origins.includes(shown.location?.origin ?? '')) return shown
    const answer = await this.idp.handle(new Request(shown.location!, { redirect: 'manual' }))
    const back = answer.headers.get('location')
    const { status, headers } = answer
    if (back === null) return { status, headers, text: await answer.text(), location: undefined }
    return browser.get(back, { 'sec-fetch-site': 'cross-site' })
  }

  /** The client's tokens, and what a tool gets. */
  async use(shown: Shown): Promise<{ subject: string | undefined; token(): Promise<UpstreamToken> }> {
    const form = { redirect_uri: 'http://127.0.0.1:3000/cb' }
    const tokens = await ok(await this.rig.redeem({ code: codeOf(shown), verifier, grantId: '' }, form))
    expect(await this.rig.call(tokens.access_token)).toBe(200)
    const auth = this.rig.seen.at(-1)!
    return { subject: auth.subject, token: () => auth.upstream() }
  }

  /** The parameters with which the browser came to the provider. */
  get asked(): URLSearchParams {
    return this.idp.requests.find(({ url }) => url === this.idp.urls.authorize)!.parameters
  }

  /** What the server was told happened, in short. */
  get refusals(): (string | undefined)[] {
    return this.rig.events.filter(({ type }) => type === 'upstream.refused').map(({ detail }) => detail)
  }
}

/** A user signs in; `token` is what a tool gets. */
export async function signedIn(
  idp: ProviderImitation,
  user: ImitatedUser = alice,
  preset: Provider = idp.preset,
  options: Partial<UpstreamOptions> = {},
): Promise<Awaited<ReturnType<World['use']>> & { world: World }> {
  const world = new World(idp, preset, options)
  idp.user = user
  return { ...(await world.use(await world.signIn())), world }
}

/** The data of another preset, for this client of this provider. */
export const standard = ({ preset, client }: ProviderImitation, issuer = preset.issuer): Provider =>
  oidc({
    issuer,
    clientId: client.id,
    ...(client.secret === undefined ? {} : { clientSecret: client.secret }),
  })

/** How a sign-in that leads nowhere ends. */
export async function fails(
  world: World,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  const shown = await world.signIn(parameters)
  if (shown.location?.searchParams.has('code')) throw new Error('the user is signed in')
  return shown.location?.searchParams.get('error') ?? String(shown.status)
}

export function expectCode(shown: Shown): void {
  expect(shown.location?.searchParams.get('error')).toBeNull()
  expect(codeOf(shown)).not.toBe('')
}
