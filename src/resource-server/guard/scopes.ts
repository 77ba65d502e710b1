import type { ScopeHierarchy } from '../../protocol/scope.ts'

/** What {@link compareScopes} finds. */
export interface ScopeComparison {
  readonly sufficient: boolean
  /** The needed scopes that the token does not carry. Empty if they are sufficient. */
  readonly missing: readonly string[]
}

/**
 * Scope comparison: compares what a request needs with what its token carries, implied scopes included (see
 * {@link
 * carriedScopes}). The guard's 403 `insufficient_scope` (RFC 6750 §3.1), the rules for operations, list
 * filters, `auth.hasScope` and events all ask here.
 */
export function compareScopes(carried: ReadonlySet<string>, needed: readonly string[]): ScopeComparison {
  let missing: string[] | undefined
  for (const scope of needed) if (!carried.has(scope)) (missing ??= []).push(scope)
  return missing === undefined ? sufficient : { sufficient: false, missing }
}

const sufficient: ScopeComparison = { sufficient: true, missing: [] }

/**
 * All scopes that a token carries: its own, those that follow from its claims (`scopesFromClaims`), and those
 * that they imply (`scopeImplies`; MCP 2026-07-28, Step-Up Authorization Flow: servers account for
 * hierarchies).
 */
export function carriedScopes(
  token: { readonly scopes: readonly string[]; readonly claims: Readonly<Record<string, unknown>> },
  hierarchy: ScopeHierarchy,
  claimedScopes?: (claims: Readonly<Record<string, unknown>>) => readonly string[],
): ReadonlySet<string> {
  const claimed = claimedScopes === undefined ? [] : claimedScopes(token.claims)
  return hierarchy.expand([...token.scopes, ...claimed])
}
