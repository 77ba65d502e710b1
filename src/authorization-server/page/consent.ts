import { html } from 'hono/html'

import { isLoopbackHost } from '../../protocol/resource.ts'
import type { Access } from '../grants.ts'
import type { AuthorizationRequest } from '../authorize/request.ts'
import { isFixed, isRequired, preselected, scopeField } from '../authorize/choice.ts'
import type { Client, Context, Resource } from '../context.ts'
import { isSharedHost } from './shared-hosts.ts'
import { brandName, look, page, period, resourceName, shownName, type Html } from './layout.ts'

export interface ConsentView {
  client: Client
  request: AuthorizationRequest
  /** The sealed transaction. */
  sealed: string
  /** The account that is signed in, and where another one can be chosen. */
  account?: { name: string; switchTo: string }
  /** Where the user will sign in after approving. */
  signInWith?: string
  /** Seconds for which the consent can be remembered; 0: it cannot. */
  remember: number
  /** What the user had chosen, if the page is shown again. */
  chosen?: Access
  /** Why it is shown again. */
  problem?: string
  cookies?: readonly string[]
}

/**
 * Who asks, for what, and where the answer goes; denying is as easy as approving (MCP, Localhost Redirect
 * URI Risks; Security Best Practices, Consent UI).
 */
export function consentPage(context: Context, view: ConsentView): Promise<Response> {
  const { client, request, sealed, account, problem, remember } = view
  const name = shownName(client.name ?? '') || 'An app without a name'
  const target = shownRedirect(request.redirectUri)
  const resources = Object.keys(request.access).map((each) => context.resources.find(each)!)
  const resourceNames = new Intl.ListFormat('en').format(resources.map(resourceName))
  return page(look(context), {
    title: `${name} asks for access`,
    status: problem === undefined ? 200 : 400,
    ...(view.cookies === undefined ? {} : { cookies: view.cookies }),
    body: html`<h1><bdi>${name}</bdi> wants to use <bdi>${resourceNames}</bdi></h1>
      ${whoAsks(context, client, request)} ${whoAnswers(view)}
      ${problem === undefined ? '' : html`<div class="note bad" role="alert"><p>${problem}</p></div>`}
      <section class="to" aria-label="Where the answer goes">
        <p class="soft">
          ${target.local ? 'Access goes to an app on this computer' : target.web ? 'Access goes to' : 'Access goes to the app that opens'}
        </p>
        <p class="host"><bdi>${target.host}</bdi></p>
      </section>
      ${
        target.local || !target.web
          ? html`<div class="note">
              <p>
                <strong>Any program on this computer could be asking.</strong> Approve only if you have just
                connected this app yourself.
              </p>
            </div>`
          : ''
      }
      <form method="post" action="${context.paths.authorize}">
        <input type="hidden" name="transaction" value="${sealed}" />
        ${permissions(context, request.access, view.chosen ?? preselected(context, request.access))}
        ${
          remember > 0
            ? html`<label class="choice plain"
                ><input type="checkbox" name="remember" value="yes" /><span
                  >Do not ask again for ${period(remember)} when this app asks for exactly this</span
                ></label
              >`
            : ''
        }
        <div class="actions">
          <button type="submit" name="decision" value="deny">Deny</button>
          <button type="submit" name="decision" value="approve" class="primary">Approve</button>
        </div>
      </form>
      <dl>
        <dt>Server</dt>
        ${resources.map((each) => html`<dd><code>${each.resource}</code></dd>`)}
        <dt>Returns to</dt>
        <dd><code>${shownName(request.redirectUri, 200)}</code></dd>
        <dt>App id</dt>
        <dd><code>${shownName(client.id, 36)}</code></dd>
      </dl>
      ${account === undefined ? '' : html`<p class="soft">You can disconnect apps at any time on <a href="${context.paths.account}">your account page</a>.</p>`}`,
  })
}

/**
 * Anybody can claim any name. The host of a document vouches for it if the answer goes to that same host
 * and only its owner can publish there: not everywhere below a path, and at no host that many share.
 */
