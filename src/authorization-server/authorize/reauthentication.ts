import { OAuthError } from '../../errors.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import type { Identity } from '../../types.ts'
import { requestPath, type AuthorizationRequest } from './request.ts'
import { bind, boundNonce, type Binding } from '../browser/binding.ts'
import type { Context } from '../context.ts'
import { isSlotId, type Slots } from '../browser/cookies.ts'

/** Clocks of the login and of this server may differ by so many seconds. */
const skew = 5

const slots: Slots = { kind: 'fresh', max: 5 }

/**
 * Whether this user, signed in as now, has to sign in anew, because the client asks for it (OpenID Connect
 * Core §3.1.2.1). Throws `login_required` if the user was sent to sign in and nothing proves a new sign-in.
 */
export async function mustSignIn(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
  { authTime }: Pick<Identity, 'authTime'>,
  proof: string | undefined,
): Promise<boolean> {
  const { prompt = '', maxAge } = request
  const now = context.runtime.clock()
  const tooOld = maxAge !== undefined && (maxAge === 0 || authTime === undefined || now - authTime > maxAge)
  const renew = tooOld || prompt.includes('login')
  if (!renew && !prompt.includes('select_account')) return false
  const since = await proofTime(context, httpRequest, request, proof)
  if (since === undefined) return true
  // Sending the user to the login again would go on for ever.
  if (renew) requireSignInSince(authTime, since)
  return false
}

/**
 * After a sign-in that began at this time: throws `login_required` if it was not as fresh as the client
 * asks.
 */
export function requireFresh(
  { prompt, maxAge }: AuthorizationRequest,
  { authTime }: Identity,
  begun: number,
): void {
  if (prompt?.includes('login')) requireSignInSince(authTime, begun)
  if (maxAge !== undefined) requireSignInSince(authTime, begun - maxAge)
}

/** A login that does not tell when it was proves nothing. */
function requireSignInSince(authTime: number | undefined, since: number): void {
  if (authTime === undefined || authTime < since - skew)
    throw new OAuthError('login_required', 'The sign-in was not renewed, or does not tell when it was')
}

/**
 * The way back from a sign-in, with the proof that it was demanded for this very request, in this browser:
 * it lies in a cookie, too.
 */
export async function pathAfterSignIn(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
): Promise<{ path: string; cookies: string[] }> {
  const path = requestPath(context, request)
  if (request.prompt === undefined && request.maxAge === undefined) return { path, cookies: [] }
  const { binding, cookies } = await bind(context, httpRequest, slots, context.options.lifetimes.transaction)
  const since = Math.floor(context.runtime.clock()).toString(36)
  const mac = await context.sealer.mac('form', proofText(context, since, binding, path))
  return { path: `${path}&signed_in=${since}.${binding.slot}.${mac}`, cookies }
}

async function proofTime(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
  proof: string | undefined,
): Promise<number | undefined> {
  const [, since = '', slot = '', mac = ''] = /^(\w+)\.(\w+\.[\w-]+)\.([\w-]+)$/.exec(proof ?? '') ?? []
  const at = parseInt(since, 36)
  if (!isSlotId(slot) || !(at + context.options.lifetimes.transaction > context.runtime.clock()))
    return undefined
  const nonce = await boundNonce(context, httpRequest, slots, slot)
  if (nonce === undefined) return undefined
  const text = proofText(context, since, { slot, nonce }, requestPath(context, request))
  const expected = await context.sealer.macs('form', text)
  return expected.some((each) => constantTimeEqual(mac, each)) ? at : undefined
}

const proofText = ({ issuer }: Context, since: string, { slot, nonce }: Binding, path: string): string =>
  `signed-in\n${issuer}\n${since}\n${slot}\n${nonce}\n${path}`
