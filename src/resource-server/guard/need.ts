import { flag, methods, object, oneOf, seconds, strings, type OptionalOption } from '../../lib/options.ts'
import type { Resource } from '../context.ts'
import { neededScopes, requireOffered } from '../scope-options.ts'
import type { AdmitNeed, OperationJudge } from '../types.ts'

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

/**
 * Throws ConfigurationError if the need is wrong. Only `protect` and `admit` judge operations, and only
 * `admit` is optional.
 */
export function checkNeed(
  need: AdmitNeed,
  resources: readonly Pick<Resource, 'resource' | 'offered'>[],
  caller: 'authenticate' | 'protect' | 'admit',
): Requirement {
  const names = resources.map((each) => each.resource)
  const read = object({
    scopes: neededScopes().default([]),
    resource: oneOf(names),
    acrValues: strings(),
    maxAge: seconds({ min: 0, max: 31_536_000 }),
    ...(caller === 'authenticate' ? {} : { operations: operationScopes() }),
    ...(caller === 'admit' ? { optional: flag() } : {}),
  }).required(need, 'need')
  const { resource, scopes, acrValues, maxAge } = read
  const meant = resource === undefined ? resources : resources.filter((each) => each.resource === resource)
  requireOffered('need.scopes', scopes, meant)
  requireOffered('operations', need.operations?.scopes ?? [], meant)
  return { scopes, resource, acrValues, maxAge, plans: [] }
}

const operationScopes = (): OptionalOption<OperationJudge> =>
  methods(['judge'], 'operationScopes({ … }) of tollgate/operations')
