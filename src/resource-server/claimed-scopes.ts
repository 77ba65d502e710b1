import { attributed } from '../lib/runtime.ts'
import { record } from '../lib/options.ts'
import { readScopes } from './verify/claims.ts'
import { scopeList } from './scope-options.ts'

type Claims = Readonly<Record<string, unknown>>

/**
 * Reads the option `scopesFromClaims`: the scopes that follow from a token's roles and permissions (RBAC).
 */
export function readScopesFromClaims(value: unknown, name: string): (claims: Claims) => readonly string[] {
  if (typeof value === 'function') return callAttributed(value as (claims: Claims) => readonly string[])
  const byValue = record(scopeList().required, "{ value: ['scope'] }").required
  const table = record(byValue, "{ claim: { value: ['scope'] } }, or a function").required(value, name)
  return (claims) =>
    Object.entries(table).flatMap(([claim, scopes]) =>
      // A role's name may contain spaces, so a string is tried whole as well.
      [...readScopes(claims, [claim]), claims[claim]].flatMap((each) =>
        typeof each === 'string' && Object.hasOwn(scopes, each) ? scopes[each]! : [],
      ),
    )
}

/** What the application's function throws is reported as `scopesFromClaims`. */
function callAttributed(read: (claims: Claims) => readonly string[]): (claims: Claims) => readonly string[] {
  return (claims) => {
    try {
      return read(claims)
    } catch (thrown) {
      throw attributed('scopesFromClaims', thrown)
    }
  }
}
