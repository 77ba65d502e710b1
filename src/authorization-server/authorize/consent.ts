import { defined } from '../../lib/defined.ts'
import type { Identity } from '../../types.ts'
import { offerChoices, type OfferedChoice } from '../choices.ts'
import type { Context } from '../context.ts'
import type { Access } from '../grants.ts'
import type { Choices } from '../options.ts'
import { consentPage } from '../page/consent.ts'
import { lookOf } from '../page/layout.ts'
import { cleanText } from '../page/text.ts'
import { choiceView, offeredChoices } from './choice.ts'
import { labelClient } from './client-label.ts'
import { askingAgain, canRemember } from './remembered-consent.ts'
import { requestPath, type AuthorizationRequest } from './request.ts'
import type { Target } from './target.ts'
import { newTransaction, sealTransaction, type Transaction } from './transaction.ts'

/** Asks the user, with a new transaction for this rendering of the page. */
export async function askForConsent(
  context: Context,
  httpRequest: Request,
  about: { target: Target; request: AuthorizationRequest; user: Identity | undefined },
  also: { problem?: string; cookies?: readonly string[] } = {},
): Promise<Response> {
  const { target, request, user } = about
  const subject = user?.subject
  const { transaction, cookies } = await newTransaction(context, httpRequest, {
    request,
    ...defined({ subject }),
  })
  const { issuer, runtime } = context
  const { grantId } = transaction
  const clientId = target.client.id
  runtime.event({ type: 'consent.asked', level: 'info', issuer, grantId, clientId, subject })
  const all = [...(also.cookies ?? []), ...cookies]
  const choices = user === undefined ? [] : await offerChoices(context, user, httpRequest)
  return showConsent(context, { target, transaction, user, choices }, { ...also, cookies: all })
}

/** The page for a transaction. `again`: what the user chose and what is wrong with it. */
export async function showConsent(
  context: Context,
  about: {
    target: Target
    transaction: Transaction
    user: Identity | undefined
    choices: readonly OfferedChoice[]
  },
  again: {
    problem?: string
    chosen?: Access
    picked?: Choices
    wrong?: OfferedChoice | undefined
    cookies?: readonly string[]
  } = {},
): Promise<Response> {
  const { target, transaction, user, choices } = about
  const { request } = transaction
  const { client } = target
  const { chosen, picked = {}, wrong, ...more } = again
  return consentPage({
    look: lookOf(context),
    paths: context.paths,
    client: { id: client.id, name: client.name, ...labelClient(client, request.redirectUri) },
    redirectUri: request.redirectUri,
    resources: offeredChoices(context, request.access, chosen),
    choices: choices.map((each) => choiceView(each, picked, each === wrong)),
    sealed: await sealTransaction(context, transaction),
    remember: canRemember(context, request) ? context.options.lifetimes.rememberedConsent : 0,
    ...defined({ account: user && accountOf(context, request, user), signInWith: context.signIn.name }),
    ...more,
  })
}

const accountOf = (
  context: Context,
  request: AuthorizationRequest,
  { name, subject }: Identity,
): { name: string; switchTo: string } => ({
  name: cleanText(name ?? '') || subject,
  switchTo: requestPath(context, askingAgain({ ...request, prompt: 'select_account' })),
})
