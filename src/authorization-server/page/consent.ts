import { html } from 'hono/html'

import { isLoopbackHost } from '../../protocol/loopback.ts'
import { brandName, describedBy, page, type Html, type Look } from './layout.ts'
import { cleanText, clientName, listText, period } from './text.ts'

/** What vouches for the client's name: this deployment, the host of its document, or nothing. */
export interface ClientLabel {
  readonly label: 'known' | 'published' | 'unverified'
  /** Host of the client's document. */
  readonly host?: string
}

/** What the form offers of one resource. */
export interface OfferedResource {
  readonly identifier: string
  readonly name: string
  /** Name of the form's field. */
  readonly field: string
  readonly scopes: readonly OfferedScope[]
}

export interface OfferedScope {
  readonly scope: string
  readonly meaning: string
  readonly isRequired: boolean
  /** Ticked, and the user cannot untick it. */
  readonly isFixed: boolean
  readonly isChecked: boolean
}

/** What the user chooses beside scopes. */
export interface ChoiceView {
  /** Name of the form's field. */
  readonly field: string
  readonly label: string
  readonly isRequired: boolean
  /** What the problem of the page is about. */
  readonly isWrong: boolean
  readonly options: readonly { readonly value: string; readonly label: string; readonly isChosen: boolean }[]
}

export interface ConsentView {
  readonly look: Look
  readonly paths: { readonly authorize: string; readonly account: string }
  readonly client: ClientLabel & { readonly id: string; readonly name: string | undefined }
  readonly redirectUri: string
  readonly resources: readonly OfferedResource[]
  readonly choices: readonly ChoiceView[]
  /** The sealed transaction. */
  readonly sealed: string
  /** The signed-in account, and the URL that switches to another one. */
  readonly account?: { readonly name: string; readonly switchTo: string }
  /** The sign-in that follows an approval. */
  readonly signInWith?: string
  /** Seconds for which the consent can be remembered; 0: not at all. */
  readonly remember: number
  /** What is wrong with the form that was sent. */
  readonly problem?: string
  readonly cookies?: readonly string[]
}

/**
 * Says which client asks, for what, and where the answer goes. Denying is as easy as approving (MCP,
 * Localhost Redirect URI Risks; Security Best Practices, Consent UI).
 */
export function consentPage(view: ConsentView): Promise<Response> {
  const { client, resources, sealed, account, problem, cookies = [], paths } = view
  const name = clientName(client.name)
  return page(view.look, {
    title: `${name} asks for access`,
    status: problem === undefined ? 200 : 400,
    cookies,
    body: html`<h1>
        <bdi>${name}</bdi> wants to use <bdi>${listText(resources.map((each) => each.name))}</bdi>
      </h1>
      ${clientBadge(view)} ${accountLine(view)}
      ${problem === undefined ? '' : html`<div id="problem" class="note bad" role="alert"><p>${problem}</p></div>`}
      ${destination(view)}
      <form method="post" action="${paths.authorize}">
        <input type="hidden" name="transaction" value="${sealed}" />
        ${view.choices.map(choice)} ${permissions(resources)} ${rememberBox(view)}
        <div class="actions">
          <button type="submit" name="decision" value="deny">Deny</button>
          <button type="submit" name="decision" value="approve" class="primary">Approve</button>
        </div>
      </form>
      <dl>
        <dt>Server</dt>
        ${resources.map((each) => html`<dd><code>${each.identifier}</code></dd>`)}
        <dt>Returns to</dt>
        <dd><code>${cleanText(view.redirectUri, 200)}</code></dd>
        <dt>App id</dt>
        <dd><code>${cleanText(client.id, 36)}</code></dd>
      </dl>
      ${
        account === undefined
          ? ''
          : html`<p class="soft">
              You can disconnect apps at any time on <a href="${paths.account}">your account page</a>.
            </p>`
      }`,
  })
}

function clientBadge({ client: { label, host }, look }: ConsentView): Html {
  if (label === 'unverified')
    return html`<p class="badges">
      <span class="badge">Unverified</span>
      <span
        >The app chose this name
        itself.${host === undefined ? '' : html` Hosted at <bdi>${host}</bdi>.`}</span
      >
    </p>`
  return html`<p class="badges">
    <span class="badge good"
      >✓ ${label === 'known' ? 'Known to' : 'Published by'}
      <bdi>${label === 'known' ? brandName(look) : host}</bdi></span
    >
  </p>`
}

function accountLine({ account, signInWith }: ConsentView): Html {
  if (account !== undefined)
    return html`<p class="soft">
      Signed in as <strong><bdi>${cleanText(account.name)}</bdi></strong
      >. <a href="${account.switchTo}">Use another account</a>
    </p>`
  if (signInWith !== undefined)
    return html`<p class="soft">
      If you approve, you will sign in with <bdi>${cleanText(signInWith)}</bdi>.
    </p>`
  return html`<p class="soft">If you approve, you will sign in next.</p>`
}

