import { ConfigurationError, OAuthError } from '../../errors.ts'
import type { Identity } from '../../types.ts'
import { narrowAccess } from '../grant/access.ts'
import type { Access } from '../grants.ts'
import type { AuthorizationRequest } from '../authorize/request.ts'
import type { Context } from '../context.ts'
import { readSession } from './session.ts'

/**
 * Who is signed in: by the application's own login, or, if the sign-in comes back to this server, by the
 * own session.
 */
export async function whoIs(context: Context, request: Request): Promise<Identity | undefined> {
  const { signIn } = context
  const session = signIn.finish === undefined ? undefined : await readSession(context, request)
  return session ?? checkedIdentity(await signIn.identify(request))
}

/** What a sign-in said; a falsy value means that the user is not signed in. */
export function checkedIdentity(identity: Identity | null | undefined): Identity | undefined {
  if (!identity) return undefined
  // Half a surrogate pair has no UTF-8, so two such subjects would be one user.
  if (typeof identity.subject !== 'string' || identity.subject === '' || /\p{Cs}/u.test(identity.subject))
    throw new ConfigurationError('signIn', 'an identity has a subject: a non-empty, well-formed string')
  return identity
}

/** What this user may be asked for: never more than the user may grant. */
export function narrowed(
  request: AuthorizationRequest,
  identity: Identity | undefined,
): AuthorizationRequest {
  return { ...request, access: grantable(request.access, identity) }
}

/** Throws `access_denied` if nothing is left of what was asked for. */
export function grantable(access: Access, identity: Identity | undefined): Access {
  const most = identity?.scopes
  if (most === undefined) return access
  const left = narrowAccess(access, (scope) => most.includes(scope))
  if (Object.keys(left).length === 0)
    throw new OAuthError('access_denied', 'This account cannot grant what was asked for')
  return left
}
