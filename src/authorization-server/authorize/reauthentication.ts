import { OAuthError } from '../../errors.ts'
import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { sha256 } from '../../lib/hash.ts'
import type { Identity } from '../../types.ts'
import {
  bindToBrowser,
  readBound,
  sealBound,
  type BoundValues,
  type BrowserBinding,
} from '../browser/csrf.ts'
import type { Context } from '../context.ts'
import { hasSignedInSince } from '../sign-in/identity.ts'
import { requestPath, type AuthorizationRequest } from './request.ts'

/** Says that this server sent the browser to sign in for one request. */
interface SignInProof extends BrowserBinding {
  /** When the user was sent, in seconds since the epoch. */
  readonly since: number
  /** Hash of the request's path. */
  readonly request: string
}

const proofs: BoundValues<SignInProof> = {
  slots: { kind: 'fresh', max: 5 },
  codec: sealedCodec(
    'form',
    recordCodec<SignInProof>('sign-in proof', {
      slot: 'string',
      nonce: 'string',
      expires: 'number',
      since: 'number',
      request: 'string',
    }),
  ),
}

/**
 * Whether this user has to sign in again, because the client asks for it (`prompt`, `max_age`: OpenID Connect
 * Core §3.1.2.1). Throws `login_required` if the user was sent to sign in and nothing proves a new sign-in.
 */
export async function mustSignInAgain(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
  user: Pick<Identity, 'authTime'>,
  proof: string | undefined,
): Promise<boolean> {
  const { prompt = '', maxAge } = request
  const isTooOld =
    maxAge !== undefined && (maxAge === 0 || !hasSignedInSince(user, context.runtime.clock() - maxAge))
  const needsNewSignIn = isTooOld || prompt.includes('login')
  if (!needsNewSignIn && !prompt.includes('select_account')) return false
  const since = await proofTime(context, httpRequest, request, proof)
  if (since === undefined) return true
  // Sending the user to the login again would never end.
  if (needsNewSignIn) requireSignInSince(user, since)
  return false
}

/**
 * After a sign-in that began at this time: throws `login_required` if it is not as new as the client asks.
 */
export function requireRecentSignIn(
  { prompt, maxAge }: AuthorizationRequest,
  user: Identity,
  startedAt: number,
): void {
  if (prompt?.includes('login')) requireSignInSince(user, startedAt)
  if (maxAge !== undefined) requireSignInSince(user, startedAt - maxAge)
}

function requireSignInSince(user: Pick<Identity, 'authTime'>, since: number): void {
  if (!hasSignedInSince(user, since))
    throw new OAuthError('login_required', 'The sign-in was not renewed, or does not say when it was')
}

/**
 * The path that the sign-in returns to, with a proof that it was demanded for this request in this browser.
 */
export async function pathAfterSignIn(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
): Promise<{ path: string; cookies: string[] }> {
  const path = requestPath(context, request)
  if (request.prompt === undefined && request.maxAge === undefined) return { path, cookies: [] }
  const { transaction } = context.options.lifetimes
  const { binding, cookies } = await bindToBrowser(context, httpRequest, proofs.slots, transaction)
  const since = Math.floor(context.runtime.clock())
  const proof = await sealBound(context, proofs, { ...binding, since, request: await pathHash(path) })
  return { path: `${path}&signed_in=${proof}`, cookies }
}

/** When the user was sent to sign in for this request, if this browser proves it. */
async function proofTime(
  context: Context,
  httpRequest: Request,
  request: AuthorizationRequest,
  proof: string | undefined,
): Promise<number | undefined> {
  const { value, problem } = await readBound(context, httpRequest, proofs, proof)
  if (problem !== undefined) return undefined
  return value.request === (await pathHash(requestPath(context, request))) ? value.since : undefined
}

const pathHash = (path: string): Promise<string> => sha256(path, 'request')
