import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { randomToken } from '../../lib/random.ts'
import { clearCookie, getCookie, isSlotId, setCookie, slotName, type Slots } from '../browser/cookies.ts'
import { bindToBrowser, openForm, sealBound, type BoundValues, type BrowserBinding } from '../browser/csrf.ts'
import type { Context } from '../context.ts'
import { answeredError } from '../page-error.ts'
import type { AuthorizationRequest } from './request.ts'

/**
 * An authorization request that waits for the user. It lies sealed in the page's form. Nothing is stored
 * before the user approves; then the grant is stored once, at this grant id.
 */
export interface Transaction extends BrowserBinding {
  readonly grantId: string
  readonly request: AuthorizationRequest
  /** The account that the page named, if it named one. */
  readonly subject?: string
}

const slots: Slots = { kind: 'request', max: 5 }

const transactions: BoundValues<Transaction> = {
  slots,
  codec: sealedCodec(
    'form',
    recordCodec<Transaction>('transaction', {
      slot: 'string',
      nonce: 'string',
      expires: 'number',
      grantId: 'string',
      request: 'object',
      subject: 'string?',
    }),
  ),
}

/**
 * The cookie that names the forms that were answered in this browser, so that going back is not called a
 * forgery.
 */
const answeredCookie = 'answered'

/** A transaction for one rendering of the page, and the cookies that bind it to this browser. */
export async function newTransaction(
  context: Context,
  httpRequest: Request,
  about: { request: AuthorizationRequest; subject?: string },
): Promise<{ transaction: Transaction; cookies: string[] }> {
  const { transaction: lifetime } = context.options.lifetimes
  const { binding, cookies } = await bindToBrowser(context, httpRequest, slots, lifetime)
  return { transaction: { ...about, ...binding, grantId: randomToken() }, cookies }
}

export const sealTransaction = (context: Context, transaction: Transaction): Promise<string> =>
  sealBound(context, transactions, transaction)

/**
 * The transaction of a submitted form. Throws a PageError: 403 if this browser was not given that form, 400
 * if it has expired or was answered.
 */
export const openTransaction = (
  context: Context,
  httpRequest: Request,
  sealed: string | null,
): Promise<Transaction> =>
  openForm(context, httpRequest, transactions, sealed, ({ slot }) =>
    answeredSlots(context, httpRequest).includes(slot) ? answeredError() : undefined,
  )

/**
 * Cookies after an approval. The form's cookie stays, because the same approval, sent again by a double click
 * or a reload, gets the same answer.
 */
export function approvedCookies(context: Context, httpRequest: Request, { slot }: Transaction): string[] {
  const others = answeredSlots(context, httpRequest).filter((each) => each !== slot)
  const list = [...others, slot].slice(-slots.max).join('~')
  return [setCookie(context, answeredCookie, list, context.options.lifetimes.transaction)]
}

/** Cookies after a denial: the form ends. Throws a PageError after an approval. */
export function deniedCookies(context: Context, httpRequest: Request, transaction: Transaction): string[] {
  const { slot } = transaction
  if (answeredSlots(context, httpRequest).includes(slot)) throw answeredError()
  return [clearCookie(context, slotName(slots, slot)), ...approvedCookies(context, httpRequest, transaction)]
}

const answeredSlots = (context: Context, request: Request): string[] =>
  (getCookie(context, request, answeredCookie) ?? '').split('~').filter(isSlotId)
