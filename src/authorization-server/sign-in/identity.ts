import { ConfigurationError, OAuthError } from '../../errors.ts'
import { requireJson } from '../../lib/options.ts'
import type { Identity } from '../../types.ts'
import type { Context, Resource } from '../context.ts'
import { narrowAccess } from '../grant/access.ts'
import type { Access } from '../grants.ts'
import { readSession } from './session.ts'

/**
 * The user who is signed in, or undefined. The server's own session says so if the sign-in comes back to this
 * server (`finish`), otherwise the application does.
 */
export async function identifyUser(context: Context, request: Request): Promise<Identity | undefined> {
  const { signIn } = context
  const session = signIn.finish === undefined ? undefined : await readSession(context, request)
  return session ?? checkIdentity(await signIn.identify(request))
}

/** What a sign-in returned, checked. A falsy value means that the user is not signed in. */
export function checkIdentity(identity: Identity | null | undefined): Identity | undefined {
  if (!identity) return undefined
  const { subject } = identity
  // Half a surrogate pair has no UTF-8 form, so two such subjects would be one user.
  if (typeof subject !== 'string' || subject === '' || /\p{Cs}/u.test(subject))
    throw new ConfigurationError('signIn', 'must give an identity a subject: a non-empty, well-formed string')
  requireJson(identity.props, 'identity.props')
  return identity
}

/**
 * What this user may grant of it. Throws `access_denied` if nothing is left; its cause, which goes only into
 * the event, names scopes of the identity that no resource has.
 */
export function limitAccess(
  { resources }: Pick<Context, 'resources'>,
  access: Access,
  identity: Identity | undefined,
): Access {
  const allowed = identity?.scopes
  if (allowed === undefined) return access
  const left = narrowAccess(access, (scope) => allowed.includes(scope))
  if (Object.keys(left).length > 0) return left
  const unknown = unknownScopes(allowed, resources.all)
  throw new OAuthError('access_denied', 'This account cannot grant what was asked for', {
    cause:
      unknown.length > 0
        ? new ConfigurationError(
            'signIn',
            `gave an identity scopes that no resource has: ${unknown.join(' ')}`,
          )
        : undefined,
  })
}

const unknownScopes = (scopes: readonly string[], resources: readonly Pick<Resource, 'scopes'>[]): string[] =>
  scopes.filter((scope) => !resources.some((each) => Object.hasOwn(each.scopes, scope)))

/** Seconds by which the clocks of the login and of this server may differ. */
const clockSkew = 5

/**
 * Whether the user has signed in since then, as far as the login says when it was. `since`: seconds since the
 * epoch.
 */
export const hasSignedInSince = ({ authTime }: Pick<Identity, 'authTime'>, since: number): boolean =>
  authTime !== undefined && authTime >= since - clockSkew
