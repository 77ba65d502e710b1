import { html } from 'hono/html'

import { brandName, page, type Html, type Look } from '../page/layout.ts'
import { cleanText, clientName } from '../page/text.ts'

export interface LinkView {
  readonly look: Look
  readonly paths: { readonly account: string }
  /** Path that the form is sent to. */
  readonly action: string
  /** The sealed form token. */
  readonly sealed: string
  /** Name of the provider. */
  readonly label: string
  readonly uses: readonly string[]
  /** Of the user. */
  readonly name: string
  /** What the app that asks calls itself. */
  readonly app: string | undefined
  /** The account that is linked now. */
  readonly linked: string | undefined
  readonly cookies: readonly string[]
}

/**
 * Says which account of this server gets which account of the provider, and what for. Declining is as easy
 * as connecting.
 */
export function linkPage(view: LinkView): Promise<Response> {
  const { look, paths, action, sealed, uses, name, app, linked, cookies } = view
  const label = cleanText(view.label)
  const brand = brandName(look)
  return page(look, {
    title: `Connect ${label}`,
    cookies,
    body: html`<h1>Connect your <bdi>${label}</bdi> account?</h1>
      <p class="soft">
        Signed in to <bdi>${brand}</bdi> as <strong><bdi>${cleanText(name)}</bdi></strong>
      </p>
      <p>
        <bdi>${clientName(app)}</bdi> asks for it. Connect it only if you have just started this yourself.
      </p>
      ${linked === undefined ? '' : replaces(label, linked)}
      <section class="to" aria-label="What happens">
        <p>
          <bdi>${brand}</bdi> keeps access to the account that you choose at <bdi>${label}</bdi>. Every app
          that you have connected to <bdi>${brand}</bdi> can then use it.
        </p>
      </section>
      ${uses.length === 0 ? '' : whatFor(uses)}
      <form method="post" action="${action}">
        <input type="hidden" name="token" value="${sealed}" />
        <div class="actions">
          <button type="submit" name="decision" value="deny">Do not connect</button>
          <button type="submit" name="decision" value="approve" class="primary">Go on to ${label}</button>
        </div>
      </form>
      <p class="soft">
        You can unlink the account at any time on <a href="${paths.account}">your account page</a>.
      </p>`,
  })
}

const whatFor = (uses: readonly string[]): Html =>
  html`<h2 class="next">What your apps use it for</h2>
    <div class="choices">${uses.map((each) => html`<p class="choice"><span>${each}</span></p>`)}</div>`

const replaces = (label: string, linked: string): Html =>
  html`<div class="note">
    <p>
      <bdi>${label}</bdi> account <strong><bdi>${cleanText(linked)}</bdi></strong> is connected now. The one
      that you choose replaces it.
    </p>
  </div>`

/** The end of the flow. It leads nowhere by itself: the app is where the user came from. */
export function linkResultPage(
  look: Look,
  { label, account, cookies }: { label: string; account?: string; cookies: readonly string[] },
): Promise<Response> {
  const provider = cleanText(label)
  const title = account === undefined ? 'Nothing was connected' : `${provider} is connected`
  return page(look, {
    title,
    cookies,
    body: html`<h1>${title}</h1>
      ${
        account === undefined
          ? html`<p>Your apps can use the same accounts as before.</p>`
          : html`<div class="note good" role="status">
              <p>
                Account <strong><bdi>${cleanText(account)}</bdi></strong>
              </p>
            </div>`
      }
      <p>You can close this page and go back to the app.</p>`,
  })
}
