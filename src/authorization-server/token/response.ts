import { OAuthError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import type { NewEvent } from '../../lib/runtime.ts'
import { formatScope } from '../../protocol/scope.ts'
import type { Context, Resource } from '../context.ts'
import type { GrantRecord } from '../grants.ts'
import { invalidTarget } from '../resources.ts'
import { issueAccessToken } from './access-token.ts'

/** A token request. Each parameter stands in it at most once; `resource` may be repeated (RFC 8707 §2). */
export interface TokenRequest {
  parameters: ReadonlyMap<string, string>
  resources: readonly string[]
  /** Its body is read. */
  httpRequest: Request
}

/** OAuth 2.1 §3.2.3. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  scope: string
  refresh_token?: string
}

const refusal = 'The code or refresh token is invalid, expired, revoked or of another client'

/** The same for every code and refresh token that is refused, whatever the reason (OAuth 2.1 §3.2.4). */
export const invalidGrant = (): OAuthError => new OAuthError('invalid_grant', refusal)

/**
 * No grant has this code or token, so it may be a guess: it counts for the rate limit. The answer is that of
 * `invalidGrant`.
 */
export class UnknownGrantError extends OAuthError {
  constructor() {
    super('invalid_grant', refusal)
  }
}

/** Seconds by which the clocks of two instances may differ without an event. */
const toleratedSkew = 1

/** An event if this time lies in the future: another instance wrote it, and its clock is ahead of ours. */
export function skewEvents(
  time: number | undefined,
  now: number,
  about: Pick<NewEvent, 'issuer' | 'grantId' | 'clientId' | 'subject'>,
): NewEvent[] {
  const duration = (time ?? 0) - now
  return duration > toleratedSkew ? [{ type: 'clock.skewed', level: 'warning', duration, ...about }] : []
}

/**
 * The one resource of the access token: the requested one, or the first granted one (RFC 8707 §2.2). Throws
 * `invalid_target`.
 */
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

/**
 * The scopes that the user granted for this resource and that it still has. Two resources may use one name
 * for different things.
 */
export function grantedScopes(
  { resources }: Context,
  { access = {}, scopes }: GrantRecord,
  resource: Resource,
): readonly string[] {
  const own = Object.entries(access).find(([each]) => resources.find(each) === resource)
  return (own?.[1] ?? scopes).filter((each) => Object.hasOwn(resource.scopes, each))
}

/**
 * False if everything was granted for other resources: no token is issued with an empty scope for that
 * reason.
 */
const isGranted = (context: Context, grant: GrantRecord, resource: Resource): boolean =>
  grant.scopes.length === 0 ||
  Object.keys(resource.scopes).length === 0 ||
  grantedScopes(context, grant, resource).length > 0

/** The answer, with an access token for the wanted scopes that were granted for this resource. */
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
    // Also if it is what was asked for: some clients read an absent scope as "none".
    scope: formatScope(scopes),
    ...defined({ refresh_token: refreshToken }),
  }
}
