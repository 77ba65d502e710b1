import { readForm } from '../http/body.ts'
import { bind, checkBinding, type Binding } from './browser/binding.ts'
import { accountPage } from './page/account.ts'
import type { Context } from './context.ts'
import type { Slots } from './browser/cookies.ts'
import { whoIs } from './sign-in/identity.ts'
import { seeOther } from './page/layout.ts'
import { pageEndpoint } from './page/endpoint.ts'
import { forged, requireSameOrigin } from './browser/csrf.ts'
import { sealContext } from './seal-context.ts'
import { endSession } from './sign-in/session.ts'
import { startSignIn } from './sign-in/leg.ts'
import { tooLate } from './authorize/transaction.ts'

const slots: Slots = { kind: 'account', max: 5 }

interface Token extends Binding {
  subject: string
  expires: number
}

/** The user's own page: which apps are connected, and how to disconnect them. */
export function accountEndpoint(context: Context): (request: Request) => Promise<Response> {
  return pageEndpoint(context, {
    GET: (request) => show(context, request),
    POST: (request) => act(context, request),
  })
}

async function show(context: Context, request: Request): Promise<Response> {
  const identity = await whoIs(context, request)
  if (identity === undefined) return startSignIn(context, request, { path: context.paths.account })
  const { subject, name = subject } = identity
  const lifetime = context.options.lifetimes.session
  const { binding, cookies } = await bind(context, request, slots, lifetime)
  const token: Token = { ...binding, subject, expires: context.runtime.clock() + lifetime }
  const done = new URL(request.url).searchParams.get('done')
  const [grants, consents] = await Promise.all([
    context.grants.list(subject),
    context.grants.consents(subject),
  ])
  return accountPage(context, {
    name,
    grants: grants.sort((a, b) => b.lastUsed - a.lastUsed),
    consents,
    sealed: await context.sealer.seal('form', tokenContext(context), JSON.stringify(token)),
    canSignOut: context.signIn.finish !== undefined,
    ...(done === null ? {} : { done }),
    cookies,
  })
}

async function act(context: Context, request: Request): Promise<Response> {
  requireSameOrigin(request, context.issuer)
  const form = await readForm(request)
  const subject = await subjectOf(context, request, form.get('token'))
  const action = form.get('action')
  const identity = await whoIs(context, request)
  // Signed out, or another user, meanwhile: the page shows who it is now.
  if (identity?.subject !== subject) return seeOther(context.paths.account)
  if (action === 'sign-out') return seeOther(context.paths.account, [endSession(context)])
  const grant = form.get('grant')
  const consent = form.get('consent')
  if (action === 'revoke-all') await context.grants.revoke(subject)
  else if (action === 'revoke' && grant !== null) await context.grants.revoke(subject, grant)
  else if (action === 'forget' && consent !== null) await context.grants.forgetConsent(subject, consent)
  else return seeOther(context.paths.account)
  return seeOther(`${context.paths.account}?done=${action}`)
}

/**
 * Whom the form was made for. Throws a PageError if it is not one that this server gave to this browser.
 */
async function subjectOf(context: Context, request: Request, sealed: string | null): Promise<string> {
  const text = await context.sealer.open('form', tokenContext(context), sealed ?? '')
  if (text === undefined) throw forged('The form is not one of this server')
  const token = JSON.parse(text) as Token
  if (token.expires <= context.runtime.clock()) throw tooLate()
  if ((await checkBinding(context, request, slots, token)) !== 'bound')
    throw forged('The form was not opened in this browser')
  return token.subject
}

const tokenContext = ({ issuer }: Context): string => sealContext(issuer, 'account')