function whoAsks(context: Context, client: Client, { redirectUri }: AuthorizationRequest): Html {
  if (client.kind === 'preregistered')
    return html`<p class="badges">
      <span class="badge good">✓ Known to <bdi>${brandName(look(context))}</bdi></span>
    </p>`
  const id = client.kind === 'document' ? new URL(client.id) : undefined
  if (id !== undefined && id.origin === new URL(redirectUri).origin && isOwners(id))
    return html`<p class="badges">
      <span class="badge good">✓ Published by <bdi>${id.host}</bdi></span>
    </p>`
  return html`<p class="badges">
    <span class="badge">Unverified</span>
    <span
      >The app chose this name itself.${id === undefined ? '' : html` Hosted at <bdi>${id.host}</bdi>.`}</span
    >
  </p>`
}

/**
 * A place that is never a user's of that host: a well-known one, or one directly below the root. Plain
 * characters only: a server may read `%2f` or `;` as another path, and `~` and `@` begin a user's name.
 */
const isOwners = ({ pathname, search, hostname }: URL): boolean =>
  /^\/(?:\.well-known\/[\w./-]+|[\w.-]+)$/.test(pathname) && search === '' && !isSharedHost(hostname)

function whoAnswers({ account, signInWith }: ConsentView): Html {
  if (account !== undefined)
    return html`<p class="soft">
      Signed in as <strong><bdi>${shownName(account.name)}</bdi></strong
      >. <a href="${account.switchTo}">Use another account</a>
    </p>`
  if (signInWith !== undefined)
    return html`<p class="soft">
      If you approve, you will sign in with <bdi>${shownName(signInWith)}</bdi>.
    </p>`
  return html`<p class="soft">If you approve, you will sign in next.</p>`
}

/**
 * What the app may do, by resource, with each resource's own meaning of a scope. A single scope is not a
 * choice: approving grants it.
 */
function permissions(context: Context, access: Access, chosen: Access): Html {
  const entries = Object.entries(access).map(([name, scopes], i) => ({
    resource: context.resources.find(name)!,
    scopes,
    field: scopeField(i),
  }))
  const offered = entries.flatMap(({ resource, scopes, field }) =>
    scopes.map((scope) => ({ resource, scope, field })),
  )
  if (offered.length === 0) return html`<p>It asks for no particular permission.</p>`
  const several = entries.length > 1
  if (offered.length === 1 && !several) {
    const { resource, scope, field } = offered[0]!
    return html`<h2 class="next">What it may do</h2>
      <div class="choices">
        <p class="choice">${described(resource, scope)}</p>
      </div>
      <input type="hidden" name="${field}" value="${scope}" />`
  }
  return html`${entries.map(({ resource, scopes, field }) =>
    scopes.length === 0
      ? html`<p><bdi>${resourceName(resource)}</bdi>: no particular permission</p>`
      : html`<fieldset>
          <legend>
            Choose what it may do${several ? html` with <bdi>${resourceName(resource)}</bdi>` : ''}
          </legend>
          <div class="choices">
            ${scopes.map((scope) => {
              const name = isFixed(access, resource, scope) ? html`disabled` : html`name="${field}"`
              const ticked = chosen[resource.resource]?.includes(scope) || isFixed(access, resource, scope)
              return html`<label class="choice"
                ><input
                  type="checkbox"
                  ${name}
                  value="${scope}"
                  ${ticked ? html` checked` : ''}
                />${described(resource, scope)}</label
              > `
            })}
          </div>
        </fieldset>`,
  )}`
}

const described = (resource: Resource, scope: string): Html =>
  html`<span
    >${resource.scopes[scope]}${isRequired(resource, scope) ? html` <em>(required)</em>` : ''}<code
      >${scope}</code
    ></span
  >`

/** The host in large type; for a private-use scheme all that says which app it is. */
export function shownRedirect(uri: string): { host: string; local: boolean; web: boolean } {
  const { protocol, host, hostname, pathname } = new URL(uri)
  const web = protocol === 'https:' || protocol === 'http:'
  if (!web)
    return {
      host: shownName(host === '' ? `${protocol}${pathname}` : `${protocol}//${host}`),
      local: false,
      web,
    }
  return { host, local: isLoopbackHost(hostname), web }
}
