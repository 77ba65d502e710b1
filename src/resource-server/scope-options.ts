import { ConfigurationError } from '../errors.ts'
import { nearestName, requireStrings } from '../lib/options.ts'
import { isScopeToken } from '../protocol/scope.ts'
import type { Resource } from './context.ts'

/** A list of scopes (RFC 6749 §3.3), each once. */
export function requireScopes(option: string, value: unknown): readonly string[] {
  const scopes = requireStrings(option, value)
  const wrong = scopes.find((scope) => !isScopeToken(scope))
  if (wrong !== undefined)
    throw new ConfigurationError(option, `"${wrong}" is not one scope; pass each as a string of its own`)
  return [...new Set(scopes)]
}

/** Scopes that a request may need (MCP, Refresh Tokens: offline_access is never one). */
export function requireNeeded(option: string, value: unknown): readonly string[] {
  const scopes = requireScopes(option, value)
  if (scopes.includes('offline_access'))
    throw new ConfigurationError(option, 'take offline_access out: it is for authorization servers')
  return scopes
}

/** Throws if a scope is offered for none of these resources: no token could ever carry it. */
export function requireOffered(
  option: string,
  scopes: readonly string[],
  resources: readonly Pick<Resource, 'resource' | 'offered'>[],
): void {
  for (const scope of scopes) {
    if (resources.some(({ offered }) => offered === undefined || offered.includes(scope))) continue
    const offered = resources.flatMap((each) => each.offered ?? [])
    const nearest = nearestName(scope, offered)
    const hint = nearest === undefined ? `it offers ${offered.join(', ')}` : `did you mean "${nearest}"?`
    const where = resources.map(({ resource }) => resource).join(', ')
    throw new ConfigurationError(
      option,
      `the authorization server does not offer "${scope}" for ${where}; ${hint}`,
    )
  }
}
