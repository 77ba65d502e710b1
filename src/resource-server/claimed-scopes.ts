import { ConfigurationError } from '../errors.ts'
import { attributed } from '../lib/runtime.ts'
import { readScopes } from './verify/claims.ts'
import { requireScopes } from './scope-options.ts'
import type { ScopesFromClaims } from './types.ts'

/** What a token's roles and permissions say in scopes (RBAC). */
export function claimedScopes(
  option: ScopesFromClaims | undefined,
): ((claims: Readonly<Record<string, unknown>>) => readonly string[]) | undefined {
  if (option === undefined) return undefined
  if (typeof option === 'function')
    return (claims) => {
      try {
        return option(claims)
      } catch (thrown) {
        throw attributed('scopesFromClaims', thrown)
      }
    }
  if (typeof option !== 'object' || option === null || Array.isArray(option))
    throw new ConfigurationError(
      'scopesFromClaims',
      "pass { claim: { value: ['scope'] } }, or a function from claims to scopes",
    )
  for (const [claim, values] of Object.entries(option)) {
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new ConfigurationError(`scopesFromClaims.${claim}`, "pass { value: ['scope'] }")
    for (const [value, scopes] of Object.entries(values))
      requireScopes(`scopesFromClaims.${claim}.${value}`, scopes)
  }
  return (claims) =>
    Object.entries(option).flatMap(([claim, values]) =>
      // A role's name may contain spaces, so a string is tried whole as well.
      [...readScopes(claims, [claim]), claims[claim]].flatMap((value) =>
        typeof value === 'string' && Object.hasOwn(values, value) ? values[value]! : [],
      ),
    )
}
