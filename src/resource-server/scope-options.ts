import { ConfigurationError } from '../errors.ts'
import { custom, list, matching, nearestNames, optionError, type OptionalOption } from '../lib/options.ts'
import { isScopeToken } from '../protocol/scope.ts'
import type { Resource } from './context.ts'

/** A list of scopes (RFC 6749 §3.3), each once. */
export const scopeList = (): OptionalOption<readonly string[]> => eachOnce(scope)

/** Scopes that a request may need. `offline_access` is never one (MCP, Refresh Tokens). */
export const neededScopes = (): OptionalOption<readonly string[]> =>
  eachOnce(
    custom('a scope', (value, name) => {
      if (value !== 'offline_access') return scope.required(value, name)
      throw optionError(name, 'a scope of the resource', value, 'offline_access is for authorization servers')
    }),
  )

const scope: OptionalOption<string> = matching(
  'one scope (RFC 6749 §3.3)',
  (value) => typeof value === 'string' && isScopeToken(value),
  'Pass each scope as a string of its own',
)

const eachOnce = (item: OptionalOption<string>): OptionalOption<readonly string[]> => {
  const scopes = list(item)
  return custom('a list of scopes', (value, name) => [...new Set(scopes.required(value, name))])
}

/** Throws if none of these resources offers a scope: no token could ever carry it. */
export function requireOffered(
  option: string,
  scopes: readonly string[],
  resources: readonly Pick<Resource, 'resource' | 'offered'>[],
): void {
  for (const scope of scopes) {
    if (resources.some(({ offered }) => offered === undefined || offered.includes(scope))) continue
    const offered = resources.flatMap((each) => each.offered ?? [])
    const [nearest] = nearestNames(scope, offered)
    const hint = nearest === undefined ? `It offers ${offered.join(', ')}` : `Did you mean "${nearest}"?`
    const where = resources.map(({ resource }) => resource).join(', ')
    throw new ConfigurationError(
      option,
      `must be scopes that the authorization server offers for ${where}; got "${scope}". ${hint}`,
    )
  }
}
