import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { randomToken } from '../../lib/random.ts'
import type { Context } from '../context.ts'
import { newSlot, ownCookie, readOwnCookie, type Slots } from './cookies.ts'

/**
 * What a sealed form says about the browser that it was given to: the name of a cookie, and the hash of
 * what lies in it.
 */
export interface Binding {
  readonly slot: string
  readonly nonce: string
}

/**
 * Binds one render of a form to this browser: a cookie of its own, so that other tabs and a reload disturb
 * nothing.
 */
export async function bind(
  context: Context,
  request: Request,
  slots: Slots,
  lifetime: number,
): Promise<{ binding: Binding; cookies: string[] }> {
  const nonce = randomToken()
  const { id, evict } = newSlot(context, request, slots)
  return {
    binding: { slot: id, nonce: await sha256(nonce, 'form') },
    cookies: [...evict, ownCookie(context, `${slots.kind}-${id}`, nonce, lifetime)],
  }
}

/** The hash of what lies in the cookie of this name, or undefined: it is not there. */
export async function boundNonce(
  context: Context,
  request: Request,
  { kind }: Slots,
  slot: string,
): Promise<string | undefined> {
  const value = readOwnCookie(context, request, `${kind}-${slot}`)
  return value === undefined ? undefined : sha256(value, 'form')
}

/** `absent`: the cookie is not there; `foreign`: it is, and holds something else. */
export async function checkBinding(
  context: Context,
  request: Request,
  slots: Slots,
  { slot, nonce }: Binding,
): Promise<'bound' | 'absent' | 'foreign'> {
  const found = await boundNonce(context, request, slots, slot)
  if (found === undefined) return 'absent'
  return constantTimeEqual(found, nonce) ? 'bound' : 'foreign'
}
