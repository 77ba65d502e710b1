import { ConfigurationError } from '../errors.ts'

/** Whether this is one scope-token (RFC 6749 §3.3): printable ASCII without space, quote and backslash. */
export function isScopeToken(text: string): boolean {
  if (text === '') return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x21 || code > 0x7e || code === 0x22 || code === 0x5c) return false
  }
  return true
}

/**
 * The scopes of a `scope` parameter, each once, in order; undefined if it holds anything but scope tokens
 * and spaces. Clients join lists with a space too many, so runs of spaces count as one; no other white
 * space separates.
 */
export function parseScope(text: string): string[] | undefined {
  const scopes = text.split(' ').filter((each) => each !== '')
  return scopes.every(isScopeToken) ? [...new Set(scopes)] : undefined
}

export const formatScope = (scopes: Iterable<string>): string => [...scopes].join(' ')

export interface ScopeHierarchy {
  /** The granted scopes and all that they imply. */
  expand(granted: readonly string[]): ReadonlySet<string>
}

/**
 * A hierarchy such as `{ admin: ['write'], write: ['read'] }`. Implication is transitive; a cycle throws
 * ConfigurationError. MCP 2026-07-28, Step-Up Authorization Flow: servers account for hierarchies when they
 * decide sufficiency.
 */
export function createScopeHierarchy(
  implies: Readonly<Record<string, readonly string[]>> = {},
): ScopeHierarchy {
  const closures = new Map<string, ReadonlySet<string>>()
  for (const scope of Object.keys(implies)) closures.set(scope, closure(implies, scope, []))
  return {
    expand(granted) {
      const all = new Set(granted)
      for (const scope of granted) for (const implied of closures.get(scope) ?? []) all.add(implied)
      return all
    },
  }
}

function closure(
  implies: Readonly<Record<string, readonly string[]>>,
  scope: string,
  path: readonly string[],
): Set<string> {
  if (path.includes(scope)) {
    throw new ConfigurationError(
      'scopeImplies',
      `must have no circle; remove one of ${[...path, scope].join(' → ')}`,
    )
  }
  const all = new Set<string>()
  for (const implied of Object.hasOwn(implies, scope) ? implies[scope]! : []) {
    if (!isScopeToken(implied))
      throw new ConfigurationError(
        `scopeImplies.${scope}`,
        `must be scopes (RFC 6749 §3.3); got ${JSON.stringify(implied)}`,
      )
    all.add(implied)
    for (const deeper of closure(implies, implied, [...path, scope])) all.add(deeper)
  }
  return all
}
