import { html } from 'hono/html'

import type { Context } from '../context.ts'
import { look, page, period, resourceName, shownName, type Html } from './layout.ts'
import type { Grant, RememberedConsent } from '../grants.ts'

export interface AccountView {
  /** Of the user. */
  name: string
  grants: readonly Grant[]
  consents: readonly RememberedConsent[]
  /** The sealed form token. */
  sealed: string
  canSignOut: boolean
  /** What was done just now. */
  done?: string
  cookies: readonly string[]
}

/** The apps that the user has connected, and the way to disconnect them. */
export function accountPage(context: Context, view: AccountView): Promise<Response> {
  const { grants, done, name } = view
  const told = done !== undefined && Object.hasOwn(deeds, done) ? deeds[done] : undefined
  return page(look(context), {
    title: 'Connected apps',
    wide: true,
    cookies: view.cookies,
    body: html`<h1>Connected apps</h1>
      <p class="soft">
        Signed in as <strong><bdi>${shownName(name)}</bdi></strong>
      </p>
      ${told === undefined ? '' : html`<div class="note good" role="status"><p>${told}</p></div>`}
      ${
        grants.length === 0
          ? html`<p>No app has access to your account.</p>`
          : html`<ul class="clients">
              ${grants.map((grant) => connected(context, view, grant))}
            </ul>`
      }
      ${remembered(context, view)} ${footer(context, view)}`,
  })
}

/** What the user agreed to for a while: the same is granted again without asking. */
function remembered(context: Context, { consents, sealed }: AccountView): Html {
  if (consents.length === 0) return html``
  const now = context.runtime.clock()
  return html`<h2 class="next">Not asked again</h2>
    <p class="soft">These apps get the same access again without asking you.</p>
    <ul class="clients">
      ${consents.map(({ key, clientName, host, expires }) => {
        const name = shownName(clientName ?? '') || 'An app without a name'
        return html`<li>
          <div>
            <h3><bdi>${name}</bdi></h3>
            <p class="soft">returns to <bdi>${host}</bdi> · for ${period(expires - now)}</p>
          </div>
          <form method="post" action="${context.paths.account}">
            <input type="hidden" name="token" value="${sealed}" />
            <input type="hidden" name="consent" value="${key}" />
            <button
              type="submit"
              name="action"
              value="forget"
              class="small"
              aria-label="Ask me again when ${name} connects"
            >
              Ask me again
            </button>
          </form>
        </li> `
      })}
    </ul>`
}

function connected(context: Context, view: AccountView, grant: Grant): Html {
  const { id, clientId, resources, access, created, lastUsed } = grant
  const name = shownName(grant.clientName ?? '') || 'An app without a name'
  const host = URL.canParse(clientId) && clientId.startsWith('https://') ? new URL(clientId).host : undefined
  const known = resources.map((each) => context.resources.find(each) ?? { resource: each, scopes: {} })
  const where = new Intl.ListFormat('en').format(known.map(resourceName))
  const granted = Object.values(access).flatMap((scopes, i) =>
    scopes.map((scope) => {
      const meaning = (known[i]!.scopes as Readonly<Record<string, string>>)[scope] ?? scope
      return known.length === 1 ? meaning : `${resourceName(known[i]!)}: ${meaning}`
    }),
  )
  const now = context.runtime.clock()
  return html`<li>
    <div>
      <h2><bdi>${name}</bdi></h2>
      <p class="soft">${host === undefined ? '' : html`<bdi>${host}</bdi> · `}uses <bdi>${where}</bdi></p>
      ${
        granted.length === 0
          ? ''
          : html`<ul>
              ${granted.map((each) => html`<li>${each}</li>`)}
            </ul>`
      }
    </div>
    <form method="post" action="${context.paths.account}">
      <input type="hidden" name="token" value="${view.sealed}" />
      <input type="hidden" name="grant" value="${id}" />
      <button
        type="submit"
        name="action"
        value="revoke"
        class="small"
        aria-label="Disconnect ${name}, connected ${plainSince(created, now)}"
      >
        Disconnect
      </button>
    </form>
    <p class="soft">Connected ${since(created, now)} · last used ${since(lastUsed, now)}</p>
  </li> `
}

function footer(context: Context, { grants, sealed, canSignOut }: AccountView): Html {
  const form = (action: string, button: Html): Html =>
    html`<form method="post" action="${action}">
      <input type="hidden" name="token" value="${sealed}" />
      ${button}
    </form>`
  const all =
    grants.length < 2
      ? ''
      : html`<details>
          <summary>Disconnect all apps</summary>
          <div class="note">
            <p>All ${grants.length} connections end at once. Each app has to ask you again.</p>
            ${form(context.paths.account, html`<button type="submit" name="action" value="revoke-all" class="small">Disconnect all ${grants.length}</button>`)}
          </div>
        </details>`
  const out = canSignOut
    ? form(
        context.paths.account,
        html`<button type="submit" name="action" value="sign-out" class="link">Sign out</button>`,
      )
    : ''
  return all === '' && out === '' ? html`` : html`<div class="foot">${all}${out}</div>`
}

const deeds: Readonly<Record<string, string>> = {
  revoke: 'The app is disconnected.',
  'revoke-all': 'All apps are disconnected.',
  forget: 'You are asked again when that app connects.',
}

const since = (at: number, now: number): Html =>
  html`<time datetime="${new Date(at * 1000).toISOString()}">${plainSince(at, now)}</time>`

function plainSince(at: number, now: number): string {
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
