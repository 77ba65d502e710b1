import { clientIdUrl } from '../protocol/client-id.ts'
import { readForm } from '../http/body.ts'
import { recordCodec, sealedCodec } from '../lib/codec.ts'
import type { Identity } from '../types.ts'
import {
  bindToBrowser,
  openForm,
  requireSameOrigin,
  sealBound,
  type BoundValues,
  type BrowserBinding,
} from './browser/csrf.ts'
import { seeOther } from './browser/redirect.ts'
import { offerChoices, type OfferedChoice } from './choices.ts'
import type { Context } from './context.ts'
import type { Grant } from './grants.ts'
import { accountPage, type AppView } from './page/account.ts'
import { describeChoices } from './page/choice-labels.ts'
import { pageEndpoint } from './page/endpoint.ts'
import { lookOf } from './page/layout.ts'
import { resourceName } from './page/text.ts'
import { identifyUser } from './sign-in/identity.ts'
import { startSignIn } from './sign-in/leg.ts'
import { endSession } from './sign-in/session.ts'

/** The user that the page's forms are for. */
interface AccountToken extends BrowserBinding {
  readonly subject: string
}

const forms: BoundValues<AccountToken> = {
  slots: { kind: 'account', max: 5 },
  codec: sealedCodec(
    'form',
    recordCodec<AccountToken>('account form', {
      slot: 'string',
      nonce: 'string',
      expires: 'number',
      subject: 'string',
    }),
  ),
}

/** The user's own page: which apps are connected, and how to disconnect them. */
export function accountEndpoint(context: Context): (request: Request) => Promise<Response> {
  return pageEndpoint(context, {
    GET: (request) => showAccount(context, request),
    POST: (request) => changeAccount(context, request),
  })
}

async function showAccount(context: Context, request: Request): Promise<Response> {
  const { grants, links, options, paths, runtime, signIn } = context
  const user = await identifyUser(context, request)
  if (user === undefined) return startSignIn(context, request, { path: paths.account })
  const { subject, name = subject } = user
  const { binding, cookies } = await bindToBrowser(context, request, forms.slots, options.lifetimes.session)
  const offered = await knownChoices(context, user, request)
  const path = paths.account
  const sealed = await sealBound(context, forms, { ...binding, subject })
  const [granted, consents, linked] = await Promise.all([
    grants.list(subject),
    grants.consents(subject),
    links?.section(subject, { path, sealed }),
  ])
  return accountPage({
    look: lookOf(context),
    path,
    name,
    apps: granted.sort((a, b) => b.lastUsed - a.lastUsed).map((each) => appView(context, each, offered)),
    consents: consents.map((each) => ({ ...each, choices: describeChoices(offered, each.choices) })),
    linked,
    sealed,
    canSignOut: signIn.finish !== undefined,
    done: new URL(request.url).searchParams.get('done'),
    now: runtime.clock(),
    cookies,
  })
}

/** For their labels only: apps can be disconnected also if `consent.choices` fails. */
async function knownChoices(
  context: Context,
  user: Identity,
  request: Request,
): Promise<readonly OfferedChoice[]> {
  try {
    return await offerChoices(context, user, request)
  } catch (error) {
    context.runtime.failed(error, 'consent.choices', { request })
    return []
  }
}

async function changeAccount(context: Context, request: Request): Promise<Response> {
  const { grants, issuer, links, paths } = context
  requireSameOrigin(request, issuer)
  const form = await readForm(request)
  const { subject } = await openForm(context, request, forms, form.get('token'))
  const user = await identifyUser(context, request)
  // Another user, or none, is signed in now: the page shows which.
  if (user?.subject !== subject) return seeOther(paths.account)
  const action = form.get('action')
  const grant = form.get('grant')
  const consent = form.get('consent')
  if (action === 'sign-out') return seeOther(paths.account, [endSession(context)])
  if (action === 'revoke-all') await revokeGrants(context, subject)
  else if (action === 'revoke' && grant !== null) await grants.revoke(subject, grant)
  else if (action === 'forget' && consent !== null) await grants.forgetConsent(subject, consent)
  else if (action === 'unlink') await links?.unlink(subject, form.get('link') ?? '')
  else return seeOther(paths.account)
  return seeOther(`${paths.account}?done=${action}`)
}

/** Revokes one grant of this user. Without an id all grants end, and all linked accounts with them. */
export async function revokeGrants(
  { grants, links }: Context,
  subject: string,
  grantId?: string,
): Promise<void> {
  await grants.revoke(subject, grantId)
  if (grantId === undefined) await links?.unlink(subject)
}

/**
 * What the page says of a grant. A resource or scope that is no longer configured is shown by its identifier.
 */
function appView({ resources }: Context, grant: Grant, offered: readonly OfferedChoice[]): AppView {
  const { id, clientId, clientName, access, created, lastUsed } = grant
  const known = grant.resources.map((each) => resources.find(each) ?? { resource: each, scopes: {} })
  const meaningOf = (index: number, scope: string): string => {
    const resource = known[index]!
    const meaning = (resource.scopes as Readonly<Record<string, string>>)[scope] ?? scope
    return known.length === 1 ? meaning : `${resourceName(resource)}: ${meaning}`
  }
  return {
    grantId: id,
    name: clientName,
    host: clientIdUrl(clientId)?.host,
    resources: known.map(resourceName),
    choices: describeChoices(offered, grant.choices),
    permissions: Object.values(access).flatMap((scopes, i) => scopes.map((each) => meaningOf(i, each))),
    created,
    lastUsed,
  }
}
