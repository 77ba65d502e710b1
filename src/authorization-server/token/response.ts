import { OAuthError } from '../../errors.ts'
import { formatScope } from '../../protocol/scope.ts'
import type { Context, Resource } from '../context.ts'
import type { GrantRecord } from '../grants.ts'
import { invalidTarget } from '../resources.ts'
import { issueAccessToken } from './tokens.ts'

/** A token request, its parameters each at most once. `resource` may be repeated (RFC 8707 §2). */
export interface TokenRequest {
  parameters: ReadonlyMap<string, string>
  resources: readonly string[]
}

/** OAuth 2.1 §3.2.3. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  scope: string
  refresh_token?: string
}

const dead = 'The code or refresh token is invalid, expired, revoked or of another client'

/** The same for every dead code and refresh token, whatever it died of (OAuth 2.1 §3.2.4). */
export const invalidGrant = (): OAuthError => new OAuthError('invalid_grant', dead)

/** Nothing that is known fits, so it may be a guess, and is counted; on the wire it looks like any other. */
export class UnknownGrantError extends OAuthError {
  constructor() {
    super('invalid_grant', dead)
  }
}

/** Seconds by which clocks of instances may differ before it is told. */
const toleratedSkew = 1

/** The event, if this time lies in the future: another instance wrote it, and its clock is ahead of ours. */
export function aheadOf(
  time: number | undefined,
  now: number,
): { type: 'clock.skewed'; level: 'warning'; duration: number } | undefined {
  const duration = (time ?? 0) - now
  return duration > toleratedSkew ? { type: 'clock.skewed', level: 'warning', duration } : undefined
}

/** The one resource that the token is for: the requested one, or the first granted (RFC 8707 §2.2). Throws `invalid_target`. */
export function grantedResource(
  context: Context,
  grant: GrantRecord,
  requested: readonly string[],
): Resource {
  if (requested.length > 1) throw invalidTarget('An access token is for one resource; ask for one at a time')
  const granted = grant.resources
    .flatMap((each) => context.resources.find(each) ?? [])
    .filter((each) => isGranted(context, grant, each))
  const wanted = requested[0] === undefined ? granted[0] : context.resources.find(requested[0])
  if (wanted === undefined || !granted.includes(wanted))
    throw invalidTarget('The user granted nothing for this resource')
  return wanted
}

/** What the user granted of this resource, as far as it still knows it: a scope of one name may mean something else elsewhere. */
export function grantedScopes(
  { resources }: Context,
  { access = {}, scopes }: GrantRecord,
  resource: Resource,
): readonly string[] {
  const own = Object.entries(access).find(([each]) => resources.find(each) === resource)
  return (own?.[1] ?? scopes).filter((each) => Object.hasOwn(resource.scopes, each))
}

/** No token has an empty scope because what was granted was granted elsewhere. */
const isGranted = (context: Context, grant: GrantRecord, resource: Resource): boolean =>
  grant.scopes.length === 0 ||
  Object.keys(resource.scopes).length === 0 ||
  grantedScopes(context, grant, resource).length > 0

/** The answer, with an access token for what was granted of the resource and wanted. */
export async function tokenResponse(
  context: Context,
  grantId: string,
  grant: GrantRecord,
  resource: Resource,
  wanted: readonly string[],
  refreshToken: string | undefined,
): Promise<TokenResponse> {
  const scopes = grantedScopes(context, grant, resource).filter((each) => wanted.includes(each))
  const { token, expiresIn } = await issueAccessToken(context, grantId, grant, resource, scopes)
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: expiresIn,
    // Always: clients take a missing one for "nothing granted".
    scope: formatScope(scopes),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  }
}
