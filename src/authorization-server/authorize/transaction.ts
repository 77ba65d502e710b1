import { randomToken } from '../../lib/random.ts'
import type { AuthorizationRequest } from './request.ts'
import { bind, checkBinding, type Binding } from '../browser/binding.ts'
import type { Context } from '../context.ts'
import { isSlotId, ownCookie, readOwnCookie, type Slots } from '../browser/cookies.ts'
import { PageError } from '../page/error.ts'
import { forged } from '../browser/csrf.ts'
import { sealContext } from '../seal-context.ts'

/**
 * An authorization request that waits for the user, as it lies, sealed, in the page's form. Nothing of it
 * is stored until the user has approved, and then at this grant id, once.
 */
export interface Transaction extends Binding {
  readonly grantId: string
  readonly request: AuthorizationRequest
  /** The account that the page named, if it did. */
  readonly subject?: string
  /** Seconds since the epoch. */
  readonly expires: number
}

const slots: Slots = { kind: 'request', max: 5 }
/**
 * Names what was answered lately in this browser. After an approval that can be sent again, and nothing
 * else; after a denial going back is an error of another kind than a forgery.
 */
const answered = 'answered'

/** A transaction for this render, and the cookies that bind it to this browser. */
export async function newTransaction(
  context: Context,
  httpRequest: Request,
  about: { request: AuthorizationRequest; subject?: string },
): Promise<{ transaction: Transaction; cookies: string[] }> {
  const lifetime = context.options.lifetimes.transaction
  const { binding, cookies } = await bind(context, httpRequest, slots, lifetime)
  const expires = context.runtime.clock() + lifetime
  return { transaction: { ...about, ...binding, grantId: randomToken(), expires }, cookies }
}

export const sealTransaction = (context: Context, transaction: Transaction): Promise<string> =>
  context.sealer.seal('form', sealContext(context.issuer, 'transaction'), JSON.stringify(transaction))

/**
 * The transaction of a submitted form. Throws a PageError: 403 if this browser was not given that form,
 * 400 if it is too late.
 */
export async function openTransaction(
  context: Context,
  httpRequest: Request,
  sealed: string | null,
): Promise<Transaction> {
  const text = await context.sealer.open('form', sealContext(context.issuer, 'transaction'), sealed ?? '')
  if (text === undefined) throw forged('The form is not one of this server')
  const transaction = JSON.parse(text) as Transaction
  if (transaction.expires <= context.runtime.clock()) throw tooLate()
  const bound = await checkBinding(context, httpRequest, slots, transaction)
  if (bound === 'absent' && answeredSlots(context, httpRequest).includes(transaction.slot))
    throw alreadyAnswered()
  if (bound !== 'bound') throw forged('The form was not opened in this browser')
  return transaction
}

/**
 * Cookies after the user has approved. The form's own stays: the same approval sent again, by a double
 * click or a reload, is answered again, because the browser shows the last answer.
 */
export function noteAnswered(context: Context, httpRequest: Request, { slot }: Transaction): string[] {
  const others = answeredSlots(context, httpRequest).filter((each) => each !== slot)
  const list = [...others, slot].slice(-slots.max).join('~')
  return [ownCookie(context, answered, list, context.options.lifetimes.transaction)]
}

/** Cookies after the user has denied: the form's own goes. Throws a PageError after an approval. */
export function denyTransaction(context: Context, httpRequest: Request, transaction: Transaction): string[] {
  const { slot } = transaction
  if (answeredSlots(context, httpRequest).includes(slot)) throw alreadyAnswered()
  return [
    ownCookie(context, `${slots.kind}-${slot}`, '', 0),
    ...noteAnswered(context, httpRequest, transaction),
  ]
}

export const alreadyAnswered = (): PageError =>
  new PageError('invalid_request', {
    title: 'This was answered already',
    problem: 'A request can be answered once',
    advice: 'If the app is still waiting, start again from the app.',
  })

export const tooLate = (): PageError =>
  new PageError('invalid_request', {
    title: 'This took too long',
    problem: 'The request has expired',
    advice: 'Nothing was shared. Start again from the app.',
  })

const answeredSlots = (context: Context, request: Request): string[] =>
  (readOwnCookie(context, request, answered) ?? '').split('~').filter(isSlotId)
