import { OAuthError, ConfigurationError } from '../../errors.ts'
import type { SignInLeg } from '../../types.ts'
import type { AuthorizationRequest } from '../authorize/request.ts'
import type { Context } from '../context.ts'
import { isSlotId, newSlot, ownCookie, readOwnCookie, type Slots } from '../browser/cookies.ts'
import { passOn } from '../page/layout.ts'
import { callbackPath } from '../paths.ts'
import { forged } from '../browser/csrf.ts'
import { sealContext } from '../seal-context.ts'
import { tooLate } from '../authorize/transaction.ts'

/** What the user approved before signing in. */
export interface Approval {
  readonly grantId: string
  /** With the access that the user chose. */
  readonly request: AuthorizationRequest
  /** The user wants to be asked for this no more. */
  readonly remember: boolean
  /** Until when this approval can come again, in seconds since the epoch. */
  readonly repeatableUntil: number
  /** The account that the page named, if it did. */
  readonly subject?: string
}

interface SealedLeg {
  approval?: Approval
  kept?: string
  expires: number
}

const slots: Slots = { kind: 'sign-in', max: 2 }
/** Browsers drop a cookie above 4096 bytes, name and attributes included. */
const maxCookie = 3800

export interface Flow {
  /** Path of this server, where it goes on. */
  path: string
  prompt?: string
  maxAge?: number
  loginHint?: string
  approval?: Approval
}

/**
 * Sends the user to sign in. Where the sign-in comes back to this server, a leg begins: its `state` is
 * random and made now, so never before the user has approved, and what it stands for lies in a cookie of
 * this browser.
 */
export async function startSignIn(
  context: Context,
  request: Request,
  { path, approval, ...wishes }: Flow,
  cookies: readonly string[] = [],
): Promise<Response> {
  const { issuer, signIn, runtime, options } = context
  const { origin } = new URL(issuer)
  const { id, evict } = newSlot(context, request, slots)
  const leg: SignInLeg = { state: id, callbackUrl: origin + callbackPath(context) }
  const response = await signIn.start(request, { ...wishes, returnTo: origin + path, leg })
  if (signIn.finish === undefined) return passOn(response, cookies)
  if ((leg.kept ?? '').length > 600) throw new ConfigurationError('signIn', 'keeps more than 600 characters')
  const lifetime = options.lifetimes.transaction
  const sealedLeg: SealedLeg = {
    ...(approval === undefined ? {} : { approval }),
    ...(leg.kept === undefined ? {} : { kept: leg.kept }),
    expires: runtime.clock() + lifetime,
  }
  const value = await context.sealer.seal('cookie', legContext(context, id), JSON.stringify(sealedLeg))
  if (value.length > maxCookie) throw new OAuthError('invalid_request', 'The request is too long')
  return passOn(response, [...cookies, ...evict, ownCookie(context, `${slots.kind}-${id}`, value, lifetime)])
}

/**
 * The leg that a callback belongs to. Throws a PageError if it began in another browser, or not at all,
 * or too long ago.
 */
export async function openLeg(
  context: Context,
  request: Request,
): Promise<{ leg: SignInLeg; approval: Approval | undefined; begun: number }> {
  const states = new URL(request.url).searchParams.getAll('state')
  const [state] = states
  if (state === undefined || states.length > 1 || !isSlotId(state))
    throw forged('The sign-in did not begin here')
  const value = readOwnCookie(context, request, `${slots.kind}-${state}`) ?? ''
  const text = await context.sealer.open('cookie', legContext(context, state), value)
  if (text === undefined) throw forged('The sign-in did not begin in this browser')
  const { approval, kept, expires } = JSON.parse(text) as SealedLeg
  if (expires <= context.runtime.clock()) throw tooLate()
  const callbackUrl = new URL(context.issuer).origin + callbackPath(context)
  const begun = expires - context.options.lifetimes.transaction
  return { leg: { state, callbackUrl, ...(kept === undefined ? {} : { kept }) }, approval, begun }
}

export const closeLeg = (context: Context, { state }: SignInLeg): string =>
  ownCookie(context, `${slots.kind}-${state}`, '', 0)

const legContext = ({ issuer }: Context, state: string): string => sealContext(issuer, `sign-in:${state}`)