/**
 * Where the answer goes. Any program on the user's computer can receive a loopback or private-use redirect.
 */
function destination({ redirectUri }: ConsentView): Html {
  const { host, kind } = describeRedirect(redirectUri)
  return html`<section class="to" aria-label="Where the answer goes">
      <p class="soft">${destinations[kind]}</p>
      <p class="host"><bdi>${host}</bdi></p>
    </section>
    ${
      kind === 'web'
        ? ''
        : html`<div class="note">
            <p>
              <strong>Any program on this computer could be asking.</strong> Approve only if you have just
              connected this app yourself.
            </p>
          </div>`
    }`
}

const destinations = {
  web: 'Access goes to',
  loopback: 'Access goes to an app on this computer',
  app: 'Access goes to the app that opens',
}

/** The host in large type; with a private-use scheme everything that says which app it is. */
export function describeRedirect(uri: string): { host: string; kind: keyof typeof destinations } {
  const { protocol, host, hostname, pathname } = new URL(uri)
  if (protocol === 'https:' || protocol === 'http:')
    return { host, kind: isLoopbackHost(hostname) ? 'loopback' : 'web' }
  return { host: cleanText(protocol + (host === '' ? pathname : `//${host}`)), kind: 'app' }
}

/** A few options are radio buttons, more are a list. */
function choice({ field, label, isRequired, isWrong, options }: ChoiceView): Html {
  const mark = isRequired ? html` <em>(required)</em>` : ''
  // Not `required`: the browser would then not send Deny without a choice.
  const required = isRequired ? html` aria-required="true"` : ''
  const about = html`${required}${describedBy(isWrong)}`
  if (options.length === 0)
    return html`<p class="note">Your account has nothing to choose for <bdi>${label}</bdi>.</p>`
  if (options.length > maxRadios)
    return html`<p class="next">
      <label for="${field}"><strong>${label}</strong>${mark}</label>
      <select id="${field}" name="${field}" ${about}>
        ${isRequired ? html`<option value="">Choose …</option>` : ''}
        ${options.map((each) => html`<option value="${each.value}" ${each.isChosen ? html`selected` : ''}>${each.label}</option>`)}
      </select>
    </p>`
  return html`<fieldset role="radiogroup" ${about}>
    <legend>${label}${mark}</legend>
    <div class="choices">
      ${options.map((each) => html`<label class="choice"><input type="radio" name="${field}" value="${each.value}" ${each.isChosen ? html`checked` : ''} /><span>${each.label}</span></label>`)}
    </div>
  </fieldset>`
}

const maxRadios = 6

/** What the app may do, by resource. A single scope is not a choice: approving grants it. */
function permissions(resources: readonly OfferedResource[]): Html {
  const [first, ...others] = resources.flatMap(({ scopes }) => scopes)
  if (first === undefined) return html`<p>It asks for no particular permission.</p>`
  if (resources.length > 1) return html`${resources.map((each) => scopeChoices(each, true))}`
  if (others.length > 0) return scopeChoices(resources[0]!, false)
  return html`<h2 class="next">What it may do</h2>
    <div class="choices"><p class="choice">${scopeText(first)}</p></div>
    <input type="hidden" name="${resources[0]!.field}" value="${first.scope}" />`
}

function scopeChoices({ name, field, scopes }: OfferedResource, isOneOfSeveral: boolean): Html {
  if (scopes.length === 0) return html`<p><bdi>${name}</bdi>: no particular permission</p>`
  return html`<fieldset>
    <legend>Choose what it may do${isOneOfSeveral ? html` with <bdi>${name}</bdi>` : ''}</legend>
    <div class="choices">${scopes.map((each) => scopeChoice(each, field))}</div>
  </fieldset>`
}

const scopeChoice = (choice: OfferedScope, field: string): Html =>
  html`<label class="choice"
    ><input
      type="checkbox"
      ${choice.isFixed ? html`disabled` : html`name="${field}"`}
      value="${choice.scope}"
      ${choice.isChecked ? html` checked` : ''}
    />${scopeText(choice)}</label
  > `

const scopeText = ({ meaning, isRequired, scope }: OfferedScope): Html =>
  html`<span>${meaning}${isRequired ? html` <em>(required)</em>` : ''}<code>${scope}</code></span>`

const rememberBox = ({ remember }: ConsentView): Html =>
  remember === 0
    ? html``
    : html`<label class="choice plain"
        ><input type="checkbox" name="remember" value="yes" /><span
          >Do not ask again for ${period(remember)} when this app asks for exactly this</span
        ></label
      >`
