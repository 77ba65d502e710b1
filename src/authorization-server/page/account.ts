import { html } from 'hono/html'

import { page, type Html, type Look } from './layout.ts'
import { cleanText, clientName, listText, period } from './text.ts'

/** A connected app. */
export interface AppView {
  readonly grantId: string
  readonly name: string | undefined
  /** Host of its client document. */
  readonly host: string | undefined
  /** Names of the resources that it may use. */
  readonly resources: readonly string[]
  /** What the user chose for it, in words. */
  readonly choices: readonly string[]
  /** What it may do there, in words. */
  readonly permissions: readonly string[]
  /** Seconds since the epoch. */
  readonly created: number
  readonly lastUsed: number
}

export interface ConsentEntry {
  readonly key: string
  readonly clientName?: string
  /** Host of the redirect URI. */
  readonly host: string
  /** What the user chose, in words. */
  readonly choices: readonly string[]
  /** Seconds since the epoch. */
  readonly expires: number
}

export interface AccountView {
  readonly look: Look
  /** Path that the forms are sent to. */
  readonly path: string
  /** Of the user. */
  readonly name: string
  readonly apps: readonly AppView[]
  readonly consents: readonly ConsentEntry[]
  /** The section of linked accounts. */
  readonly linked?: Html | undefined
  /** The sealed form token. */
  readonly sealed: string
  readonly canSignOut: boolean
  /** The action that was carried out before. */
  readonly done: string | null
  /** Seconds since the epoch. */
  readonly now: number
  readonly cookies: readonly string[]
}

/** The apps that the user has connected, each with a button that disconnects it. */
export function accountPage(view: AccountView): Promise<Response> {
  const { apps, done, look, name, cookies } = view
  const message = done !== null && Object.hasOwn(messages, done) ? messages[done] : undefined
  return page(look, {
    title: 'Connected apps',
    wide: true,
    cookies,
    body: html`<h1>Connected apps</h1>
      <p class="soft">
        Signed in as <strong><bdi>${cleanText(name)}</bdi></strong>
      </p>
      ${message === undefined ? '' : html`<div class="note good" role="status"><p>${message}</p></div>`}
      ${
        apps.length === 0
          ? html`<p>No app has access to your account.</p>`
          : html`<ul class="clients">
              ${apps.map((each) => connectedApp(view, each))}
            </ul>`
      }
      ${view.linked ?? ''} ${rememberedConsents(view)} ${footer(view)}`,
  })
}

const messages: Readonly<Record<string, string>> = {
  revoke: 'The app is disconnected.',
  'revoke-all': 'All apps are disconnected.',
  forget: 'You are asked again when that app connects.',
  unlink: 'The account is no longer linked.',
}

function connectedApp(view: AccountView, app: AppView): Html {
  const { host, resources, choices, permissions, created, lastUsed } = app
  const { now } = view
  const name = clientName(app.name)
  return html`<li>
    <div>
      <h2><bdi>${name}</bdi></h2>
      <p class="soft">
        ${host === undefined ? '' : html`<bdi>${host}</bdi> · `}uses <bdi>${listText(resources)}</bdi>
      </p>
      ${choices.map((each) => html`<p class="soft"><bdi>${each}</bdi></p>`)}
      ${
        permissions.length === 0
          ? ''
          : html`<ul>
              ${permissions.map((each) => html`<li>${each}</li>`)}
            </ul>`
      }
    </div>
    ${actionForm(view, 'revoke', {
      field: ['grant', app.grantId],
      text: 'Disconnect',
      label: `Disconnect ${name}, connected ${timeAgo(created, now)}`,
    })}
    <p class="soft">Connected ${time(created, now)} · last used ${time(lastUsed, now)}</p>
  </li> `
}

/** Consents that skip the consent page for a while. */
function rememberedConsents(view: AccountView): Html {
  const { consents, now } = view
  if (consents.length === 0) return html``
  return html`<h2 class="next">Not asked again</h2>
    <p class="soft">These apps get the same access again without asking you.</p>
    <ul class="clients">
      ${consents.map((consent) => {
        const name = clientName(consent.clientName)
        const { choices } = consent
        return html`<li>
          <div>
            <h3><bdi>${name}</bdi></h3>
            <p class="soft">returns to <bdi>${consent.host}</bdi> · for ${period(consent.expires - now)}</p>
            ${choices.map((each) => html`<p class="soft"><bdi>${each}</bdi></p>`)}
          </div>
          ${actionForm(view, 'forget', {
            field: ['consent', consent.key],
            text: 'Ask me again',
            label: [`Ask me again when ${name} connects`, ...choices].join(', '),
          })}
        </li> `
      })}
    </ul>`
}

function footer(view: AccountView): Html {
  const { apps, canSignOut } = view
  const all = `Disconnect all ${apps.length}`
  const disconnectAll =
    apps.length < 2
      ? ''
      : html`<details>
          <summary>Disconnect all apps</summary>
          <div class="note">
            <p>All ${apps.length} connections end at once. Each app has to ask you again.</p>
            ${actionForm(view, 'revoke-all', { text: all })}
          </div>
        </details>`
  const signOut = canSignOut ? actionForm(view, 'sign-out', { text: 'Sign out', style: 'link' }) : ''
  return disconnectAll === '' && signOut === ''
    ? html``
    : html`<div class="foot">${disconnectAll}${signOut}</div>`
}

/** A form with one button. `label`: what a screen reader says in place of the text. */
export const actionForm = (
  { path, sealed }: Pick<AccountView, 'path' | 'sealed'>,
  action: string,
  button: { field?: [name: string, value: string]; text: string; label?: string; style?: string },
): Html =>
  html`<form method="post" action="${path}">
    <input type="hidden" name="token" value="${sealed}" />
    ${button.field && html`<input type="hidden" name="${button.field[0]}" value="${button.field[1]}" />`}
    <button
      name="action"
      value="${action}"
      class="${button.style ?? 'small'}"
      ${button.label && html`aria-label="${button.label}"`}
    >
      ${button.text}
    </button>
  </form>`

/** A moment, told from now. */
export const time = (at: number, now: number): Html =>
  html`<time datetime="${new Date(at * 1000).toISOString()}">${timeAgo(at, now)}</time>`

function timeAgo(at: number, now: number): string {
  const seconds = Math.max(0, now - at)
  if (seconds < 60) return 'just now'
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const
  const [unit, length] = units.find(([, each]) => seconds >= each)!
  const count = Math.floor(seconds / length)
  return unit === 'day' && count > 30
    ? `on ${new Date(at * 1000).toISOString().slice(0, 10)}`
    : `${count} ${unit}${count === 1 ? '' : 's'} ago`
}
