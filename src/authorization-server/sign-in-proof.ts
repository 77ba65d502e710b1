import { OAuthError } from '../errors.ts'
import { constantTimeEqual } from '../lib/equal.ts'
import type { Identity } from '../types.ts'
import { requestPath, type AuthorizationRequest } from './authorization-request.ts'
import type { Context } from './context.ts'

/** Clocks of the login and of this server may differ by so many seconds. */
const skew = 5

/** Whether this user, signed in as he is, has to sign in anew, because the client asks for it (OpenID Connect Core §3.1.2.1). */
export async function mustSignIn(
  context: Context,
  request: AuthorizationRequest,
  { authTime }: Pick<Identity, 'authTime'>,
  proof: string | undefined,
): Promise<boolean> {
  const { prompt = '', maxAge } = request
  const tooOld =
    maxAge !== undefined &&
    (maxAge === 0 || authTime === undefined || context.runtime.clock() - authTime > maxAge)
  if (!tooOld && !/login|select_account/.test(prompt)) return false
  const since = await proofTime(context, request, proof)
  if (since === undefined) return true
  if (authTime === undefined || authTime >= since - skew || !(tooOld || prompt.includes('login')))
    return false
  // The login let the user through without asking: sending him there again would go on for ever.
  throw new OAuthError('login_required', 'The sign-in was not renewed')
}

/** The way back from a sign-in, with the proof that it was demanded for this very request. */
export async function pathAfterSignIn(context: Context, request: AuthorizationRequest): Promise<string> {
  const path = requestPath(context, request)
  if (request.prompt === undefined && request.maxAge === undefined) return path
  const since = Math.floor(context.runtime.clock()).toString(36)
  return `${path}&signed_in=${since}.${await context.keyring.mac('form', proofText(context, since, path))}`
}

async function proofTime(
  context: Context,
  request: AuthorizationRequest,
  proof: string | undefined,
): Promise<number | undefined> {
  const [since = '', mac = ''] = (proof ?? '').split('.')
  const at = parseInt(since, 36)
  if (!(at + context.options.lifetimes.transaction > context.runtime.clock())) return undefined
  const expected = await context.keyring.macs(
    'form',
    proofText(context, since, requestPath(context, request)),
  )
  return expected.some((each) => constantTimeEqual(mac, each)) ? at : undefined
}

const proofText = ({ issuer }: Context, since: string, path: string): string =>
  `signed-in\n${issuer}\n${since}\n${path}`
