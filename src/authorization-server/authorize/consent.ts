import type { Identity } from '../../types.ts'
import { requestPath, type AuthorizationRequest, type Target } from './request.ts'
import { consentPage, type ConsentView } from '../page/consent.ts'
import type { Context } from '../context.ts'
import { shownName } from '../page/layout.ts'
import { canRemember } from './remembered-consent.ts'
import { newTransaction, sealTransaction, type Transaction } from './transaction.ts'

/** Asks the user, with a transaction of this render's own. */
export async function askForConsent(
  context: Context,
  httpRequest: Request,
  about: { target: Target; asked: AuthorizationRequest; identity: Identity | undefined },
  also: { problem?: string; cookies?: readonly string[] } = {},
): Promise<Response> {
  const { target, asked, identity } = about
  const { transaction, cookies } = await newTransaction(context, httpRequest, {
    request: asked,
    ...(identity === undefined ? {} : { subject: identity.subject }),
  })
  const all = [...(also.cookies ?? []), ...cookies]
  return showConsent(context, { target, transaction, identity }, { ...also, cookies: all })
}

/** The page for a transaction, also for one that was shown before. */
export async function showConsent(
  context: Context,
  about: { target: Target; transaction: Transaction; identity: Identity | undefined },
  again: Pick<ConsentView, 'problem' | 'chosen' | 'cookies'> = {},
): Promise<Response> {
  const { target, transaction, identity } = about
  const { request } = transaction
  return consentPage(context, {
    client: target.client,
    request,
    sealed: await sealTransaction(context, transaction),
    ...(identity === undefined ? {} : { account: accountOf(context, request, identity) }),
    ...(context.signIn.name === undefined ? {} : { signInWith: context.signIn.name }),
    remember: canRemember(context, request) ? context.options.lifetimes.rememberedConsent : 0,
    ...again,
  })
}

const accountOf = (
  context: Context,
  request: AuthorizationRequest,
  { name, subject }: Identity,
): { name: string; switchTo: string } => ({
  name: shownName(name ?? '') || subject,
  switchTo: requestPath(context, { ...request, prompt: 'select_account' }),
})
