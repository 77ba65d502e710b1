import { ConfigurationError } from '../../errors.ts'
import { checkOptions, requireSeconds, requireStrings } from '../../lib/options.ts'
import type { Resource } from '../context.ts'
import { requireNeeded, requireOffered } from '../scope-options.ts'
import type { AdmitNeed } from '../types.ts'

/** A checked need. */
export interface Requirement {
  readonly scopes: readonly string[]
  readonly resource: string | undefined
  readonly acrValues: readonly string[] | undefined
  /** Seconds. */
  readonly maxAge: number | undefined
  /** By the resource's index; filled by the guard at the first request for each resource. */
  readonly plans: Plan[]
}

/** A requirement at one resource. */
export interface Plan {
  /** The scopes that every request needs. */
  readonly scopes: readonly string[]
  /** The scopes that a 401 challenge asks for. */
  readonly first: readonly string[]
  /** The headers of the answer to a request without a token. */
  readonly missing: Headers
}

/** Throws ConfigurationError if the need is wrong. */
export function checkNeed(
  need: AdmitNeed,
  resources: readonly Pick<Resource, 'resource' | 'offered'>[],
  also: readonly string[] = [],
): Requirement {
  checkOptions('need', need, ['scopes', 'resource', 'acrValues', 'maxAge', ...also])
  const { resource, acrValues, maxAge, operations } = need
  if (operations !== undefined && typeof operations?.judge !== 'function')
    throw new ConfigurationError('need.operations', 'pass operationScopes({ … }) of tollgate/operations')
  if (typeof (need.optional ?? false) !== 'boolean')
    throw new ConfigurationError('need.optional', 'pass a boolean')
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
