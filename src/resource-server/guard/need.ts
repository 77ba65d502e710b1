import { ConfigurationError, InsufficientScopeError, OAuthError } from '../../errors.ts'
import { checkOptions, requireSeconds, requireStrings } from '../../lib/options.ts'
import type { Clock } from '../../types.ts'
import { requireNeeded, requireOffered, type Resource } from '../resources.ts'
import type { Verified } from './token-cache.ts'
import type { ProtectNeed } from '../types.ts'

/** A need, checked. */
export interface Requirement {
  readonly scopes: readonly string[]
  readonly resource: string | undefined
  readonly acrValues: readonly string[] | undefined
  /** Seconds. */
  readonly maxAge: number | undefined
  /** By the resource's index: filled by the gate as resources are asked for. */
  readonly plans: Plan[]
}

/** What a requirement comes to at one resource. */
export interface Plan {
  /** All that every request needs. */
  readonly scopes: readonly string[]
  /** What a challenge asks for if there is no good token. */
  readonly first: readonly string[]
  /** The headers of the answer to a request without a token. */
  readonly missing: Headers
}

/** Throws ConfigurationError where the need is wrong. */
export function requirement(
  need: ProtectNeed,
  resources: readonly Pick<Resource, 'resource' | 'offered'>[],
  also: readonly string[] = [],
): Requirement {
  checkOptions('need', need, ['scopes', 'resource', 'acrValues', 'maxAge', ...also])
  const { resource, acrValues, maxAge, operations } = need
  if (operations !== undefined && typeof operations?.judge !== 'function')
    throw new ConfigurationError('need.operations', 'pass operationScopes({ … }) of tollgate/operations')
  const meant = resource === undefined ? resources : resources.filter((each) => each.resource === resource)
  if (meant.length === 0)
    throw new ConfigurationError(
      'need.resource',
      `"${resource}" is not among ${resources.map((each) => each.resource).join(', ')}`,
    )
  const scopes = requireNeeded('need.scopes', need.scopes ?? [])
  requireOffered('need.scopes', scopes, meant)
  requireOffered('operations', operations?.scopes ?? [], meant)
  return {
    scopes,
    resource,
    acrValues: acrValues && requireStrings('need.acrValues', acrValues),
    maxAge:
      maxAge === undefined
        ? undefined
        : requireSeconds('need.maxAge', maxAge, { min: 0, max: 31_536_000, default: 0 }),
    plans: [],
  }
}

/** What stands against the request although its token is good: InsufficientScopeError naming all scopes, or RFC 9470's error. */
export function unmet(
  scopes: readonly string[],
  { acrValues, maxAge }: Requirement,
  { granted, auth }: Verified,
  clock: Clock,
): OAuthError | undefined {
  for (const scope of scopes) if (!granted.has(scope)) return new InsufficientScopeError(scopes)
  if (acrValues === undefined && maxAge === undefined) return undefined
  const { acr, auth_time: authTime } = auth.claims
  const weak = acrValues !== undefined && !(typeof acr === 'string' && acrValues.includes(acr))
  const old = maxAge !== undefined && !(typeof authTime === 'number' && authTime + maxAge >= clock())
  return weak || old
    ? new OAuthError('insufficient_user_authentication', 'This needs a stronger or more recent sign-in', {
        status: 401,
      })
    : undefined
}
