import type { SealedCodec } from '../../lib/codec.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { randomToken } from '../../lib/random.ts'
import { isLoopbackHost } from '../../protocol/loopback.ts'
import type { Context } from '../context.ts'
import { expiredError, forgedError, type PageError } from '../page-error.ts'
import { sealContext } from '../seal-context.ts'
import { getCookie, newSlot, setCookie, slotName, type Slots } from './cookies.ts'

/**
 * CSRF: refuses a form that another site sent. `Origin: null` alone is accepted, because privacy settings
 * make browsers send it with the honest form; the form's own token decides then. With a loopback issuer it is
 * refused unless `Sec-Fetch-Site` says more: the request may come from a page that reached this server by DNS
 * rebinding.
 */
export function requireSameOrigin(request: Request, issuer: string): void {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const own = new URL(issuer)
  const isHidden = origin === 'null' && !(isLoopbackHost(own.hostname) && site === null)
  const isOwn = origin === null || origin === own.origin || isHidden
  if ((site === null || site === 'same-origin') && isOwn) return
  throw forgedError('The form was not sent from a page of this server')
}

/**
 * CSRF: whether the browser says that no other site sent the user here: the link is on a page of this server,
 * or the user typed the address.
 */
export const isUserInitiated = (request: Request): boolean =>
  ['same-origin', 'none'].includes(request.headers.get('sec-fetch-site') ?? '')

/** Binds a sealed value to one browser: the name of a cookie, and the hash of its value. */
export interface BrowserBinding {
  readonly slot: string
  readonly nonce: string
  /** Seconds since the epoch. */
  readonly expires: number
}

/** One kind of value that this server gives to a browser and takes back from the same browser only. */
export interface BoundValues<T extends BrowserBinding> {
  readonly slots: Slots
  readonly codec: SealedCodec<T>
}

/** A new binding, and the cookies that it needs. `lifetime` in seconds. */
export async function bindToBrowser(
  context: Context,
  request: Request,
  slots: Slots,
  lifetime: number,
): Promise<{ binding: BrowserBinding; cookies: string[] }> {
  const nonce = randomToken()
  const { id, evict } = newSlot(context, request, slots)
  const expires = context.runtime.clock() + lifetime
  return {
    binding: { slot: id, nonce: await sha256(nonce, 'form'), expires },
    cookies: [...evict, setCookie(context, slotName(slots, id), nonce, lifetime)],
  }
}

export const sealBound = <T extends BrowserBinding>(
  { sealer, issuer }: Context,
  { slots, codec }: BoundValues<T>,
  value: T,
): Promise<string> => codec.seal(sealer, sealContext(issuer, slots.kind), value)

/** What is wrong with a sealed value that a browser brought, if anything. */
export type BoundResult<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: 'forged' | 'expired' | 'other-browser' }
  | { readonly value: T; readonly problem: 'no-cookie' }

/** Opens a sealed value and says whether it was given to this browser. */
export async function readBound<T extends BrowserBinding>(
  context: Context,
  request: Request,
  { slots, codec }: BoundValues<T>,
  sealed: string | null | undefined,
): Promise<BoundResult<T>> {
  const { sealer, issuer, runtime } = context
  const value = await codec.open(sealer, sealContext(issuer, slots.kind), sealed ?? '')
  if (value === undefined) return { problem: 'forged' }
  if (value.expires <= runtime.clock()) return { problem: 'expired' }
  const nonce = getCookie(context, request, slotName(slots, value.slot))
  if (nonce === undefined) return { value, problem: 'no-cookie' }
  const isBound = constantTimeEqual(await sha256(nonce, 'form'), value.nonce)
  return isBound ? { value } : { problem: 'other-browser' }
}

/** CSRF: the value of a form that this server gave to this browser. Throws a PageError for any other form. */
export async function openForm<T extends BrowserBinding>(
  context: Context,
  request: Request,
  form: BoundValues<T>,
  sealed: string | null,
  explainNoCookie?: (value: T) => PageError | undefined,
): Promise<T> {
  const { value, problem } = await readBound(context, request, form, sealed)
  if (problem === undefined) return value
  if (problem === 'expired') throw expiredError()
  if (problem === 'forged') throw forgedError('The form is not one of this server')
  throw (
    (problem === 'no-cookie' && explainNoCookie?.(value)) ||
    forgedError('The form was not opened in this browser')
  )
}
